"""Table files whose cells have types: Parquet, Feather and JSON lines."""

from pathlib import Path
from typing import IO, TYPE_CHECKING

from hardmax.data.tables.contents import read_whole
from hardmax.data.tables.decoding import is_utf8
from hardmax.data.tables.text import MAX_COLUMNS
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["check_size", "read_arrow", "read_json_lines", "read_parquet"]

#: The most cells of a table in a compressed format, which can be small and still have many.
MAX_CELLS = 2**28

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


def read_parquet(path: Path, file: IO[bytes]) -> "pa.Table":
    """Read a Parquet table. Raises pyarrow's exceptions, DataError for one that is too large."""
    import pyarrow.parquet

    parquet = pyarrow.parquet.ParquetFile(file)
    metadata = parquet.metadata
    check_size(path, metadata.num_rows, metadata.num_columns)
    table = parquet.read()
    table.validate(full=True)  # Arrow does not check whether strings are UTF-8 when it reads
    return table


def read_arrow(path: Path, file: IO[bytes]) -> "pa.Table":
    """Read a Feather or Arrow table; raises the same as ``read_parquet``."""
    import pyarrow as pa
    import pyarrow.ipc

    with pyarrow.ipc.open_file(file) as reader:
        rows, batches = 0, []
        for place in range(reader.num_record_batches):
            batches.append(reader.get_batch(place))
            rows += batches[-1].num_rows
            check_size(path, rows, len(reader.schema))
        table = pa.Table.from_batches(batches, reader.schema)
    table.validate(full=True)
    return table


def read_json_lines(path: Path, file: IO[bytes]) -> "pa.Table":
    """Read one JSON object per line; raises the same as ``read_parquet``."""
    import pyarrow as pa
    import pyarrow.json

    data = read_whole(path, file)
    if not is_utf8(data):
        raise DataError(f"{path} is not UTF-8; save it in that encoding")
    options = pyarrow.json.ReadOptions(use_threads=False, block_size=min(len(data), JSON_BLOCK) + 1)
    table = pyarrow.json.read_json(pa.BufferReader(data), options)
    check_size(path, table.num_rows, table.num_columns)
    table.validate(full=True)
    return table
