"""Checks of arguments that stand in many places."""

import operator
from typing import Any

from hardmax.errors import ArgumentError

__all__ = ["check_whole"]


def check_whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return ``value`` as an int.

    Raises ArgumentError unless it is whole, at least ``least`` and, where that is given, at most
    ``most``.
    """
    try:
        whole = operator.index(value)
    except TypeError:
        whole = least - 1
    if isinstance(value, bool) or whole < least or (most is not None and whole > most):
        allowed = f"at least {least}" if most is None else f"{least} to {most}"
        raise ArgumentError(f"{name} must be a whole number of {allowed}, got {value!r}")
    return whole
