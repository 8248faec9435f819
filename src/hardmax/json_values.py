"""The type of JSON values, and checks of those that were read from files."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

__all__ = ["Json", "entries", "members"]

#: A JSON value. A tuple is a sequence, too: it becomes a list.
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


def members(value: object) -> dict[str, object]:
    """Return a JSON object as a dict. Raises TypeError for other values."""
    if not isinstance(value, dict):
        raise TypeError(f"expected a JSON object, got {type(value).__name__}")
    return value


def entries(value: object) -> list[object]:
    """Return a JSON array as a list. Raises TypeError for other values."""
    if not isinstance(value, list):
        raise TypeError(f"expected a JSON array, got {type(value).__name__}")
    return value
