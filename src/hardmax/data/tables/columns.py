"""Table columns: the kind of each, and its values as a NumPy array."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hardmax.checks import shortened
from hardmax.data.tables.arrow import need_pyarrow
from hardmax.data.tables.cells import (
    LARGEST,
    PARSERS,
    STYLES,
    USUAL_MISSING,
    Parsed,
    coded,
    floats,
    has_texts,
    texts,
)
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KINDS", "Column", "guess_column", "number_columns", "read_as"]

KINDS = ("number", "boolean", "date", "category")

#: The parsers of strings of which one other text can be a placeholder for missing values.
WITH_PLACEHOLDER = ("number", "date", *STYLES)

#: About how many cells of a wide table are parsed at a time.
CELLS = 2**18

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Column:
    """A column's values, of shape (rows,). ``kind`` is one of KINDS.

    Numbers, booleans (0 or 1) and dates (seconds since 1970 in UTC) are float64; NaN is missing.
    Categories are int64, indices into ``levels``; -1 is missing. ``style`` is that of numbers which
    are written with separators or units, one of ``cells.STYLES``. ``placeholder`` is the text that
    this column has for missing values, if any. ``odd`` are the rows, int64, whose cells are not of
    the kind and therefore count as missing.
    """

    name: str
    kind: str
    values: np.ndarray
    levels: tuple[str, ...] = ()
    style: str = ""
    placeholder: str | None = None
    odd: np.ndarray = field(default_factory=lambda: _NONE)

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
) -> Column | None:
    """Return a column of the kind that matches its cells in ``rows``, int64, by default all.

    Cells of strings that are in ``missing``, texts in lowercase, have no value. If the cells are
    numbers or dates but for one text in fewer than half of them, that text is a placeholder for
    missing values. Returns None if all cells in ``rows`` are empty, or if their type is not
    supported. Raises DataError for a number in ``rows`` that is infinite or beyond 1e150; the
    message has its row, counted from 1.
    """
    rows = np.arange(len(array)) if rows is None else rows
    column = _guess(name, array, rows, missing)
    if column is None:
        return None
    odd = column.odd_among(rows)
    if len(odd):
        raise _misfit(column, array, int(odd[0]))
    return None if column.missing[rows].all() else column


def _guess(
    name: str, array: "pa.ChunkedArray", rows: np.ndarray, missing: Collection[str]
) -> Column | None:
    """Return a column of the kind that matches its cells in ``rows``; None for other types."""
    pa = need_pyarrow()
    is_category = pa.types.is_dictionary(array.type)
    if not is_category and not has_texts(array.type):
        return _typed(name, array)
    try:
        plain = texts(array, missing)
    except DataError:  # a dictionary of another type
        return None
    return _categories(name, plain) if is_category else _of_texts(name, plain, rows)


def number_columns(
    table: "pa.Table", rows: np.ndarray, missing: Collection[str] = USUAL_MISSING
) -> dict[str, Column]:
    """Return by name the columns of strings that ``guess_column`` would find to be numbers.

    Many short columns are parsed at a time, which is much quicker than one after another. Columns
    with a placeholder, or with a number in ``rows`` that is not allowed, are not among them.
    """
    import pyarrow as pa

    names = [field.name for field in table.schema if has_texts(field.type)]
    step = max(CELLS // max(table.num_rows, 1), 1)
    columns = {}
    for at in range(0, len(names) if step > 1 else 0, step):
        some = names[at : at + step]
        cells = [table[name].cast(pa.string()).combine_chunks() for name in some]
        values, matches = PARSERS["number"](texts(pa.concat_arrays(cells), missing))
        for place, name in enumerate(some):
            here = slice(place * table.num_rows, (place + 1) * table.num_rows)
            if matches[here][rows].all():
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
) -> Column:
    """Return a column of the given ``kind``, with its ``style`` and ``placeholder`` in strings.

    Raises DataError if the column's type is not of that kind and, if ``strict``, for a cell that is
    not of that kind, or a number that is infinite or beyond 1e150.
    """
    pa = need_pyarrow()
    if array.null_count == len(array):
        return Column(name, kind, np.full(len(array), -1 if kind == "category" else np.nan))
    if kind == "category" or pa.types.is_dictionary(array.type) or has_texts(array.type):
        try:
            plain = texts(array, missing)
        except DataError as error:
            raise DataError(f"column {shortened(name)!r}: {error}") from error
        column = (
            _categories(name, plain)
            if kind == "category"
            else _parsed(name, plain, style or kind, PARSERS[style or kind](plain), placeholder)
        )
    else:
        typed = _typed(name, array)
        if typed is None or typed.kind != kind:
            raise DataError(
                f"column {shortened(name)!r} has type {shortened(str(array.type))}, but it was a "
                f"{kind} column in training"
            )
        column = typed
    if strict and len(column.odd):
        raise _misfit(column, array, int(column.odd[0]))
    return column


def _misfit(column: Column, array: "pa.ChunkedArray", row: int) -> DataError:
    """Return the error for a cell that is too large a number, or not of the column's kind."""
    cell = str(array[row].as_py()).strip()
    where = f"column {shortened(column.name)!r}, row {row + 1}"
    if column.kind == "number" and _is_too_large(cell):
        return DataError(
            f"{where}: {float(cell)} is not allowed; numbers must be finite and at most 1e150; "
            "leave a cell without a value empty"
        )
    return DataError(
        f"{where}: {shortened(cell)!r} is not a {column.kind}, but the column was a {column.kind} "
        "column in training"
    )


def _is_too_large(cell: str) -> bool:
    try:
        return not abs(float(cell)) <= LARGEST
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
    return None


def _seconds(array: "pa.ChunkedArray") -> np.ndarray:
    pa = need_pyarrow()
    import pyarrow.compute as pc

    zone = array.type.tz if pa.types.is_timestamp(array.type) else None
    micros = pc.cast(pc.cast(array, pa.timestamp("us", zone), safe=False), pa.int64())
    return floats(micros) / 1e6


def _numbers(name: str, parsed: Parsed, style: str = "", placeholder: str | None = None) -> Column:
    """Return a column of numbers, in which those that are too large are odd."""
    too_large = np.abs(parsed.values) > LARGEST
    odd = np.flatnonzero(too_large | ~parsed.matches)
    values = np.where(too_large, np.nan, parsed.values)
    return Column(name, "number", values, style=style, placeholder=placeholder, odd=odd)


def _categories(name: str, plain: "pa.Array") -> Column:
    codes, levels = coded(plain)
    return Column(name, "category", codes, tuple(levels.to_pylist()))


def _of_texts(name: str, plain: "pa.Array", rows: np.ndarray) -> Column:
    """Return a column of strings of the kind that matches those in ``rows``."""
    parsed = {}
    for parser, parse in PARSERS.items():
        parsed[parser] = parse(plain)
        if parsed[parser].matches[rows].all():
            return _parsed(name, plain, parser, parsed[parser], None)
    for parser in WITH_PLACEHOLDER:
        placeholder = _placeholder(plain, parsed[parser], rows)
        if placeholder is not None and not _is_number(placeholder):
            return _parsed(name, plain, parser, parsed[parser], placeholder)
    return _categories(name, plain)


def _placeholder(plain: "pa.Array", parsed: Parsed, rows: np.ndarray) -> str | None:
    """Return the text of all cells in ``rows`` that are not of a kind, if it is one in a few."""
    import pyarrow.compute as pc

    others = rows[~parsed.matches[rows]]
    if len(others) >= np.isfinite(parsed.values[rows]).sum():
        return None
    found = pc.unique(plain.take(others)).to_pylist()
    return str(found[0]) if len(found) == 1 else None


def _is_number(text: str) -> bool:
    import pyarrow as pa

    return any(PARSERS[name](pa.array([text])).matches[0] for name in ("number", *STYLES))


def _parsed(
    name: str, plain: "pa.Array", parser: str, parsed: Parsed, placeholder: str | None
) -> Column:
    """Return a column of strings that were parsed by one of PARSERS."""
    import pyarrow.compute as pc

    if placeholder is not None:
        matches = parsed.matches | np.asarray(pc.fill_null(pc.equal(plain, placeholder), False))
        parsed = Parsed(parsed.values, matches)
    if parser == "number" or parser in STYLES:
        return _numbers(name, parsed, parser if parser in STYLES else "", placeholder)
    odd = np.flatnonzero(~parsed.matches)
    return Column(name, parser, parsed.values, placeholder=placeholder, odd=odd)
