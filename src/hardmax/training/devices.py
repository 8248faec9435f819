"""Choosing a device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from hardmax.errors import ArgumentError

__all__ = ["Devices", "choose_device"]

Device = TypeVar("Device")


@dataclass(frozen=True)
class Devices(Generic[Device]):
    """The book's choices among a framework's devices."""

    cpu: Callable[[], Device]
    gpu: Callable[[int], Device]
    num_gpus: Callable[[], int]

    def try_gpu(self, i: int = 0) -> Device:
        """Return GPU number ``i`` if there is one, else the CPU."""
        return self.gpu(i) if self.num_gpus() > i else self.cpu()

    def try_all_gpus(self) -> list[Device]:
        """Return every GPU, or the CPU if there is none."""
        return [self.gpu(i) for i in range(self.num_gpus())] or [self.cpu()]


def choose_device(name: str, available: Mapping[str, Device]) -> Device:
    """Return the device with that name: ``auto`` is the first available, ``cuda`` is ``cuda:0``.

    ``available`` maps names to a framework's devices, in order of preference. Raises
    ArgumentError for any other name.
    """
    if name == "auto":
        return next(iter(available.values()))
    full_name = "cuda:0" if name == "cuda" else name
    if full_name not in available:
        raise ArgumentError(
            f"device {name!r} is not available; choose auto or one of {', '.join(available)}"
        )
    return available[full_name]
