"""The task in TensorFlow."""

from functools import cache

import numpy as np
import tensorflow as tf

from benchmarks.task import Task
from hardmax.data.datasets import Images
from hardmax.networks.layouts import from_channels_last, to_channels_last
from hardmax.tensorflow import layers


def clear_caches() -> None:
    """Clear compiled code, so that every training starts as in a new process."""
    tf.keras.backend.clear_session()


@cache
def tensors(images: Images) -> tuple[tf.Tensor, tf.Tensor]:
    """Return images, uint8 (examples, height, width, channels), and labels, int32."""
    return tf.constant(images.images.copy()), tf.constant(images.labels.astype(np.int32))


def network(task: Task) -> tf.keras.Sequential:
    """Return the network of Keras layers, with the initial weights."""
    net = layers.build(task.architecture)
    layers.make_weights(net, task.shape)
    native = to_channels_last(task.architecture, task.shape, task.weights())
    for variable, value in zip(net.trainable_variables, native.values(), strict=True):
        variable.assign(value)
    return net


def portable(task: Task, variables: list) -> dict[str, np.ndarray]:
    """Return the weights by portable name."""
    weights = dict(zip(task.weights(), (v.numpy() for v in variables), strict=True))
    return from_channels_last(task.architecture, task.shape, weights)
