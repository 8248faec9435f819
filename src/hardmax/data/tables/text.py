"""Text tables, such as CSV and TSV files, as columns of strings."""

import contextlib
import csv
import itertools
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hardmax.data.tables.decoding import as_utf8, marked_encoding
from hardmax.data.tables.layout import Layout, Row, find_layout, read_rows
from hardmax.data.tables.parts import Parts
from hardmax.data.tables.source import BLOCK, Source
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MAX_COLUMNS", "check_start", "open_text"]

#: The most columns of a table.
MAX_COLUMNS = 100_000

#: The most bytes of a line.
MAX_LINE = 2**24

#: Matches what pyarrow does not read as hardmax does: a quote that opens a cell after blanks, which
#: it takes for a part of the cell, and a line of blanks.
PADDED = re.compile(rb'[,;|\t\r\n] +"|[\r\n] +[\r\n]')

#: About how many cells of a table, of at least how many rows, are read at a time by Python; and how
#: many bytes for each column by pyarrow.
CELLS, MIN_ROWS, COLUMN_BYTES = 2**18, 2**8, 2**10

CELL = re.compile(rb"\S")


@contextlib.contextmanager
def open_text(
    path: Path,
    data: Source,
    ending: str,
    *,
    known: Collection[str | None] = (),
    has_header: bool = True,
    encoding: str | None = None,
) -> Iterator[tuple[Parts, list[str]]]:
    """Open a text table; also yield what is unusual about it.

    A header with one of the ``known`` names is recognized below other lines. ``encoding`` is that
    of a file that is not UTF-8. Raises DataError, csv.Error or one of pyarrow's exceptions for a
    file that cannot be read, also while its parts are, and DataError if it is beyond the limits.
    """
    import pyarrow as pa

    check_start(path, data, encoding)
    with as_utf8(path, data, encoding) as text:
        _check_lines(path, text.data)
        layout = find_layout(text.data, ending, known, has_header=has_header)
        if len(layout.names) > MAX_COLUMNS:
            raise DataError(
                f"{path} has {len(layout.names)} columns; at most {MAX_COLUMNS} are allowed"
            )
        schema = pa.schema([(name, pa.string()) for name in layout.names])
        read = _read_padded if _is_padded(text.data) else _read_plain
        rows = partial(read, path, text.data, layout, schema)
        yield Parts(schema, rows), _about_encoding(text.encoding) + layout.found


def _about_encoding(name: str) -> list[str]:
    if name == "UTF-8":
        return []
    other = " (--text-encoding names another)" if name == "Latin-1" else ""
    return [f"as {name} text{other}"]


def _is_padded(data: Source) -> bool:
    """Return whether PADDED matches. Most files lack its last two bytes, which is found quickly."""
    rest = b""
    for block in data.blocks():
        text = rest + block
        if any(end in text for end in (b' "', b" \n", b" \r")) and PADDED.search(text):
            return True
        rest = text[max(len(text.rstrip(b" ")) - 1, 0) :]
    return False


def check_start(path: Path, data: Source, encoding: str | None) -> None:
    """Raise DataError if the start of a file is no text of a table; it is not read to its end."""
    if encoding is None and marked_encoding(data.part(0, 2 * BLOCK).read()) in (None, "UTF-8"):
        _check_lines(path, data.part(0, 2 * MAX_LINE))


def _check_lines(path: Path, data: Source) -> None:
    """Raise DataError if a file has NUL bytes or too long a line."""
    is_long, length = False, 0
    for block in data.blocks(min(BLOCK, MAX_LINE)):
        if b"\0" in block:
            raise DataError(f"{path} is not text: it has bytes that are 0")
        ends = [at for at in (block.find(b"\n"), block.find(b"\r")) if at >= 0]
        length += min(ends, default=len(block))
        is_long |= length > MAX_LINE - bool(ends)
        if ends:
            length = len(block) - 1 - max(block.rfind(b"\n"), block.rfind(b"\r"))
    if is_long:
        raise DataError(f"{path} has a line of more than {MAX_LINE} bytes; shorten it")


def _read_plain(
    path: Path, data: Source, layout: Layout, schema: "pa.Schema"
) -> Iterator["pa.RecordBatch"]:
    import pyarrow as pa

    rows = data.part(layout.start, layout.end)
    quotes = rows.count(b'"')
    if quotes % 2:
        _check_quotes(data, layout)
    if not any(map(CELL.search, rows.blocks())):  # pyarrow takes no empty file
        return
    done, size = 0, max(BLOCK, COLUMN_BYTES * len(layout.names))
    while True:
        try:
            for batch in _parsed(rows, layout, size, done):
                done += batch.num_rows
                yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
            break
        except pa.ArrowException:
            with contextlib.suppress(csv.Error):
                deque(_checked(path, len(layout.names), _rows(data, layout)), 0)
            if size >= len(rows):
                raise
            size *= 16  # a row may be longer than a block
    if quotes and done < rows.count(b"\n"):
        _check_quotes(data, layout)


def _parsed(rows: Source, layout: Layout, size: int, start: int) -> Iterator["pa.RecordBatch"]:
    """Yield the rows after the first ``start``, of which none must be longer than ``size`` bytes.

    The columns are called by their places. One thread reads them, so that the same file always
    gives the same error.
    """
    import pyarrow as pa
    import pyarrow.csv

    places = [str(place) for place in range(len(layout.names))]
    batches = pyarrow.csv.open_csv(
        rows.stream(),
        pyarrow.csv.ReadOptions(use_threads=False, block_size=size, column_names=places),
        pyarrow.csv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=True),
        pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(places, pa.string())),
    )
    for batch in batches:
        if start < batch.num_rows:
            yield batch.slice(start)
        start = max(start - batch.num_rows, 0)


def _read_padded(
    path: Path, data: Source, layout: Layout, schema: "pa.Schema"
) -> Iterator["pa.RecordBatch"]:
    """Read a table in which a quote also opens a cell after blanks."""
    import pyarrow as pa

    if data.part(layout.start, layout.end).count(b'"') % 2:
        _check_quotes(data, layout, padded=True)
    rows = _checked(path, len(layout.names), _rows(data, layout, padded=True))
    size = max(CELLS // max(len(layout.names), 1), MIN_ROWS)
    while some := [*itertools.islice(rows, size)]:
        columns = zip(*(row.cells for row in some), strict=True)
        yield pa.RecordBatch.from_arrays([pa.array(c, pa.string()) for c in columns], schema=schema)


def _rows(data: Source, layout: Layout, **options: bool) -> Iterator[Row]:
    """Yield the rows with Python's csv module; ``options`` are those of ``read_rows``."""
    return read_rows(data.part(0, layout.end), layout.delimiter, layout.start, **options)


def _checked(path: Path, columns: int, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows. Raises DataError for the first one with too many or too few cells."""
    for row in rows:
        if len(row.cells) != columns:
            raise DataError(
                f"{path}: line {row.line} has {len(row.cells)} cells, the header has {columns}; "
                "every row must have as many cells as the header"
            )
        yield row


def _check_quotes(data: Source, layout: Layout, **options: bool) -> None:
    """Raise csv.Error for an unclosed quote, which would turn many rows into one cell.

    Only a file with an odd number of quotes, or with fewer rows than lines, can have one; the
    others are not parsed for it.
    """
    deque(_rows(data, layout, strict=True, **options), 0)
