"""PyTorch's tensors under the book's names, devices, and random seeds."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from hardmax.training.devices import choose_device

ones = torch.ones
zeros = torch.zeros
tensor = torch.tensor
arange = torch.arange
exp = torch.exp
log = torch.log
normal = torch.normal
rand = torch.rand
randn = torch.randn
matmul = torch.matmul
float32 = torch.float32
concat = torch.cat
stack = torch.stack
abs = torch.abs


def numpy(x: torch.Tensor, *args: Any, **kwargs: Any) -> np.ndarray:
    """Return the values of ``x`` as a NumPy array of the same shape and type."""
    return x.detach().cpu().numpy(*args, **kwargs)


def size(x: torch.Tensor) -> int:
    """Return the number of elements of ``x``."""
    return x.numel()


def reshape(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Return ``x`` in another shape."""
    return x.reshape(*args, **kwargs)


def to(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Return ``x`` on another device."""
    return x.to(*args, **kwargs)


def reduce_sum(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Return the sum of ``x``, over all or some of its axes."""
    return x.sum(*args, **kwargs)


def reduce_mean(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Return the mean of ``x``, over all or some of its axes."""
    return x.mean(*args, **kwargs)


def argmax(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Return the index of the largest element of ``x``, int64, along an axis."""
    return x.argmax(*args, **kwargs)


def astype(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Return ``x`` as another type."""
    return x.type(*args, **kwargs)


def transpose(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Return the transpose of a matrix."""
    return x.t(*args, **kwargs)


def cpu() -> torch.device:
    """Return the CPU."""
    return torch.device("cpu")


def gpu(i: int = 0) -> torch.device:
    """Return GPU number ``i``, whether or not there is one."""
    return torch.device(f"cuda:{i}")


def num_gpus() -> int:
    """Return the number of GPUs."""
    return torch.cuda.device_count()


def try_gpu(i: int = 0) -> torch.device:
    """Return GPU number ``i`` if there is one, else the CPU."""
    return gpu(i) if num_gpus() > i else cpu()


def try_all_gpus() -> list[torch.device]:
    """Return every GPU, or the CPU if there is none."""
    return [gpu(i) for i in range(num_gpus())] or [cpu()]


def find_device(name: str) -> torch.device:
    """Return the device for a name: auto, cpu, cuda, cuda:N or mps.

    Raises ArgumentError if this machine has no such device.
    """
    available = {f"cuda:{i}": gpu(i) for i in range(num_gpus())}
    if torch.backends.mps.is_available():
        available["mps"] = torch.device("mps")
    return choose_device(name, available | {"cpu": cpu()})


def place(target: Any, device: torch.device) -> None:
    """Move a module or a loader to a device."""
    target.to(device)


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
