"""MXNet's arrays under the book's names, devices, and random seeds."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import mxnet as mx
import numpy as onp
from mxnet import np

from hardmax.training.devices import choose_device

ones = np.ones
zeros = np.zeros
tensor = np.array
arange = np.arange
exp = np.exp
log = np.log
normal = np.random.normal
rand = np.random.rand
randn = np.random.randn
matmul = np.dot
float32 = np.float32
concat = np.concatenate
stack = np.stack
abs = np.abs


def numpy(x: np.ndarray) -> onp.ndarray:
    """Return the values of ``x`` as a NumPy array of the same shape and type."""
    return x.asnumpy()


def size(x: np.ndarray) -> int:
    """Return the number of elements of ``x``."""
    return x.size


def reshape(x: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
    """Return ``x`` in another shape."""
    return x.reshape(*args, **kwargs)


def to(x: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
    """Return ``x`` on another device."""
    return x.as_in_ctx(*args, **kwargs)


def reduce_sum(x: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
    """Return the sum of ``x``, over all or some of its axes."""
    return x.sum(*args, **kwargs)


def reduce_mean(x: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
    """Return the mean of ``x``, over all or some of its axes."""
    return x.mean(*args, **kwargs)


def argmax(x: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
    """Return the index of the largest element of ``x``, int64, along an axis."""
    return x.argmax(*args, **kwargs)


def astype(x: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
    """Return ``x`` as another type."""
    return x.astype(*args, **kwargs)


def transpose(x: np.ndarray) -> np.ndarray:
    """Return the transpose of ``x``, with its axes reversed."""
    return x.T


def cpu() -> mx.Context:
    """Return the CPU."""
    return mx.cpu()


def gpu(i: int = 0) -> mx.Context:
    """Return GPU number ``i``, whether or not there is one."""
    return mx.gpu(i)


def num_gpus() -> int:
    """Return the number of GPUs."""
    return mx.context.num_gpus()


def try_gpu(i: int = 0) -> mx.Context:
    """Return GPU number ``i`` if there is one, else the CPU."""
    return gpu(i) if num_gpus() > i else cpu()


def try_all_gpus() -> list[mx.Context]:
    """Return every GPU, or the CPU if there is none."""
    return [gpu(i) for i in range(num_gpus())] or [cpu()]


def find_device(name: str) -> mx.Context:
    """Return the device for a name: auto, cpu, cuda or cuda:N.

    Raises ArgumentError if this machine has no such device.
    """
    available = {f"cuda:{i}": gpu(i) for i in range(num_gpus())}
    return choose_device(name, available | {"cpu": cpu()})


def place(target: Any, device: mx.Context) -> None:
    """Move a module or a loader to a device."""
    target.to(device)


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
    """Return a seed from MXNet's global generator."""
    return int(np.random.randint(0, 2**31 - 1))
