"""What the shared parts of training need of JAX: devices, modes, scalars, and random seeds."""

import contextlib
import random
from collections.abc import Iterator, Sequence

import jax
import numpy as np
from flax import linen as nn

from hardmax.jax.tensors import cpu, get_seed, gpu, num_gpus
from hardmax.training.contracts import Movable
from hardmax.training.devices import choose_device

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


def find_device(name: str) -> jax.Device:
    """Return the device for a name: auto, cpu, cuda, cuda:N or tpu:N.

    Raises ArgumentError if this machine has no such device.
    """
    platforms = {"gpu": "cuda"}
    available = {
        f"{platforms.get(device.platform, device.platform)}:{device.id}": device
        for device in jax.devices()
        if device.platform != "cpu"
    }
    return choose_device(name, available | {"cpu": cpu()})


def has_fast_bfloat16(device: jax.Device) -> bool:
    """Return whether convolutions are trained faster in bfloat16 on a device.

    On CPUs XLA is hardly faster with it.
    """
    capability = str(getattr(device, "compute_capability", "")).partition(".")[0]
    return device.platform == "tpu" or (capability.isdecimal() and int(capability) >= 8)


def place(target: Movable[jax.Device], device: jax.Device) -> None:
    """Move a module or a loader to a device."""
    target.to(device)


def set_training(model: nn.Module, training: bool) -> None:
    """Put a model in training or in evaluation mode."""
    model.training = training


def scalars(values: np.ndarray) -> Sequence[np.generic]:
    """Return the elements of a NumPy array of shape (n,) as NumPy scalars."""
    return list(values)


@contextlib.contextmanager
def seeded(seed: int | None, device: jax.Device | None) -> Iterator[None]:
    """Seed Python's random numbers in a block, and restore their state after it.

    ``get_seed`` draws from them. Without a seed the random state is left alone.
    """
    if seed is None:
        yield
        return
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def draw_seed() -> int:
    """Return a seed from Python's global generator, 0 to 2**31 - 1."""
    return get_seed()
