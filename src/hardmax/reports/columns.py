"""The columns of a table, and what became of each, in words."""

from collections.abc import Mapping
from typing import NamedTuple

from hardmax.checks import listed
from hardmax.data.row_encoding import EncodedColumn, RowEncoding

__all__ = ["ColumnUse", "described"]

#: What the values of a column become, by its kind.
ENCODINGS = {
    "number": "scaled",
    "boolean": "scaled",
    "date": "scaled, with sine and cosine of its phase in each of its cycles",
    "time of day": "scaled, with sine and cosine of its phase in the day",
    "text": "n-grams, weighted by how rare they are",
}


#: How strings are written, by their style, where that is not its name.
_WRITTEN = {
    "point": "with a decimal point",
    "comma": "with a decimal comma",
    "day-first": "day first",
    "month-first": "month first",
    "codes": "with leading zeros",
}


class ColumnUse(NamedTuple):
    """A column, its kind, the number of features that it became, and how."""

    name: str
    kind: str
    features: int
    how: str


def described(encoding: RowEncoding | None, preprocessing: Mapping[str, object]) -> list[ColumnUse]:
    """Return the columns that are used, then those left out; none for images.

    ``preprocessing`` is that of the record of a run.
    """
    if encoding is None:
        return []
    used = [
        ColumnUse(code.name, code.kind, span.stop - span.start, _how(code))
        for code, span in zip(encoding.columns, encoding.spans, strict=True)
    ]
    left_out = preprocessing.get("left_out")
    if not isinstance(left_out, Mapping):
        return used
    return used + [ColumnUse(name, "left out", 0, str(why)) for name, why in left_out.items()]


def _how(code: EncodedColumn) -> str:
    how = f"one-hot: {listed(code.levels)}" if code.kind == "category" else ENCODINGS[code.kind]
    style = f"; written {_WRITTEN.get(code.style, code.style)}" if code.style else ""
    placeholder = "" if code.placeholder is None else f"; {code.placeholder!r} counts as missing"
    odd = "; cells of another kind count as missing" if code.odd else ""
    return f"{how}{style}{placeholder}{odd}"
