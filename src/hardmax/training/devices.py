"""Choosing a device by name."""

from collections.abc import Mapping
from typing import Any

from hardmax.errors import ArgumentError

__all__ = ["choose_device"]


def choose_device(name: str, available: Mapping[str, Any]) -> Any:
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
