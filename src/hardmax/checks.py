"""Checks of arguments that stand in many places."""

import operator
from typing import Any

from hardmax.errors import ArgumentError

__all__ = ["check_whole"]


def check_whole(name: str, value: Any, least: int) -> int:
    """Return ``value`` as an int; raise ArgumentError unless it is whole and at least ``least``."""
    try:
        whole = operator.index(value)
    except TypeError:
        whole = least - 1
    if isinstance(value, bool) or whole < least:
        raise ArgumentError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return whole
