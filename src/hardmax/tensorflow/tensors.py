"""TensorFlow's tensors under the book's names, devices, and random seeds."""

import contextlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from hardmax.training.devices import choose_device

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


def cpu() -> Any:
    """Return the CPU, for a ``with`` block."""
    return tf.device("/CPU:0")


def gpu(i: int = 0) -> Any:
    """Return GPU number ``i``, for a ``with`` block, whether or not there is one."""
    return tf.device(f"/GPU:{i}")


def num_gpus() -> int:
    """Return the number of GPUs."""
    return len(tf.config.list_physical_devices("GPU"))


def try_gpu(i: int = 0) -> Any:
    """Return GPU number ``i`` if there is one, else the CPU, for a ``with`` block."""
    return gpu(i) if num_gpus() > i else cpu()


def try_all_gpus() -> list[Any]:
    """Return every GPU, or the CPU if there is none."""
    return [gpu(i) for i in range(num_gpus())] or [cpu()]


def find_device(name: str) -> str:
    """Return TensorFlow's name of the device for a name: auto, cpu, cuda or cuda:N.

    Raises ArgumentError if this machine has no such device.
    """
    available = {f"cuda:{i}": f"/GPU:{i}" for i in range(num_gpus())}
    return choose_device(name, available | {"cpu": "/CPU:0"})


def place(target: Any, device: str) -> None:
    """Move a loader to a device; a model's variables stay where they were created."""
    if not isinstance(target, tf.keras.Model):
        target.to(device)


def scalars(values: np.ndarray) -> Sequence[Any]:
    """Return the elements of a NumPy array of shape (n,) as NumPy scalars."""
    return list(values)


@contextlib.contextmanager
def seeded(seed: int | None, device: str) -> Iterator[None]:
    """Seed TensorFlow's random numbers, and Python's, which Keras uses too, in a block.

    After it Python's state is restored; TensorFlow's cannot be, and is seeded with a number that
    was drawn from it before. Without a seed the random state is left alone.
    """
    if seed is None:
        yield
        return
    state = random.getstate()
    after = int(tf.random.uniform((), maxval=2**31 - 1, dtype=tf.int32))
    random.seed(seed)
    tf.random.set_seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
        tf.random.set_seed(after)
