"""JAX's arrays, devices and random seeds under the book's names."""

import random
from collections.abc import Sequence

import jax
import numpy as np
from jax import numpy as jnp

from hardmax.training.devices import Devices

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
reduce_sum = jnp.sum
reduce_mean = jnp.mean
argmax = jnp.argmax
astype = jnp.astype
transpose = jnp.transpose
numpy = np.asarray
to = jax.device_put


def reshape(x: jax.Array, *shape: int | Sequence[int]) -> jax.Array:
    """Return ``x`` in another shape."""
    return x.reshape(*shape)


def get_seed() -> int:
    """Return a seed from Python's global generator, 0 to 2**31 - 1."""
    return random.getrandbits(31)


def get_key() -> jax.Array:
    """Return a JAX random key, made from ``get_seed``."""
    return jax.random.PRNGKey(get_seed())


def cpu() -> jax.Device:
    """Return the CPU."""
    return jax.local_devices(backend="cpu")[0]


def gpu(i: int = 0) -> jax.Device:
    """Return GPU number ``i``. Raises RuntimeError if JAX finds no GPU."""
    return jax.local_devices(backend="gpu")[i]


def num_gpus() -> int:
    """Return the number of GPUs."""
    return sum(device.platform == "gpu" for device in jax.local_devices())


_devices = Devices(cpu, gpu, num_gpus)
try_gpu = _devices.try_gpu
try_all_gpus = _devices.try_all_gpus
