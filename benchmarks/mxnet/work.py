"""The task in MXNet's terms."""

from functools import cache

from mxnet import np

from benchmarks.task import Task
from hardmax.data.datasets import Pictures
from hardmax.mxnet import layers


def forget() -> None:
    """Forget what was compiled: here nothing is."""


@cache
def tensors(pictures: Pictures) -> tuple[np.ndarray, np.ndarray]:
    """Return images, uint8 (examples, channels, height, width), and labels, int32."""
    images = np.array(pictures.images.transpose(0, 3, 1, 2), dtype="uint8")
    return images, np.array(pictures.labels, dtype="int32")


def network(task: Task):
    """Return the network of Gluon's layers, hybridized, with the starting weights."""
    net = layers.build(task.architecture)
    layers.make_weights(net, task.shape)
    layers.set_weights(net, task.weights())
    net.hybridize(static_alloc=True, static_shape=True)
    return net
