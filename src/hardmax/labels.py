"""Labels: which spellings name the same class."""

import re
from collections.abc import Hashable, Iterable, Sequence
from decimal import Decimal

__all__ = ["label_key", "number", "respelled"]

#: Matches numbers of moderate length. Texts with leading zeros are codes, not numbers.
NUMBER = re.compile(
    r"[+-]?(?:(?:0|[1-9][0-9]{0,40})(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?"
)


def number(label: str) -> Decimal | None:
    """Return the number that a label is, exactly, or None if it is none."""
    return Decimal(label) if NUMBER.fullmatch(label) else None


def label_key(label: str) -> Hashable:
    """Return a key that is equal for labels of the same class.

    Numbers are the same class if they are equal (``1`` and ``1.0``), and booleans in any case
    (``True`` and ``true``); other labels only if they are spelled the same.
    """
    if label.lower() in ("true", "false"):
        return label.lower() == "true", bool
    value = number(label)
    return label if value is None else (value, Decimal)


def respelled(labels: Iterable[str], classes: Sequence[str]) -> list[str]:
    """Return labels, each as ``classes`` spell it; those of no class are unchanged."""
    spellings: dict[Hashable, str] = {}
    for name in classes:
        spellings.setdefault(label_key(name), name)
    exact = {*classes}
    return [label if label in exact else spellings.get(label_key(label), label) for label in labels]
