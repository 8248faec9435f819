"""JAX's arrays under the book's names, devices, and random seeds."""

import contextlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from hardmax.training.devices import choose_device

ones = jnp.ones
zeros = jnp.zeros
tensor = jnp.array
arange = jnp.arange
exp = jnp.exp
log = jnp.log
matmul = jnp.matmul
float32 = jnp.float32
concat = jnp.concatenate
stack = jnp.stack
abs = jnp.abs
numpy = np.asarray
to = jax.device_put


def reshape(x: jax.Array, *args: Any, **kwargs: Any) -> jax.Array:
    """Return ``x`` in another shape."""
    return x.reshape(*args, **kwargs)


def reduce_sum(x: jax.Array, *args: Any, **kwargs: Any) -> jax.Array:
    """Return the sum of ``x``, over all or some of its axes."""
    return x.sum(*args, **kwargs)


def reduce_mean(x: jax.Array, *args: Any, **kwargs: Any) -> jax.Array:
    """Return the mean of ``x``, over all or some of its axes."""
    return x.mean(*args, **kwargs)


def argmax(x: jax.Array, *args: Any, **kwargs: Any) -> jax.Array:
    """Return the index of the largest element of ``x``, an integer, along an axis."""
    return x.argmax(*args, **kwargs)


def astype(x: jax.Array, *args: Any, **kwargs: Any) -> jax.Array:
    """Return ``x`` as another type."""
    return x.astype(*args, **kwargs)


def transpose(x: jax.Array) -> jax.Array:
    """Return the transpose of ``x``, with its axes reversed."""
    return x.T


def get_seed() -> int:
    """Return a seed from Python's global generator, 0 to 2**31 - 1."""
    return random.getrandbits(31)


def get_key() -> jax.Array:
    """Return a JAX random key, made from ``get_seed``."""
    return jax.random.PRNGKey(get_seed())


def cpu() -> jax.Device:
    """Return the CPU."""
    return jax.devices("cpu")[0]


def gpu(i: int = 0) -> jax.Device:
    """Return GPU number ``i``. Raises RuntimeError if JAX finds no GPU."""
    return jax.devices("gpu")[i]


def num_gpus() -> int:
    """Return the number of GPUs."""
    return sum(device.platform == "gpu" for device in jax.devices())


def try_gpu(i: int = 0) -> jax.Device:
    """Return GPU number ``i`` if there is one, else the CPU."""
    return gpu(i) if num_gpus() > i else cpu()


def try_all_gpus() -> list[jax.Device]:
    """Return every GPU, or the CPU if there is none."""
    return [gpu(i) for i in range(num_gpus())] or [cpu()]


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


def place(target: Any, device: jax.Device) -> None:
    """Move a module or a loader to a device."""
    target.to(device)


def scalars(values: np.ndarray) -> Sequence[Any]:
    """Return the elements of a NumPy array of shape (n,) as NumPy scalars."""
    return list(values)


@contextlib.contextmanager
def seeded(seed: int | None, device: jax.Device) -> Iterator[None]:
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
