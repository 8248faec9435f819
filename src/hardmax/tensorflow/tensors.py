"""TensorFlow's tensors and devices under the book's names."""

import numpy as np
import tensorflow as tf

from hardmax.training.devices import Devices

reshape = tf.reshape
ones = tf.ones
zeros = tf.zeros
exp = tf.exp
log = tf.math.log
normal = tf.random.normal
rand = tf.random.uniform
matmul = tf.matmul
reduce_sum = tf.reduce_sum
reduce_mean = tf.reduce_mean
argmax = tf.argmax
tensor = tf.constant
arange = tf.range
astype = tf.cast
float32 = tf.float32
transpose = tf.transpose
concat = tf.concat
stack = tf.stack
abs = tf.abs
numpy = np.asarray


def size(x: tf.Tensor) -> int:
    """Return the number of elements of ``x``."""
    return int(tf.size(x))


def cpu() -> tf.device:
    """Return the CPU, for a ``with`` block."""
    return tf.device("/CPU:0")


def gpu(i: int = 0) -> tf.device:
    """Return GPU number ``i``, for a ``with`` block, whether or not there is one."""
    return tf.device(f"/GPU:{i}")


def num_gpus() -> int:
    """Return the number of GPUs."""
    return len(tf.config.list_physical_devices("GPU"))


_devices = Devices(cpu, gpu, num_gpus)
try_gpu = _devices.try_gpu
try_all_gpus = _devices.try_all_gpus
