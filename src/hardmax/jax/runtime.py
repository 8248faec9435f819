"""What the shared parts of training need of JAX: devices, modes, scalars, and random seeds."""

import contextlib
import random
from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding

from hardmax.jax.tensors import cpu, get_seed, gpu, num_gpus
from hardmax.processes.group import group
from hardmax.training.contracts import Movable
from hardmax.training.devices import choose_device

__all__ = [
    "by_example",
    "draw_seed",
    "everywhere",
    "find_device",
    "gpu",
    "has_fast_bfloat16",
    "num_gpus",
    "place",
    "put",
    "scalars",
    "seeded",
    "set_training",
]

#: The axis of the devices of all processes, among which they divide the examples of a batch.
AXIS = "examples"


def find_device(name: str) -> jax.Device:
    """Return the device for a name: auto, cpu, cuda, cuda:N or tpu:N.

    Raises ArgumentError if this process has no such device.
    """
    platforms = {"gpu": "cuda"}
    available = {
        f"{platforms.get(device.platform, device.platform)}:{number}": device
        for number, device in enumerate(jax.local_devices())
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


def put(arrays: Any, device: jax.Device | Sharding) -> Any:
    """Return a tree of arrays on a device; in several processes, on the devices of all of them.

    Each process has whole arrays, the same in all. JAX's own function would compare them.
    """
    if isinstance(device, jax.Device) and group().size > 1:
        device = everywhere(device.platform)
    if isinstance(device, Sharding) and not device.is_fully_addressable:
        return jax.tree.map(partial(_put_everywhere, sharding=device), arrays)
    return jax.device_put(arrays, device)


def _put_everywhere(array: jax.Array | np.ndarray, sharding: Sharding) -> jax.Array:
    if isinstance(array, jax.Array) and not array.is_fully_addressable:
        if array.sharding == sharding:
            return array
        array = array.addressable_data(0)
    copies = [jax.device_put(array, device) for device in sharding.addressable_devices]
    return jax.make_array_from_single_device_arrays(copies[0].shape, sharding, copies)


@cache
def everywhere(platform: str) -> NamedSharding:
    """Return the sharding of arrays that the devices of all processes have, of a platform."""
    return NamedSharding(Mesh(np.array(jax.devices(platform)), (AXIS,)), PartitionSpec())


def by_example(sharding: NamedSharding) -> NamedSharding:
    """Return the sharding of arrays whose first axis is divided among the same devices."""
    return NamedSharding(sharding.mesh, PartitionSpec(AXIS))


def set_training(model: nn.Module, training: bool) -> None:
    """Put a model in training or in evaluation mode."""
    model.training = training


def scalars(values: np.ndarray) -> Sequence[np.generic]:
    """Return the elements of a NumPy array of shape (n,) as NumPy scalars."""
    return list(values)


@contextlib.contextmanager
def seeded(seed: int | None, device: jax.Device | None) -> Iterator[None]:
    """Seed Python's random numbers in a block, and restore their state after it.

    ``get_seed`` draws from them. Without a seed the random state is left alone; but several
    processes then have one of the first's, as all must draw the same.
    """
    if seed is None and group().size > 1:
        seed = int(group().from_first(np.asarray(draw_seed()))[0])
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
