"""Table files whose cells have types: Parquet, Feather and JSON lines."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hardmax.data.tables.decoding import is_utf8
from hardmax.data.tables.parts import Parts, whole
from hardmax.data.tables.source import BLOCK
from hardmax.data.tables.text import MAX_COLUMNS
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["check_size", "open_arrow", "open_json_lines", "open_parquet"]

#: The most cells of a table in a compressed format, which can be small and still have many.
MAX_CELLS = 2**28

#: About how many cells of a Parquet file are read at a time.
PART_CELLS = 2**18

#: The block that rows of JSON are read in, in bytes; no row may be longer.
JSON_BLOCK = 2**24


def check_size(path: Path, rows: int, columns: int) -> None:
    """Raise DataError if a table has more columns or cells than are allowed."""
    if columns > MAX_COLUMNS:
        raise DataError(f"{path} has {columns} columns; at most {MAX_COLUMNS} are allowed")
    if rows * columns > MAX_CELLS:
        raise DataError(
            f"{path} has {rows} rows of {columns} columns; at most {MAX_CELLS} cells are allowed"
        )


def open_parquet(path: Path, file: BinaryIO) -> Parts:
    """Open a Parquet table. Raises pyarrow's exceptions, DataError for one that is too large."""
    import pyarrow.parquet

    # Without a buffer, all bytes of a column in a row group are read at once.
    parquet = pyarrow.parquet.ParquetFile(file, buffer_size=BLOCK)
    count, columns = parquet.metadata.num_rows, parquet.metadata.num_columns
    check_size(path, count, columns)
    size = max(PART_CELLS // max(columns, 1), 1)
    return Parts(parquet.schema_arrow, lambda: map(_valid, parquet.iter_batches(size)), count)


def open_arrow(path: Path, file: BinaryIO) -> Parts:
    """Open a Feather or Arrow table; raises the same as ``open_parquet``."""
    import pyarrow.ipc

    reader = pyarrow.ipc.open_file(file)
    batches = partial(map, reader.get_batch, range(reader.num_record_batches))
    count = 0
    for batch in batches():
        count += batch.num_rows
        check_size(path, count, len(reader.schema))
    return Parts(reader.schema, lambda: map(_valid, batches()), count)


def _valid(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    """Return a batch; Arrow does not check whether strings are UTF-8 when it reads."""
    batch.validate(full=True)
    return batch


def open_json_lines(path: Path, file: BinaryIO) -> Parts:
    """Open a file of one JSON object per line; raises the same as ``open_parquet``.

    A short file is read as a whole, and so is one whose lines cannot be read apart: because they
    are in error, are parts of objects, or have types that only pyarrow knows how to combine.
    """
    import pyarrow as pa

    if not is_utf8(iter(partial(file.read, BLOCK), b"")):
        raise DataError(f"{path} is not UTF-8; save it in that encoding")
    if file.tell() > JSON_BLOCK:
        with contextlib.suppress(pa.ArrowException):
            return _json_parts(path, file)
    return _whole_json(path, file)


def _json_parts(path: Path, file: BinaryIO) -> Parts:
    """Return the rows of JSON lines, the types of whose columns are found in a first pass."""
    import pyarrow as pa

    count, schema = 0, pa.schema([])
    for batch in _json_batches(file):
        count += batch.num_rows
        schema = pa.unify_schemas([schema, batch.schema], promote_options="permissive")
        check_size(path, count, len(schema))
    return Parts(schema, lambda: _json_batches(file, schema), count)


def _json_batches(file: BinaryIO, schema: "pa.Schema | None" = None) -> Iterator["pa.RecordBatch"]:
    """Yield the rows of JSON lines, about BLOCK bytes at a time, as columns of the given types."""
    import pyarrow as pa
    import pyarrow.json

    parsing = pyarrow.json.ParseOptions(explicit_schema=schema)
    file.seek(0)
    while lines := b"".join(file.readlines(BLOCK)):
        options = pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
        table = pyarrow.json.read_json(pa.BufferReader(lines), options, parsing)
        yield from map(_valid, table.combine_chunks().to_batches())


def _whole_json(path: Path, file: BinaryIO) -> Parts:
    import pyarrow as pa
    import pyarrow.json

    file.seek(0)
    data = file.read()
    options = pyarrow.json.ReadOptions(use_threads=False, block_size=min(len(data), JSON_BLOCK) + 1)
    table = pyarrow.json.read_json(pa.BufferReader(data), options)
    check_size(path, table.num_rows, table.num_columns)
    table.validate(full=True)
    return whole(table)
