"""What the shared parts of training need of TensorFlow: devices, modes, scalars, random seeds."""

import contextlib
import os
import random
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from hardmax.tensorflow.tensors import gpu, num_gpus
from hardmax.training.contracts import Movable
from hardmax.training.devices import choose_device
from hardmax.training.precision import cpu_has_bfloat16

__all__ = [
    "draw_seed",
    "find_device",
    "gpu",
    "has_fast_bfloat16",
    "num_gpus",
    "place",
    "scalars",
    "seeded",
    "set_training",
]


#: TensorFlow's name of the CPU.
CPU = "/CPU:0"


def find_device(name: str) -> str:
    """Return TensorFlow's name of the device for a name: auto, cpu, cuda or cuda:N.

    Raises ArgumentError if this machine has no such device.
    """
    available = {f"cuda:{i}": f"/GPU:{i}" for i in range(num_gpus())}
    return choose_device(name, available | {"cpu": CPU})


def has_fast_bfloat16(device: str) -> bool:
    """Return whether convolutions are trained faster in bfloat16 on a device."""
    if device == CPU:
        # Without oneDNN TensorFlow is slower with it.
        return cpu_has_bfloat16() and os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") != "0"
    number = int(device.rpartition(":")[2])
    details = tf.config.experimental.get_device_details(
        tf.config.list_physical_devices("GPU")[number]
    )
    return details.get("compute_capability", (0, 0)) >= (8, 0)


def place(target: tf.keras.Model | Movable[str], device: str) -> None:
    """Move a loader to a device; a model's variables stay where they were created."""
    if not isinstance(target, tf.keras.Model):
        target.to(device)


def set_training(model: tf.keras.Model, training: bool) -> None:
    """Put a model in training or in evaluation mode."""
    model.training = training


def scalars(values: np.ndarray) -> Sequence[np.generic]:
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
    state, after = random.getstate(), draw_seed()
    random.seed(seed)
    tf.random.set_seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
        tf.random.set_seed(after)


def draw_seed() -> int:
    """Return a seed from TensorFlow's global generator, 0 to 2**31 - 2."""
    return int(tf.random.uniform((), maxval=2**31 - 1, dtype=tf.int32))
