"""Keras on TensorFlow: with its defaults, compiled by XLA, and with many steps per execution."""

from unittest import mock

import numpy as np
import tensorflow as tf

from benchmarks.task import Fit, Orders, Task
from benchmarks.with_keras import fit

#: A whole epoch.
STEPS = 235


def keras_fit(task: Task, steps: int = 1, jit: bool | str = "auto") -> Fit:
    orders = Orders(task)

    def shuffle(indices: tf.Tensor) -> tf.Tensor:
        order = tf.numpy_function(lambda: orders.next().astype(np.int64), [], tf.int64)
        return tf.cast(tf.ensure_shape(order, indices.shape), indices.dtype)

    # Keras shuffles with this function, in a graph.
    with mock.patch.object(tf.random, "shuffle", shuffle):
        return fit(task, orders, steps, jit)


def keras_jit(task: Task) -> Fit:
    return keras_fit(task, jit=True)


def keras_steps(task: Task) -> Fit:
    return keras_fit(task, STEPS)
