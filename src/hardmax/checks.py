"""Argument checks shared by several modules."""

import contextlib
import operator
import unicodedata
from typing import SupportsIndex

from hardmax.errors import ArgumentError

__all__ = ["MAX_SEED", "check_seed", "check_whole", "is_plain", "plain"]

#: The largest seed: not every framework accepts larger ones.
MAX_SEED = 2**63 - 1


def check_whole(name: str, value: object, least: int, most: int | None = None) -> int:
    """Return ``value`` as an int.

    Raises ArgumentError unless it is an integer, at least ``least`` and, if given, at most
    ``most``.
    """
    integer = least - 1
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        with contextlib.suppress(TypeError):  # an array may have no __index__ after all
            integer = operator.index(value)
    if integer < least or (most is not None and integer > most):
        allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ArgumentError(f"{name} must be an integer {allowed}, got {value!r}")
    return integer


def check_seed(seed: object) -> int:
    """Return ``seed`` as an int. Raises ArgumentError unless it is from 0 to MAX_SEED."""
    return check_whole("seed", seed, 0, MAX_SEED)


def is_plain(text: str) -> bool:
    """Return whether a text prints on one line, without acting as a terminal command.

    Control characters, line breaks and lone surrogates are not plain.
    """
    return not any(map(_needs_escape, text))


def plain(text: str) -> str:
    """Return a text with every character that is not plain as a Python escape sequence."""
    return "".join(ascii(char)[1:-1] if _needs_escape(char) else char for char in text)


def _needs_escape(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
