"""Cells of JSON as numbers and as the texts that would stand in a file."""

import re
from collections.abc import Collection
from math import isnan, nan
from typing import Any

import numpy as np

from hardmax.checks import shortened
from hardmax.data.tables.cells import BOOLEANS, LARGEST, NUMBER, STYLES
from hardmax.data.tables.encoding import ColumnCode
from hardmax.serving.errors import RequestError

__all__ = ["is_plainly", "number_of", "text_of"]

#: ``cells.NUMBER`` for Python, whose digits would be those of all scripts.
IS_NUMBER = re.compile(NUMBER, re.ASCII)

#: Matches what has no encoding; JSON can have it.
SURROGATE = re.compile("[\ud800-\udfff]")

#: Match days of a month, also of one that every year has, hours with minutes, and zones.
DAY = (
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
    r"|(?:0[13578]|1[02])-31)"
)
TIME = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?"
ZONE = r"(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?"

#: Matches texts that the parsers of ``cells.PARSERS`` surely read, by the parser. Asking these
#: about a single cell takes up to some milliseconds.
PLAIN = {
    "number": re.compile(r"[+-]?\d{1,99}(?:\.\d*)?", re.ASCII),
    "point": re.compile(r"-?\d{1,99}(?:\.\d*)?", re.ASCII),
    "comma": re.compile(r"-?\d{1,99}(?:,\d*)?", re.ASCII),
    "date": re.compile(rf"(?!0000)\d{{4}}-{DAY}(?:[T ]{TIME}{ZONE})?", re.ASCII),
    "time of day": re.compile(TIME, re.ASCII),
    **{
        style: re.compile("|".join(both), re.IGNORECASE | re.ASCII)
        for style, both in BOOLEANS.items()
    },
}


def is_plainly(code: ColumnCode, text: str, missing: Collection[str]) -> bool:
    """Return whether a text surely is a value of a column or missing; others may be as well."""
    if not text or text == code.placeholder or text.lower() in missing:
        return True
    pattern = PLAIN.get(code.style or code.kind)
    return pattern is not None and pattern.fullmatch(text) is not None


def number_of(cell: Any, missing: Collection[str]) -> float | None:
    """Return a cell as a number, NaN if it is missing; None if it is no finite number.

    ``missing`` are the texts in lowercase that stand for a missing value.
    """
    if cell is None:
        return nan
    kind = type(cell)
    if kind is str:
        cell = cell.strip()
        if not cell or cell.lower() in missing:
            return nan
        if not IS_NUMBER.fullmatch(cell):
            return None
    elif kind is float and isnan(cell):
        return nan
    elif kind is not float and (kind is not int or abs(cell) > LARGEST):
        return None
    number = float(cell)
    return number if abs(number) <= LARGEST else None


def text_of(code: ColumnCode, row: int, cell: Any) -> str:
    """Return a cell as it would stand in a file; "" if it is missing.

    Raises RequestError for one that no file can have.
    """
    if cell is None:
        return ""
    if type(cell) is str:
        if "\0" in cell or (not cell.isascii() and SURROGATE.search(cell)):
            raise RequestError(
                f"{_place(code, row)}: {shortened(ascii(cell))} is no text; characters that are 0 "
                "and lone surrogates are not allowed"
            )
        return cell
    if type(cell) is bool:
        of_kind = BOOLEANS[code.style or code.kind] if code.kind == "boolean" else ("true", "false")
        return of_kind[not cell]
    if type(cell) is int or type(cell) is float:
        text = _digits(cell, code.style)
        if code.kind == "category" and text not in code.levels:
            return next((level for level in code.levels if _is_equal(level, cell)), text)
        return text
    raise RequestError(
        f"{_place(code, row)}: a cell must be a text, a number, true, false or null, got "
        f"{shortened(repr(cell))}"
    )


def _place(code: ColumnCode, row: int) -> str:
    return f"column {shortened(code.name)!r}, row {row}"


def _is_equal(level: str, number: float) -> bool:
    """Return whether a category is a number written in another way, such as 5.0."""
    return IS_NUMBER.fullmatch(level) is not None and float(level) == number


def _digits(number: float, style: str) -> str:
    """Return a number as it is written in a column of a style."""
    if isinstance(number, int):
        return str(number)
    if isnan(number):
        return ""
    text = np.format_float_positional(number, trim="-")
    return text.replace(".", STYLES[style][1]) if style in STYLES else text
