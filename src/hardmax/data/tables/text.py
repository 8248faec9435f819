"""Text tables, such as CSV and TSV files, as columns of strings."""

import contextlib
import csv
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hardmax.checks import listed
from hardmax.data.tables.contents import read_whole
from hardmax.data.tables.decoding import Text, as_utf8, marked_encoding
from hardmax.data.tables.header import looks_like_data
from hardmax.data.tables.layout import Layout, Row, find_layout, read_rows
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MAX_COLUMNS", "read_text"]

#: The most columns of a table.
MAX_COLUMNS = 100_000

#: The most bytes of a line.
MAX_LINE = 2**24

#: Matches what pyarrow does not read as hardmax does: a quote that opens a cell after blanks, which
#: it takes for a part of the cell, and a line of blanks.
PADDED = re.compile(rb'[,;|\t\r\n] +"|[\r\n] +[\r\n]')

CELL = re.compile(rb"\S")


def read_text(
    path: Path,
    file: IO[bytes],
    ending: str,
    *,
    known: Collection[str | None] = (),
    header: bool | None = None,
    encoding: str | None = None,
) -> tuple["pa.Table", list[str]]:
    """Read a text table; also return what is unusual about it.

    Whether the first row is the ``header`` is found out if that is None: one with one of the
    ``known`` names, if a word, is. ``encoding`` is that of a file that is not UTF-8. Raises
    DataError, csv.Error or one of pyarrow's exceptions for a file that cannot be read, DataError if
    it is beyond the limits or has no header.
    """
    data, name = _contents(path, file, encoding)
    layout = find_layout(data, ending, known, has_header=header is not False)
    if len(layout.names) > MAX_COLUMNS:
        raise DataError(
            f"{path} has {len(layout.names)} columns; at most {MAX_COLUMNS} are allowed"
        )
    read = _read_padded if _is_padded(data) else _read_plain
    table = read(path, data, layout)
    if header is None and table.num_rows and looks_like_data(table, known):
        raise DataError(
            f"{path} has no header: its first row ({listed(table.column_names)}) looks like data; "
            "add --no-header to call the columns 0, 1, 2 and so on, or --header if it is one"
        )
    return table, _about_encoding(name) + layout.found


def _about_encoding(name: str) -> list[str]:
    if name == "UTF-8":
        return []
    other = " (--text-encoding names another)" if name == "Latin-1" else ""
    return [f"as {name} text{other}"]


def _is_padded(data: bytes) -> bool:
    """Return whether PADDED matches. Most files lack its last two bytes, which is found quickly."""
    return any(end in data for end in (b' "', b" \n", b" \r")) and PADDED.search(data) is not None


def _contents(path: Path, file: IO[bytes], encoding: str | None) -> Text:
    """Return a file as UTF-8; one whose start is no text of a table is not read to its end."""
    start = file.read(2 * MAX_LINE)
    is_plain = encoding is None and marked_encoding(start) in (None, "UTF-8")
    if is_plain:
        _check_lines(path, start)
    data = start if len(start) < 2 * MAX_LINE else start + read_whole(path, file)
    text = as_utf8(path, data, encoding)
    if not is_plain or len(data) > len(start):
        _check_lines(path, text.data)
    return text


def _check_lines(path: Path, data: bytes) -> None:
    """Raise DataError if a part of a file has NUL bytes or too long a line."""
    if b"\0" in data:
        raise DataError(f"{path} is not text: it has bytes that are 0")
    at = 0
    while len(data) - at > MAX_LINE:
        end = max(data.rfind(mark, at, at + MAX_LINE) for mark in (b"\n", b"\r"))
        if end < 0:
            raise DataError(f"{path} has a line of more than {MAX_LINE} bytes; shorten it")
        at = end + 1


def _read_plain(path: Path, data: bytes, layout: Layout) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.csv

    _check_quotes(data, layout)
    places = [str(place) for place in range(len(layout.names))]
    rows = pa.py_buffer(data).slice(layout.start, layout.end - layout.start)
    if not CELL.search(data, layout.start, layout.end):  # pyarrow takes no empty file
        columns = [pa.array([], pa.string()) for _ in places]
        return pa.Table.from_arrays(columns, layout.names)
    try:
        # One block, so that no row is too long for it; one thread, so that the same file always
        # gives the same error.
        table = pyarrow.csv.read_csv(
            pa.BufferReader(rows),
            pyarrow.csv.ReadOptions(
                use_threads=False, block_size=max(rows.size, 2**20), column_names=places
            ),
            pyarrow.csv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=True),
            pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(places, pa.string())),
        )
    except pa.ArrowException:
        with contextlib.suppress(csv.Error):
            rows_read = read_rows(data[: layout.end], layout.delimiter, layout.start)
            _check_lengths(path, len(places), rows_read)
        raise
    if table.num_rows < data.count(b"\n", layout.start, layout.end):
        _check_quotes(data, layout, always=True)
    return table.rename_columns(layout.names)


def _read_padded(path: Path, data: bytes, layout: Layout) -> "pa.Table":
    """Read a table in which a quote also opens a cell after blanks."""
    import pyarrow as pa

    part = data[: layout.end]
    is_open = part.count(b'"', layout.start) % 2 == 1
    rows = [*read_rows(part, layout.delimiter, layout.start, padded=True, strict=is_open)]
    _check_lengths(path, len(layout.names), rows)
    cells = ([row.cells[place] for row in rows] for place in range(len(layout.names)))
    columns = [pa.array(column, pa.string()) for column in cells]
    return pa.Table.from_arrays(columns, layout.names)


def _check_lengths(path: Path, columns: int, rows: Iterable[Row]) -> None:
    """Raise DataError for the first row with too many or too few cells."""
    for row in rows:
        if len(row.cells) != columns:
            raise DataError(
                f"{path}: line {row.line} has {len(row.cells)} cells, the header has {columns}; "
                "every row must have as many cells as the header"
            )


def _check_quotes(data: bytes, layout: Layout, *, always: bool = False) -> None:
    """Raise csv.Error for an unclosed quote, which would turn many rows into one cell.

    Only a file with an odd number of quotes, or with cells of several lines, can have one; the
    others are not parsed. ``always`` is for a file that has fewer rows than lines.
    """
    count = data.count(b'"', layout.start, layout.end)
    if count % 2 or (always and count):
        part = data[: layout.end]
        for _ in read_rows(part, layout.delimiter, layout.start, strict=True):
            pass
