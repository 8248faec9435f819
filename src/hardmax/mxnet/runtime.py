"""What the shared parts of training need of MXNet: devices, modes, scalars, and random seeds."""

import contextlib
from collections.abc import Iterator, Sequence

import mxnet as mx
import numpy as onp
from mxnet import gluon, np

from hardmax.mxnet.tensors import cpu, gpu, num_gpus
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


def find_device(name: str) -> mx.Context:
    """Return the device for a name: auto, cpu, cuda or cuda:N.

    Raises ArgumentError if this machine has no such device.
    """
    available = {f"cuda:{i}": gpu(i) for i in range(num_gpus())}
    return choose_device(name, available | {"cpu": cpu()})


def has_fast_bfloat16(device: mx.Context) -> bool:
    """Return whether convolutions are trained faster in bfloat16 on a device: on none."""
    return False


def place(target: Movable[mx.Context], device: mx.Context) -> None:
    """Move a module or a loader to a device."""
    target.to(device)


def set_training(model: gluon.Block, training: bool) -> None:
    """Do nothing: MXNet's mode is that of ``autograd.record``, not of a model."""


def scalars(values: onp.ndarray) -> Sequence[np.ndarray]:
    """Return the elements of a NumPy array of shape (n,) as scalar arrays."""
    return list(np.array(values))


@contextlib.contextmanager
def seeded(seed: int | None, device: mx.Context) -> Iterator[None]:
    """Seed MXNet's random numbers in a block.

    Their state cannot be restored, and is seeded after the block with a number that was drawn from
    it before. Without a seed the random state is left alone.
    """
    if seed is None:
        yield
        return
    after = draw_seed()
    mx.random.seed(seed % 2**31)
    try:
        yield
    finally:
        mx.random.seed(after)


def draw_seed() -> int:
    """Return a seed from MXNet's global generator, 0 to 2**31 - 2."""
    return int(np.random.randint(0, 2**31 - 1))
