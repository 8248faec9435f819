"""The type of JSON values, and checks of those that were read from files."""

from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints, is_typeddict

__all__ = ["Json", "check_type", "entries", "members"]

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


def check_type(name: str, value: object, kind: Any) -> None:
    """Raise TypeError unless the JSON value called ``name`` is of a type.

    ``kind`` is bool, int, float, str, ``object`` for any value, a list or a mapping of such types,
    or a TypedDict, which may have more keys than are declared; or one of these or None.
    """
    if isinstance(kind, UnionType):
        (kind,) = {*get_args(kind)} - {NoneType}
        if value is None:
            return
    if kind is object:
        return
    origin = get_origin(kind)
    python_type = dict if is_typeddict(kind) or origin is Mapping else origin or kind
    # True and False are integers in Python, but not in JSON.
    if type(value) is not python_type and not (kind is float and type(value) is int):
        raise TypeError(f"{name} must be of type {python_type.__name__}, got {value!r}")
    if is_typeddict(kind):
        _check_keys(name, members(value), kind)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            check_type(f"{name}[{number}]", entry, *get_args(kind))
    elif isinstance(value, dict):
        for key, entry in value.items():
            check_type(f"{name}.{key}", entry, get_args(kind)[1])


def _check_keys(name: str, value: dict[str, object], kind: Any) -> None:
    missing = sorted(kind.__required_keys__ - value.keys())
    if missing:
        raise TypeError(f"{name} has no {missing[0]!r}")
    for key, inner in get_type_hints(kind).items():
        if key in value:
            check_type(f"{name}.{key}", value[key], inner)
