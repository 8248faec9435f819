"""Write tables as CSV, TSV, JSON lines or Parquet, part by part."""

import csv
import io
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING

from hardmax.data.tables.arrow import need_pyarrow
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet

__all__ = ["WRITABLE", "TableWriter", "with_columns"]

#: The file name endings of tables that can be written.
WRITABLE = (".csv", ".jsonl", ".parquet", ".tsv")

#: The cells from which on rows are a row group of a Parquet file. Small ones would make it large
#: and slow to read.
GROUP = 2**20


class TableWriter:
    """Writes parts of a table, which all have the same columns, to a binary file.

    ``ending`` is that of the file, one of WRITABLE; the file is complete after ``close``. Raises
    DataError if pyarrow is not installed.
    """

    def __init__(self, file: IO[bytes], ending: str):
        need_pyarrow()
        self.file = file
        self.ending = ending
        self.has_header = False
        self.parquet: pyarrow.parquet.ParquetWriter | None = None
        self.group: list[pa.Table] = []

    def write(self, table: "pa.Table") -> None:
        """Write the next rows.

        Raises DataError if a column cannot be converted to strings and the ending is not .parquet.
        """
        if self.ending == ".parquet":
            self.group.append(table)
            if sum(part.num_rows for part in self.group) * table.num_columns >= GROUP:
                self._write_group()
        elif self.ending == ".jsonl":
            columns = [_json_values(table, name) for name in table.column_names]
            for cells in zip(*columns, strict=True):
                row = dict(zip(table.column_names, cells, strict=True))
                self.file.write(f"{json.dumps(row, ensure_ascii=False)}\n".encode())
        else:
            self._write_text(table)

    def close(self) -> None:
        """Write what comes after the last part."""
        if self.group:
            self._write_group()
        if self.parquet is not None:
            self.parquet.close()

    def _write_group(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet

        table = pa.concat_tables(self.group)
        self.group = []
        if self.parquet is None:
            self.parquet = pyarrow.parquet.ParquetWriter(self.file, table.schema)
        self.parquet.write_table(table)

    def _write_text(self, table: "pa.Table") -> None:
        columns = [_texts(table, name) for name in table.column_names]
        text = io.StringIO(newline="")
        # The csv module does not quote carriage returns by default.
        has_returns = any("\r" in (cell or "") for column in columns for cell in column)
        writer = csv.writer(
            text,
            delimiter="\t" if self.ending == ".tsv" else ",",
            lineterminator="\n",
            quoting=csv.QUOTE_ALL if has_returns else csv.QUOTE_MINIMAL,
        )
        if not self.has_header:
            writer.writerow(table.column_names)
            self.has_header = True
        writer.writerows(zip(*columns, strict=True))
        self.file.write(text.getvalue().encode())


def _texts(table: "pa.Table", name: str) -> list[str | None]:
    """Return the cells of a column as strings, None for missing ones."""
    import pyarrow as pa

    try:
        texts: list[str | None] = table[name].cast(pa.string()).to_pylist()
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DataError(
            f"column {name!r}, of type {table[name].type}, cannot be written as text; "
            "use a file name that ends in .parquet for --out"
        ) from error
    return texts


def _json_values(table: "pa.Table", name: str) -> Sequence[object]:
    """Return the cells of a column as JSON values: numbers, booleans and else strings."""
    import pyarrow as pa

    kind = table[name].type
    if pa.types.is_floating(kind):
        numbers = table[name].to_pylist()
        return [cell if cell is not None and math.isfinite(cell) else None for cell in numbers]
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        values: list[object] = table[name].to_pylist()
        return values
    return _texts(table, name)


def with_columns(
    table: "pa.Table | None", columns: Mapping[str, Sequence[float] | Sequence[str | None]]
) -> "pa.Table":
    """Return a table with columns of floats or strings appended; without one, a table of them.

    A name that is taken gets a number. Columns must not be empty.
    """
    pa = need_pyarrow()
    fields = [] if table is None else [*table.schema]
    arrays = [] if table is None else [*table.columns]
    taken = {field.name for field in fields}
    for name, values in columns.items():
        free = _free_name(name, taken)
        taken.add(free)
        fields.append(pa.field(free, pa.float64() if isinstance(values[0], float) else pa.string()))
        arrays.append(pa.chunked_array([values], fields[-1].type))
    metadata = None if table is None else table.schema.metadata
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata))


def _free_name(name: str, taken: set[str]) -> str:
    """Return the name, with a number appended if it is taken."""
    numbered = (f"{name}_{number}" for number in itertools.count(2))
    return name if name not in taken else next(other for other in numbered if other not in taken)
