"""Columns that number or name the rows, and so say nothing about new ones."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from hardmax.checks import shortened
from hardmax.data.tables.columns import Column

__all__ = ["why_identifier"]

#: Fewer rows are not judged.
FEW_ROWS = 20

#: At most this fraction of the rows has a value of an earlier row.
MAX_REPEATED = 0.01

#: Random integers from the same range would have this many equal pairs, more if any are equal. None
#: has a probability below exp(-10) then.
TIMES = 10

#: Integers in this range may be years.
YEARS = (1800, 2100)

#: The names of identifiers, such as ``id``, ``customer_id`` and ``CustomerID``.
NAME = re.compile(r"(?i:(.*[\W_])?(id|uuid|guid))|.*[a-z]I[dD]")

#: Matches codes such as ``AB-12-C``, hashes and UUIDs, which have a digit and no blanks.
CODE = re.compile(r"(?=.*\d)[{]?[A-Za-z0-9_#-]*[A-Za-z0-9][}]?", re.ASCII)

#: Codes that all have the same length are identifiers if that is at least this many characters.
SHORTEST = 6

#: This fraction of the texts has to be codes of that length.
MOST = 0.99


def why_identifier(column: Column, known: np.ndarray) -> str | None:
    """Return why a column is an identifier by its ``known`` values (rows,), or None if it is not.

    Integers are identifiers if nearly all differ and either the column is named ``id`` or so, or
    they lie so densely that random ones would repeat: n of a range of r integers have
    n (n - 1) / 2 r equal pairs on average. Texts are identifiers if nearly all differ and they are
    the same but for such an integer, or nearly all are codes of one length.
    """
    distinct = len(np.unique(known))
    if len(known) < FEW_ROWS or len(known) - distinct > MAX_REPEATED * len(known):
        return None
    is_counting = column.kind == "number" and _count(known) and not _are_years(known)
    if is_counting or (column.kind == "number" and _is_named(column.name, known)):
        return (
            f"identifier: {distinct} distinct integers from {known.min():.0f} to {known.max():.0f}"
        )
    if column.kind == "category":
        texts = [column.levels[code] for code in known]
        if _are_numbered(texts) or _are_codes(texts):
            return f"identifier: {distinct} distinct codes such as {shortened(min(texts))!r}"
    return None


def _are_years(known: np.ndarray) -> bool:
    """Return whether integers may be years."""
    return bool(known.min() >= YEARS[0] and known.max() <= YEARS[1])


def _is_named(name: str, known: np.ndarray) -> bool:
    """Return whether a column of integers has the name of an identifier."""
    return NAME.fullmatch(name) is not None and not (known % 1).any()


def _count(known: np.ndarray) -> bool:
    """Return whether numbers are integers that repeat less often than random ones would."""
    repeated = len(known) - len(np.unique(known))
    pairs = len(known) * (len(known) - 1) / (2 * (known.max() - known.min() + 1))
    return not (known % 1).any() and pairs >= TIMES * (1 + repeated)


def _are_numbered(texts: Sequence[str]) -> bool:
    """Return whether texts, such as ``patient 12``, are the same but for an integer that counts."""
    parts = [re.fullmatch(r"(\D*)(\d{1,15})(\D*)", text, re.ASCII | re.DOTALL) for text in texts]
    around = {part and (part[1], part[3]) for part in parts}
    if len(around) > 1 or None in around:
        return False
    return _count(np.array([float(part[2]) for part in parts if part]))


def _are_codes(texts: Sequence[str]) -> bool:
    """Return whether nearly all texts are codes of one length with the same signs between."""
    shapes = Counter(re.sub("[A-Za-z0-9]", "x", text) for text in texts if CODE.fullmatch(text))
    if not shapes:
        return False
    ((shape, count),) = shapes.most_common(1)
    return len(shape) >= SHORTEST and count >= MOST * len(texts)
