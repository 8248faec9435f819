"""Columns that number or name the rows, and so say nothing about new ones."""

import re
from collections.abc import Sequence

import numpy as np

from hardmax.data.tables.columns import Column

__all__ = ["why_identifier"]

#: Fewer rows are not judged.
FEW_ROWS = 20

#: At most this fraction of the rows has a value of an earlier row.
MAX_REPEATED = 0.01

#: Integers drawn at random from the same range would repeat at least this many times as often; the
#: probability that they do not repeat at all is then below exp(-10).
TIMES = 10

#: The names of identifiers, such as ``id``, ``customer_id`` and ``CustomerID``.
NAME = re.compile(r"(?i:(.*[\W_])?(id|uuid|guid))|.*[a-z]I[dD]")

#: Matches codes such as ``P-0001``, hashes and UUIDs, which have a digit and no blanks.
CODE = re.compile(r"(?=.*\d)[{]?[A-Za-z0-9_#-]*[A-Za-z0-9][}]?", re.ASCII)

#: Codes that all have the same length are identifiers if that is at least this many characters.
SHORTEST = 6

#: This fraction of the texts has to be such codes.
MOST = 0.99


def why_identifier(column: Column, known: np.ndarray) -> str | None:
    """Return why a column is an identifier by its ``known`` values (rows,), or None if it is not.

    Integers are identifiers if nearly all differ and either the column is named ``id`` or so, or
    they lie so densely that random ones would repeat: n of a range of r integers repeat n (n - 1) /
    2 r times on average. Texts are identifiers if nearly all differ and nearly all are codes of one
    length, or one text around such integers.
    """
    repeated = len(known) - len(np.unique(known))
    if len(known) < FEW_ROWS or repeated > MAX_REPEATED * len(known):
        return None
    if column.kind == "number":
        return _why_integers(known, bool(NAME.fullmatch(column.name)))
    if column.kind == "category":
        return _why_codes([column.levels[code] for code in known])
    return None


def _why_integers(known: np.ndarray, is_named: bool) -> str | None:
    if (known != np.floor(known)).any():
        return None
    low, high = known.min(), known.max()
    repeated = len(known) - len(np.unique(known))
    expected = len(known) * (len(known) - 1) / (2 * (high - low + 1))
    if not is_named and expected < TIMES * (1 + repeated):
        return None
    return f"identifier: {len(known) - repeated} distinct integers from {low:.0f} to {high:.0f}"


def _why_codes(texts: Sequence[str]) -> str | None:
    codes = [text for text in texts if CODE.fullmatch(text)]
    if len(codes) < MOST * len(texts):
        return None
    shapes = [re.sub("[A-Za-z0-9]", "x", code) for code in codes]
    most_common = max({*shapes}, key=shapes.count)
    if len(most_common) >= SHORTEST and shapes.count(most_common) >= MOST * len(texts):
        return f"identifier: {len({*texts})} distinct codes such as {min(codes)}"
    numbered = [re.fullmatch(r"(\D*)(\d+)(\D*)", code) for code in codes]
    around = {one and (one[1], one[3]) for one in numbered}
    if len(around) > 1 or None in around:
        return None
    return _why_integers(np.array([float(one[2]) for one in numbered if one]), is_named=False)
