"""What users are told about the columns of a table."""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hardmax.checks import listed, shortened
from hardmax.data.row_encoding import RowEncoding, Unseen
from hardmax.data.tables.cells import PADDED, STYLES, has_texts, missing_texts
from hardmax.data.tables.columns import CODES, Column
from hardmax.data.tables.dates import ORDERS
from hardmax.data.tables.leaks import Leak

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["of_leak", "of_odd_cells", "of_training", "of_unseen"]

#: The most columns with a notice each.
MAX_COLUMNS = 5

#: The cells that an example is chosen from.
EXAMPLES = 100

PLURALS = {
    "number": "numbers",
    "boolean": "booleans",
    "date": "dates",
    "time of day": "times of day",
    "category": "categories",
    "text": "texts",
}


def of_training(
    name: str,
    table: "pa.Table",
    columns: Sequence[Column],
    encoding: RowEncoding,
    left_out: Mapping[str, str],
    missing: Sequence[str],
) -> list[str]:
    """Return notices on the columns in use, those left out, and how their cells are read."""
    kinds = [code.kind for code in encoding.columns]
    used = ", ".join(
        f"{kinds.count(kind)} {many if kinds.count(kind) > 1 else kind}"
        for kind, many in PLURALS.items()
        if kind in kinds
    )
    out = listed(f"{shortened(column) or '(no name)'} ({why})" for column, why in left_out.items())
    left = f"; left out: {out}" if left_out else ""
    has_identifier = any(why.startswith("identifier") for why in left_out.values())
    left += "; --keep COLUMN uses an identifier all the same" if has_identifier else ""
    are = "column is" if len(kinds) == 1 else "columns are"
    return [
        f"{name}: {len(kinds)} {are} used ({used}){left}",
        *_of_missing(name, table, columns, missing),
        *_few([_of_placeholder(name, one) for one in columns if one.placeholder is not None]),
        *_few([_of_style(name, table, one) for one in columns if one.style in STYLES]),
        *_of_orders(name, table, columns),
        *_of_codes(name, columns),
    ]


def _of_missing(
    name: str, table: "pa.Table", columns: Sequence[Column], missing: Sequence[str]
) -> list[str]:
    arrays = [table[column.name] for column in columns if column.missing.any()]
    found = {
        text: None
        for array in arrays
        if has_texts(array.type)
        for text in missing_texts(array, missing)
    }
    if not found:
        return []
    return [
        f"{name}: cells with {listed(map(repr, found))} count as missing; --missing names other "
        "texts"
    ]


def _of_placeholder(name: str, column: Column) -> str:
    return (
        f"{name}, column {shortened(column.name)}: {shortened(f'{column.placeholder}')!r} counts "
        f"as missing, because all other cells are {PLURALS[column.kind]}"
    )


def _of_style(name: str, table: "pa.Table", column: Column) -> str:
    """Return a notice with the longest of the first cells, which has the most separators."""
    cells = {row: str(table[column.name][row].as_py()).strip() for row in _first(column)}
    row = max(cells, key=lambda one: len(cells[one]))
    return (
        f"{name}, column {shortened(column.name)}: {shortened(cells[row])!r} is read as "
        f"{column.values[row]:.12g}"
    )


def _of_orders(name: str, table: "pa.Table", columns: Sequence[Column]) -> list[str]:
    """Return a notice for each order of day and month, with the latest of the first days."""
    notices = []
    for order in ORDERS:
        dates = [column for column in columns if column.style == order]
        if dates:
            days = {row: _day(dates[0].values[row]) for row in _first(dates[0])}
            cell = str(table[dates[0].name][max(days, key=lambda row: days[row])].as_py()).strip()
            notices.append(
                f"{name}, {_names(dates)}: dates are read {order.replace('-', ' ')}, as in {cell!r}"
            )
    return notices


def _day(seconds: float) -> int:
    """Return the day of the month of a date in seconds since 1970."""
    date = np.datetime64(int(seconds), "s")
    return int((date.astype("datetime64[D]") - date.astype("datetime64[M]")).astype(int))


def _of_codes(name: str, columns: Sequence[Column]) -> list[str]:
    codes = [column for column in columns if column.style == CODES]
    if not codes:
        return []
    level = next(level for level in codes[0].levels if re.match(PADDED, level))
    return [
        f"{name}, {_names(codes)}: whole numbers with leading zeros, such as {shortened(level)!r}, "
        f"are read as categories; --as {shortened(codes[0].name)}=number reads numbers"
    ]


def _names(columns: Sequence[Column]) -> str:
    """Return the names of columns in words."""
    many = "columns" if len(columns) > 1 else "column"
    return f"{many} {listed(column.name for column in columns)}"


def _first(column: Column) -> list[int]:
    """Return the first rows of a column that have a value."""
    rows: list[int] = np.flatnonzero(~column.missing)[:EXAMPLES].tolist()
    return rows


def of_odd_cells(
    name: str, table: "pa.Table", columns: Sequence[Column], used: np.ndarray
) -> list[str]:
    """Return notices on cells in the rows ``used``, int64, that are not of the column's kind."""
    notices = []
    for column in columns:
        odd = column.odd_among(used)
        if len(odd):
            cell = shortened(str(table[column.name][int(odd[0])].as_py()))
            notices.append(
                f"{name}, column {shortened(column.name)}: {len(odd)} of the rows have cells, such "
                f"as {cell!r} in row {odd[0] + 1}, that are not allowed in a {column.kind} column; "
                "they count as missing"
            )
    return _few(notices)


def of_leak(name: str, leak: Leak) -> str:
    """Return a notice on a column that gives the labels away."""
    return (
        f"{name}, column {shortened(leak.column)}: alone it classifies {leak.correct} of "
        f"{leak.total} training rows correctly; if it is not known when new rows are classified, "
        f"leave it out with --drop {shlex.quote(shortened(leak.column))}"
    )


def of_unseen(name: str, unseen: Unseen) -> str:
    """Return a notice on categories that were not in the training rows."""
    return (
        f"{name}, column {shortened(unseen.column)}: {unseen.count} of the rows have categories, "
        f"such as {shortened(unseen.text)!r}, that were not in the training rows; these are "
        "encoded as all zeros"
    )


def _few(notices: Sequence[str]) -> list[str]:
    """Return the first notices, and how many more columns there are."""
    more = len(notices) - MAX_COLUMNS
    return [
        *notices[:MAX_COLUMNS],
        *([f"{more} more columns are read the same way"] if more > 0 else []),
    ]
