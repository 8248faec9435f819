"""What several processes sum among their devices, by TensorFlow's own means."""

import contextlib
import ipaddress
import warnings
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import tensorflow as tf
from tensorflow.python.distribute import collective_all_reduce_strategy
from tensorflow.python.eager import context

from hardmax.errors import ArgumentError
from hardmax.frameworks import silenced
from hardmax.processes.environment import free_port
from hardmax.processes.group import Group, group

__all__ = ["all_sum", "all_sum_at_once", "are_together", "join", "moments", "together"]


@cache
def join() -> Group:
    """Join the other processes, if there are any, at the first call; return their group.

    Raises ArgumentError if that is impossible, or if TensorFlow has been used before.
    """
    joined = group()
    if joined.size > 1:
        _replica()
    return joined


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Compute with this process's share of a batch in a block, on the device that is its own.

    Of one process nothing is changed.
    """
    if join().size == 1:
        yield
        return
    with tf.device(_device()), _replica():
        yield


def are_together() -> bool:
    """Return whether this is such a block, of several processes."""
    return join().size > 1 and tf.distribute.get_replica_context() is _replica()


def all_sum(*tensors: tf.Tensor) -> list[tf.Tensor]:
    """Return the sums of the processes' tensors, of equal shapes; in such a block only.

    Their gradients are sums, too.
    """
    sums: dict[int, tf.Tensor] = {}
    with tf.device(_device()):
        for dtype in dict.fromkeys(one.dtype for one in tensors):
            # Copies, because a sum needs to know the device of each.
            same = {i: tf.identity(one) for i, one in enumerate(tensors) if one.dtype == dtype}
            sums |= zip(same, _replica().all_reduce("SUM", [*same.values()]), strict=True)
    return [sums[i] for i in range(len(tensors))]


#: The same in one exchange also outside of a graph, but without gradients.
all_sum_at_once = tf.function(all_sum, autograph=False)


def moments(values: tf.Tensor, axes: Sequence[int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the mean and the variance along ``axes`` of the values of all processes.

    Those of each are merged as by Chan, Golub and LeVeque, "Algorithms for Computing the Sample
    Variance" (1983), in one exchange.
    """
    place = join().place
    count = tf.cast(tf.reduce_prod(tf.gather(tf.shape(values), axes)), values.dtype)
    mean, variance = tf.nn.moments(values, axes)
    own = tf.concat([count[tf.newaxis], mean, variance], 0)
    (of_all,) = all_sum(tf.one_hot(place.rank, place.size)[:, tf.newaxis] * own)
    counts, means, variances = tf.split(of_all, [1, *mean.shape, *mean.shape], 1)
    shares = counts / tf.reduce_sum(counts)
    mean = tf.reduce_sum(shares * means, 0)
    return mean, tf.reduce_sum(shares * (variances + (means - mean) ** 2), 0)


def _device() -> str:
    """Return the device that is summed from."""
    (device,) = _replica().strategy.extended.worker_devices
    return device


@cache
def _replica() -> tf.distribute.ReplicaContext:
    """Return this process as one of those of TensorFlow's strategy, which the first call starts.

    Raises ArgumentError if TensorFlow has been used before.
    """
    joined = group()
    try:
        gpus = _choose_gpu(joined)
        addresses = _addresses(joined)
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": addresses}),
            task_type="worker",
            task_id=joined.place.rank,
            num_accelerators={"GPU": gpus},
            rpc_layer="grpc",
        )
        with silenced():
            # TensorFlow would notice itself if a process ends, but takes one that is done before
            # the others for a failure, and lets none be ended by SIGTERM.
            context.context().configure_coordination_service(service_type="")
            extended = collective_all_reduce_strategy.CollectiveAllReduceExtended
            extended._enable_check_health = False
            strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except RuntimeError as error:
        raise ArgumentError(
            "TensorFlow was used before the processes could join; import hardmax.tensorflow before "
            f"anything is computed ({error})"
        ) from error
    joined.wait()  # until all can be reached
    return tf.distribute.ReplicaContext(strategy, joined.place.rank)


def _choose_gpu(joined: Group) -> int:
    """Let TensorFlow see this process's own GPU alone; return the number of GPUs, 0 or 1.

    All processes have one, or none has.
    """
    gpus = tf.config.list_physical_devices("GPU")
    # By the remainder, as what starts the processes may let each see only its own.
    own = [gpus[joined.place.local_rank % len(gpus)]] if gpus else []
    if not joined.gather(np.array([len(own)])).all():
        if own:
            warnings.warn(
                "some of the processes have no GPU, so all of them compute on the CPU", stacklevel=2
            )
        own = []
    tf.config.set_visible_devices(own, "GPU")
    return len(own)


def _addresses(joined: Group) -> list[str]:
    """Return where TensorFlow waits in each process, on a port that is free: host:port."""
    # The first process may be reached from its own machine in another way than from others.
    ends = [connection.getsockname()[0] for connection in joined.connections.values()]
    host = min(ends, key=_is_loopback)
    own = np.array([[host, str(free_port())]], "S16")
    found = joined.gather(own).astype(str).tolist()
    first = found[0][0]
    return [f"{first if _is_loopback(host) else host}:{port}" for host, port in found]


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback
