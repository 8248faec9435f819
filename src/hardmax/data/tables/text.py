"""Text tables: CSV and TSV files, as columns of strings."""

import contextlib
import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hardmax.checks import listed
from hardmax.data.tables.header import looks_like_data
from hardmax.errors import DataError
from hardmax.files import open_regular

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MAX_COLUMNS", "read_text"]

#: The most columns of a table.
MAX_COLUMNS = 100_000

#: The most bytes of a text table, which is the largest block of pyarrow's reader, and of a line.
MAX_BYTES, MAX_LINE = 2**31 - 1, 2**24

#: Matches a quote that opens a cell after blanks, which pyarrow takes for a part of the cell.
PADDED_QUOTE = re.compile(rb'[,;\t\r\n] +"')


def read_text(path: Path, known: Collection[str | None] = ()) -> "pa.Table":
    """Read a text table. A first row with one of the ``known`` names, if a word, is a header.

    Raises DataError, csv.Error, UnicodeDecodeError or one of pyarrow's exceptions for a file that
    cannot be read, DataError if it is beyond the limits or has no header.
    """
    data = _contents(path)
    delimiter = _delimiter(path, data)
    if PADDED_QUOTE.search(data):
        table = _read_padded(path, data, delimiter)
    else:
        table = _read_plain(path, data, delimiter)
    if table.num_rows and looks_like_data(table, known):
        raise DataError(
            f"{path} has no header: its first row ({listed(table.column_names)}) looks like data; "
            "add a row above it with the names of the columns"
        )
    return table


def _contents(path: Path) -> bytes:
    """Return a file's bytes; a file whose start is no text of a table is not read to its end."""
    with open_regular(path, MAX_BYTES) as file:
        start = file.read(2 * MAX_LINE)
        _check_lines(path, start)
        header = start.lstrip(b"\r\n").partition(b"\n")[0]
        columns = 1 + max(header.count(end) for end in (b",", b";", b"\t"))
        if columns > MAX_COLUMNS:
            raise DataError(f"{path} has {columns} columns; at most {MAX_COLUMNS} are allowed")
        if len(start) < 2 * MAX_LINE:
            return start
        file.seek(0)
        data = file.read()
    _check_lines(path, data)
    return data


def _check_lines(path: Path, data: bytes) -> None:
    """Raise DataError if a part of a file has NUL bytes or too long a line."""
    if b"\0" in data:
        raise DataError(f"{path} is not UTF-8 text; save it in that encoding")
    at = 0
    while len(data) - at > MAX_LINE:
        end = max(data.rfind(mark, at, at + MAX_LINE) for mark in (b"\n", b"\r"))
        if end < 0:
            raise DataError(f"{path} has a line of more than {MAX_LINE} bytes; shorten it")
        at = end + 1


def _read_plain(path: Path, data: bytes, delimiter: str) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.csv

    _check_quotes(data, delimiter)
    _, header = next(_rows(data, delimiter), (0, []))
    try:
        # One block, so that no row is too long for it; one thread, so that the same file always
        # gives the same error.
        return pyarrow.csv.read_csv(
            pa.BufferReader(data),
            pyarrow.csv.ReadOptions(use_threads=False, block_size=max(len(data), 2**20)),
            pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string())),
        )
    except pa.ArrowException:
        with contextlib.suppress(csv.Error, UnicodeDecodeError):
            _check_lengths(path, _rows(data, delimiter))
        raise


def _read_padded(path: Path, data: bytes, delimiter: str) -> "pa.Table":
    """Read a table in which a quote also opens a cell after blanks."""
    import pyarrow as pa

    is_open = data.count(b'"') % 2 == 1
    rows = [*_rows(data, delimiter, padded=True, strict=is_open)]
    _check_lengths(path, rows)
    (_, header), *others = rows
    cells = ([row[place] for _, row in others] for place in range(len(header)))
    return pa.Table.from_arrays([pa.array(column, pa.string()) for column in cells], header)


def _rows(
    data: bytes, delimiter: str, *, strict: bool = False, padded: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Yield the last line and the cells of each row of a text file, without empty lines."""
    lines = io.TextIOWrapper(io.BytesIO(data), newline="", encoding="utf-8-sig")
    reader = csv.reader(lines, delimiter=delimiter, strict=strict, skipinitialspace=padded)
    yield from ((reader.line_num, row) for row in reader if row)


def _check_lengths(path: Path, rows: Iterable[tuple[int, list[str]]]) -> None:
    """Raise DataError for the first row with too many or too few cells."""
    columns = None
    for line, row in rows:
        columns = len(row) if columns is None else columns
        if len(row) != columns:
            raise DataError(
                f"{path}: line {line} has {len(row)} cells, the header has {columns}; every row "
                "must have as many cells as the header"
            )


def _delimiter(path: Path, data: bytes) -> str:
    """Return the delimiter; for CSV, of comma and semicolon the one that gives more columns."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    return ";" if _width(data, ";") > _width(data, ",") else ","


def _width(data: bytes, delimiter: str) -> int:
    """Return the number of cells in the first row; 1 if a cell is too long for the csv module."""
    try:
        return len(next(_rows(data, delimiter), (0, []))[1])
    except csv.Error:
        return 1


def _check_quotes(data: bytes, delimiter: str) -> None:
    """Raise csv.Error for an unclosed quote, which would turn the rest of the file into one cell.

    Only a file with an odd number of quotes can have one; the others are not parsed.
    """
    if data.count(b'"') % 2:
        for _ in _rows(data, delimiter, strict=True):
            pass
