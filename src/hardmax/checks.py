"""Argument checks shared by several modules."""

import contextlib
import operator
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import isfinite
from typing import SupportsIndex

from hardmax.errors import ArgumentError

__all__ = [
    "MAX_SEED",
    "Bounds",
    "check_choice",
    "check_seed",
    "check_whole",
    "is_finite_float",
    "is_plain",
    "listed",
    "plain",
    "shortened",
]

#: The largest seed: not every framework accepts larger ones.
MAX_SEED = 2**63 - 1

#: The largest number of names in a message, and of characters of each.
MAX_NAMES, MAX_LENGTH = 5, 80


@dataclass(frozen=True)
class Bounds:
    """The bounds of a number: it may be ``least`` or ``most``, but not ``above`` or ``below``."""

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None

    def __contains__(self, number: float) -> bool:
        return (
            (self.least is None or number >= self.least)
            and (self.above is None or number > self.above)
            and (self.most is None or number <= self.most)
            and (self.below is None or number < self.below)
        )

    def __str__(self) -> str:
        """Return the bounds in words, such as ``of at least 1``."""
        if self.least is not None and self.most is not None:
            return f"from {_number(self.least)} to {_number(self.most)}"
        bounds = {
            "of at least": self.least,
            "above": self.above,
            "of at most": self.most,
            "below": self.below,
        }
        return " and ".join(
            f"{words} {_number(bound)}" for words, bound in bounds.items() if bound is not None
        )


def _number(bound: float) -> str:
    """Return a bound as text: integers with all of their digits."""
    return str(bound) if isinstance(bound, int) else f"{bound:.3g}"


def check_whole(name: str, value: object, least: int, most: int | None = None) -> int:
    """Return ``value`` as an int.

    Raises ArgumentError unless it is an integer, at least ``least`` and, if given, at most
    ``most``.
    """
    bounds = Bounds(least=least, most=most)
    integer = least - 1
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        with contextlib.suppress(TypeError):  # an array may have no __index__ after all
            integer = operator.index(value)
    if integer not in bounds:
        raise ArgumentError(f"{name} must be an integer {bounds}, got {value!r}")
    return integer


def check_seed(seed: object) -> int:
    """Return ``seed`` as an int. Raises ArgumentError unless it is from 0 to MAX_SEED."""
    return check_whole("seed", seed, 0, MAX_SEED)


def check_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Raise ArgumentError unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ArgumentError(
            f"unknown {name} {value!r}; choose one of {', '.join(map(str, choices))}"
        )


def listed(names: Iterable[str], separator: str = ", ") -> str:
    """Return names with a separator; of many names, the first few and how many more.

    Long names are shortened.
    """
    names = [*names]
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return separator.join(map(shortened, names[:MAX_NAMES])) + more


def shortened(text: str) -> str:
    """Return a text for a message, without its middle if it has more than MAX_LENGTH characters."""
    half = (MAX_LENGTH - len("...")) // 2
    return text if len(text) <= MAX_LENGTH else f"{text[:half]}...{text[-half:]}"


def is_finite_float(value: object) -> bool:
    """Return whether a value is a float, neither NaN nor infinite."""
    return isinstance(value, float) and isfinite(value)


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
