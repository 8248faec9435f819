"""The task in MXNet."""

from functools import cache

from mxnet import np

from benchmarks.task import Task
from hardmax.data.datasets import Images
from hardmax.mxnet import layers


def clear_caches() -> None:
    """Do nothing: no code is compiled."""


@cache
def tensors(part: Images) -> tuple[np.ndarray, np.ndarray]:
    """Return images, uint8 (examples, channels, height, width), and labels, int32."""
    images = np.array(part.images.transpose(0, 3, 1, 2), dtype="uint8")
    return images, np.array(part.labels, dtype="int32")


def network(task: Task):
    """Return the network of Gluon layers, hybridized, with the initial weights."""
    net = layers.build(task.architecture)
    layers.make_weights(net, task.shape)
    layers.set_weights(net, task.weights())
    net.hybridize(static_alloc=True, static_shape=True)
    return net
