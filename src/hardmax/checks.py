"""Checks of arguments that stand in many places."""

import operator
import unicodedata
from typing import Any

from hardmax.errors import ArgumentError

__all__ = ["check_fraction", "check_seed", "check_whole", "is_plain", "plain"]


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


def check_fraction(name: str, value: float) -> None:
    """Raise ArgumentError unless ``value`` lies between 0 and 1."""
    if not 0 < value < 1:
        raise ArgumentError(f"{name} must be a fraction of 0 to 1, got {value}")


def check_seed(seed: Any) -> int:
    """Return ``seed`` as an int. Raises ArgumentError unless it has at most 63 bits.

    More are no seed for every framework.
    """
    return check_whole("seed", seed, 0, 2**63 - 1)


def is_plain(text: str) -> bool:
    """Tell whether a terminal can show a text on one line and take none of it for a command.

    Control characters, line breaks and what no encoding has are not plain.
    """
    return not any(map(_is_odd, text))


def plain(text: str) -> str:
    """Return a text with everything in it that is not plain written as Python writes it."""
    return "".join(ascii(letter)[1:-1] if _is_odd(letter) else letter for letter in text)


def _is_odd(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
