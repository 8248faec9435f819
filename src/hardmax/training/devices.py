"""Devices by name."""

from collections.abc import Mapping
from typing import Any

from hardmax.errors import ArgumentError

__all__ = ["choose_device"]


def choose_device(name: str, available: Mapping[str, Any]) -> Any:
    """Return the device of a name: ``auto`` is the first one available, ``cuda`` is ``cuda:0``.

    ``available`` maps names to a framework's devices, the preferred one first. Raises
    ArgumentError for a device that is not among them.
    """
    if name == "auto":
        return next(iter(available.values()))
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in available:
        raise ArgumentError(
            f"device {name!r} is not available; choose auto or one of {', '.join(available)}"
        )
    return available[wanted]
