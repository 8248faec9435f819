"""Table columns: the kind of each, and its values as a NumPy array."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from hardmax.checks import shortened
from hardmax.data.tables.arrow import need_pyarrow
from hardmax.data.tables.cells import (
    KIND_OF,
    LARGEST,
    PADDED,
    PARSERS,
    USUAL_MISSING,
    Parsed,
    coded,
    floats,
    has_texts,
    texts,
)
from hardmax.data.tables.dates import ORDERS
from hardmax.data.tables.kinds import (
    Manner,
    Texts,
    given_kind,
    given_manner,
    guess_manner,
)
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CODES", "KINDS", "Column", "guess_column", "number_columns", "read_as"]

KINDS = ("number", "boolean", "date", "time of day", "category")

#: The style of categories that are whole numbers with superfluous zeros, such as ``00501``.
CODES = "codes"

#: About how many cells of a wide table are parsed at a time.
CELLS = 2**18

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Column:
    """A column's values, of shape (rows,). ``kind`` is one of KINDS.

    Numbers, booleans (0 or 1), dates (seconds since 1970 in UTC) and times of day (seconds since
    midnight) are float64; NaN is missing. Categories are int64, indices into ``levels``; -1 is
    missing. ``style`` is how cells are written: one of ``cells.PARSERS``, or CODES; it is empty for
    the plain one of a kind. ``placeholder`` is the text that this column has for missing values, if
    any. ``odd`` are the rows, int64, whose cells are not of the kind and count as missing.
    ``given`` is the kind that the user gave, if any: categories may also be given as text.
    """

    name: str
    kind: str
    values: np.ndarray
    levels: tuple[str, ...] = ()
    style: str = ""
    placeholder: str | None = None
    odd: np.ndarray = field(default_factory=lambda: _NONE)
    given: str | None = None

    @property
    def missing(self) -> np.ndarray:
        """A mask of the missing values, bool (rows,)."""
        return self.values < 0 if self.kind == "category" else np.isnan(self.values)

    def odd_among(self, rows: np.ndarray) -> np.ndarray:
        """Return those of ``rows``, int64, whose cells are not of the kind."""
        return self.odd[np.isin(self.odd, rows)] if len(self.odd) else self.odd


def guess_column(
    name: str,
    array: "pa.ChunkedArray",
    rows: np.ndarray | None = None,
    missing: Collection[str] = USUAL_MISSING,
    given: str | None = None,
) -> Column | None:
    """Return a column of the kind that matches its cells in ``rows``, int64, by default all.

    Cells of strings that are in ``missing``, texts in lowercase, have no value. If the cells are
    numbers, dates or times but for one text in fewer than half of them, that text is a placeholder
    for missing values; a few other cells count as missing. ``given`` is the kind that the user
    gave, one of ``options.COLUMN_KINDS``. Returns None if all cells in ``rows`` are empty, or if
    their type is not supported. Raises DataError for a number in ``rows`` that is infinite or
    beyond 1e150, with its row, counted from 1; for dates that can be read day first and month
    first; and if no cell is of a given kind.
    """
    rows = np.arange(len(array)) if rows is None else rows
    column = _guess(name, array, rows, missing, given)
    if column is None:
        return None
    for row in column.odd_among(rows):
        if _is_too_large(str(array[int(row)].as_py())):
            raise _misfit(column, array, int(row))
    return None if column.missing[rows].all() else replace(column, given=given)


def _guess(
    name: str,
    array: "pa.ChunkedArray",
    rows: np.ndarray,
    missing: Collection[str],
    given: str | None,
) -> Column | None:
    """Return a column of the kind that matches its cells in ``rows``; None for other types."""
    pa = need_pyarrow()
    is_category = pa.types.is_dictionary(array.type)
    if not is_category and not has_texts(array.type):
        typed = _typed(name, array)
        if given is None or (typed is not None and typed.kind == given_kind(given)):
            return typed
    try:
        plain = _plain(name, array, missing)
    except DataError:
        if given is None:  # a dictionary of another type
            return None
        raise
    is_category = is_category if given is None else given in ("category", "text")
    return _categories(name, plain) if is_category else _of_texts(name, plain, rows, given)


def number_columns(
    table: "pa.Table", rows: np.ndarray, missing: Collection[str] = USUAL_MISSING
) -> dict[str, Column]:
    """Return by name the columns of strings that ``guess_column`` would find to be numbers.

    Many short columns are parsed at a time, which is much quicker than one after another. Columns
    with a placeholder, or with a number in ``rows`` that is not allowed or has superfluous zeros,
    are not among them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    names = [field.name for field in table.schema if has_texts(field.type)]
    step = max(CELLS // max(table.num_rows, 1), 1)
    columns = {}
    for at in range(0, len(names) if step > 1 else 0, step):
        some = names[at : at + step]
        cells = [table[name].cast(pa.string()).combine_chunks() for name in some]
        plain = texts(pa.concat_arrays(cells), missing)
        values, matches = PARSERS["number"](plain)
        is_code = np.asarray(pc.fill_null(pc.match_substring_regex(plain, PADDED), False))
        for place, name in enumerate(some):
            here = slice(place * table.num_rows, (place + 1) * table.num_rows)
            if matches[here][rows].all() and not is_code[here][rows].any():
                column = _numbers(name, Parsed(values[here], matches[here]))
                if not column.missing[rows].all() and not len(column.odd_among(rows)):
                    columns[name] = column
    return columns


def read_as(
    name: str,
    array: "pa.ChunkedArray",
    kind: str,
    *,
    style: str = "",
    placeholder: str | None = None,
    missing: Collection[str] = USUAL_MISSING,
    strict: bool = True,
    start: int = 0,
) -> Column:
    """Return a column of the given ``kind``, with its ``style`` and ``placeholder`` in strings.

    Raises DataError if the column's type is not of that kind and, if ``strict``, for a cell that is
    not of that kind, or a number that is infinite or beyond 1e150: with its row in a table that has
    ``start`` rows above these.
    """
    pa = need_pyarrow()
    if array.null_count == len(array):
        return Column(name, kind, np.full(len(array), -1 if kind == "category" else np.nan))
    is_text = pa.types.is_dictionary(array.type) or has_texts(array.type)
    typed = None if is_text or kind == "category" else _typed(name, array)
    if typed is not None and typed.kind == kind:
        column = typed
    elif is_text or kind == "category" or style:
        plain = _plain(name, array, missing)
        column = (
            _categories(name, plain)
            if kind == "category"
            else _parsed(name, plain, Manner(style or kind, placeholder))
        )
    else:
        raise DataError(
            f"column {shortened(name)!r} has type {shortened(str(array.type))}, but it was a "
            f"{kind} column in training"
        )
    if strict and len(column.odd):
        raise _misfit(column, array, int(column.odd[0]), start)
    return column


def _plain(name: str, array: "pa.ChunkedArray", missing: Collection[str]) -> "pa.Array":
    try:
        return texts(array, missing)
    except DataError as error:
        raise DataError(f"column {shortened(name)!r}: {error}") from error


def _misfit(column: Column, array: "pa.ChunkedArray", row: int, start: int = 0) -> DataError:
    """Return the error for a cell that is too large a number, or not of the column's kind."""
    cell = str(array[row].as_py()).strip()
    where = f"column {shortened(column.name)!r}, row {start + row + 1}"
    if column.kind == "number" and _is_too_large(cell):
        return DataError(
            f"{where}: {float(cell)} is not allowed; numbers must be finite and at most 1e150; "
            "leave a cell without a value empty"
        )
    order = f" written {column.style.replace('-', ' ')}" if column.style in ORDERS else ""
    return DataError(
        f"{where}: {shortened(cell)!r} is not a {column.kind}{order}, but the column was a "
        f"{column.kind} column in training"
    )


def _is_too_large(cell: str) -> bool:
    try:
        return abs(float(cell)) > LARGEST
    except ValueError:
        return False


def _typed(name: str, array: "pa.ChunkedArray") -> Column | None:
    """Return a column whose type determines its kind; None for other types."""
    types = need_pyarrow().types
    if types.is_boolean(array.type):
        return Column(name, "boolean", floats(array))
    if any(test(array.type) for test in (types.is_integer, types.is_floating, types.is_decimal)):
        return _numbers(name, Parsed(floats(array), np.ones(len(array), bool)))
    if types.is_date(array.type) or types.is_timestamp(array.type):
        return Column(name, "date", _seconds(array))
    if types.is_time(array.type):
        return Column(name, "time of day", _since_midnight(array))
    return None


def _seconds(array: "pa.ChunkedArray") -> np.ndarray:
    pa = need_pyarrow()
    import pyarrow.compute as pc

    zone = array.type.tz if pa.types.is_timestamp(array.type) else None
    micros = pc.cast(pc.cast(array, pa.timestamp("us", zone), safe=False), pa.int64())
    return floats(micros) / 1e6


def _since_midnight(array: "pa.ChunkedArray") -> np.ndarray:
    pa = need_pyarrow()
    import pyarrow.compute as pc

    return floats(pc.cast(pc.cast(array, pa.time64("ns")), pa.int64())) / 1e9


def _numbers(name: str, parsed: Parsed, style: str = "", placeholder: str | None = None) -> Column:
    """Return a column of numbers, in which those that are too large are odd."""
    too_large = np.abs(parsed.values) > LARGEST
    odd = np.flatnonzero(too_large | ~parsed.matches)
    values = np.where(too_large, np.nan, parsed.values)
    return Column(name, "number", values, style=style, placeholder=placeholder, odd=odd)


def _categories(name: str, plain: "pa.Array", style: str = "") -> Column:
    codes, levels = coded(plain)
    return Column(name, "category", codes, tuple(levels.to_pylist()), style=style)


def _of_texts(name: str, plain: "pa.Array", rows: np.ndarray, given: str | None) -> Column:
    """Return a column of strings of the kind that is given, or that matches those in ``rows``."""
    codes, levels = coded(plain)
    counts = np.bincount(codes[rows] + 1, minlength=len(levels) + 1)[1:]
    distinct = Texts(levels, counts)
    manner = guess_manner(name, distinct) if given is None else given_manner(name, distinct, given)
    if manner is None:
        return _categories(name, plain, CODES if distinct.are_codes else "")
    return _column(name, codes, levels, manner, distinct.parsed(manner.parser))


def _parsed(name: str, plain: "pa.Array", manner: Manner) -> Column:
    """Return a column of strings that are read in a known manner."""
    codes, levels = coded(plain)
    return _column(name, codes, levels, manner, PARSERS[manner.parser](levels))


def _column(
    name: str, codes: np.ndarray, levels: "pa.Array", manner: Manner, parsed: Parsed
) -> Column:
    """Return a column of strings, of which the distinct ones were parsed."""
    import pyarrow.compute as pc

    parser, placeholder = manner
    is_allowed = parsed.matches
    if placeholder is not None:
        is_allowed = is_allowed | np.asarray(pc.equal(levels, placeholder))
    values = np.append(parsed.values, np.nan)[codes]  # the last one is for missing cells
    matches = np.append(is_allowed, True)[codes]
    kind = KIND_OF[parser]
    style = "" if parser == kind else parser
    if kind == "number":
        return _numbers(name, Parsed(values, matches), style, placeholder)
    odd = np.flatnonzero(~matches)
    return Column(name, kind, values, style=style, placeholder=placeholder, odd=odd)
