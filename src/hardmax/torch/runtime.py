"""What the shared parts of training need of PyTorch: devices, modes, scalars, and random seeds."""

import contextlib
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from hardmax.processes import environment
from hardmax.torch.tensors import cpu, gpu, num_gpus
from hardmax.training.contracts import Movable
from hardmax.training.devices import choose_device
from hardmax.training.precision import cpu_has_bfloat16

__all__ = [
    "draw_seed",
    "find_device",
    "gpu",
    "has_fast_bfloat16",
    "is_small",
    "num_gpus",
    "place",
    "scalars",
    "seeded",
    "set_training",
    "threads_restored",
]

#: Multiplications of a batch and a model's weights below which a step takes about a millisecond on
#: one core. PyTorch's threads busy-wait for each other several times in a step; on cores shared
#: with another process each time takes milliseconds, and a small step becomes many times slower.
#: A larger step waits more often, and is as slow if it consists of products by single weights that
#: take about a millisecond each.
SMALL, SMALL_PRODUCT = 8_000_000, 2**24


def find_device(name: str) -> torch.device:
    """Return the device for a name: auto, cpu, cuda, cuda:N or mps.

    Each of several processes has only one GPU, its own, which is its cuda:0. Raises ArgumentError
    if this machine has no such device.
    """
    here, count = environment.place(), num_gpus()
    available = {f"cuda:{i}": gpu(i) for i in range(count)}
    if here.size > 1 and count:
        # By the remainder, as what starts the processes may let each see only its own.
        available = {"cuda:0": gpu(here.local_rank % count)}
    elif here.size == 1 and torch.backends.mps.is_available():
        available["mps"] = torch.device("mps")
    return choose_device(name, available | {"cpu": cpu()})


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether convolutions are trained faster in bfloat16 on a device."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and torch.backends.mkldnn.is_available() and cpu_has_bfloat16()


def place(target: Movable[torch.device], device: torch.device) -> None:
    """Move a module or a loader to a device."""
    target.to(device)


def set_training(model: nn.Module, training: bool) -> None:
    """Put a model in training or in evaluation mode."""
    model.train(training)


def scalars(values: np.ndarray) -> Sequence[torch.Tensor]:
    """Return the elements of a NumPy array of shape (n,) as scalar tensors."""
    return torch.from_numpy(values).unbind()


@contextlib.contextmanager
def seeded(seed: int | None, device: torch.device) -> Iterator[None]:
    """Seed PyTorch's random numbers in a block, and restore their state after it.

    Without a seed the random state is left alone.
    """
    if seed is None:
        yield
        return
    devices = [] if device.type == "cpu" else [device.index or 0]
    kind = "cuda" if device.type == "cpu" else device.type
    with torch.random.fork_rng(devices, device_type=kind):
        torch.manual_seed(seed)
        yield


def draw_seed() -> int:
    """Return a seed from PyTorch's global generator, 0 to 2**31 - 1."""
    return int(torch.randint(2**31, ()))


@contextlib.contextmanager
def threads_restored() -> Iterator[None]:
    """Restore the number of PyTorch's threads after a block."""
    count = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(count)


def is_small(weights: Sequence[torch.Tensor], X: torch.Tensor) -> bool:
    """Return whether a step on the inputs ``X``, or each of its products, is best on one thread.

    Counts the multiplications by each weight: once per example and, of a convolution, per pixel or,
    with sequences, per element, an upper bound.
    """
    is_sequence = X.dim() == 3 or (X.dim() == 2 and not X.is_floating_point())
    positions, pixels = X.shape[1] if is_sequence else 1, math.prod(X.shape[2:])
    used = [w for w in weights if not torch.nn.parameter.is_lazy(w)]
    products = [len(X) * w.numel() * (pixels if w.dim() > 2 else positions) for w in used]
    return sum(products) < SMALL or max(products) <= SMALL_PRODUCT
