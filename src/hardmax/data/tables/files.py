"""Table files: reading and writing CSV, TSV and Parquet."""

import csv
import io
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from hardmax.checks import is_plain, shortened
from hardmax.data.tables.arrow import need_pyarrow
from hardmax.data.tables.text import MAX_COLUMNS, read_text
from hardmax.errors import DataError
from hardmax.files import open_regular

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ENDINGS", "read_table", "table_bytes"]

#: The file name endings of tables.
ENDINGS = frozenset({".csv", ".tsv", ".parquet"})

#: The most cells of a Parquet file, which can be small and still have many.
MAX_CELLS = 2**28


def read_table(path: Path, known: Collection[str | None] = ()) -> "pa.Table":
    """Read a table. Cells of CSV and TSV are strings; those of Parquet keep their types.

    CSV is separated by commas or, if the header has more of them, by semicolons. Column names have
    no surrounding blanks; ``known`` are names by which a header is recognized. Raises DataError for
    a file that cannot be read: one that is damaged or beyond the limits, one without a header, one
    with a row of too many or too few cells, or one with two columns of the same name.
    """
    pa = need_pyarrow()
    is_parquet = path.suffix.lower() == ".parquet"
    try:
        table = _read_parquet(path) if is_parquet else read_text(path, known)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise DataError(f"cannot read {path}: {reason}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8; save it in that encoding") from error
    except (pa.ArrowException, csv.Error) as error:
        raise DataError(f"{path}: {' '.join(str(error).split())}") from error
    table = table.rename_columns([name.strip() for name in table.column_names])
    _check_names(path, table.column_names)
    if not table.num_rows:
        raise DataError(f"{path} has no rows")
    return table


def _check_names(path: Path, names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(f"{path} has two columns called {shortened(name)!r}; rename one")
        if not is_plain(name):
            raise DataError(
                f"{path} has a column called {shortened(name)!r}; names must be on one line, "
                "without control characters"
            )


def _read_parquet(path: Path) -> "pa.Table":
    import pyarrow.parquet

    with open_regular(path) as file:
        parquet = pyarrow.parquet.ParquetFile(file)
        metadata = parquet.metadata
        if metadata.num_columns > MAX_COLUMNS:
            raise DataError(
                f"{path} has {metadata.num_columns} columns; at most {MAX_COLUMNS} are allowed"
            )
        if metadata.num_rows * metadata.num_columns > MAX_CELLS:
            raise DataError(
                f"{path} has {metadata.num_rows} rows of {metadata.num_columns} columns; at most "
                f"{MAX_CELLS} cells are allowed"
            )
        table = parquet.read()
        table.validate(full=True)  # Arrow does not check whether strings are UTF-8 when it reads
        return table


def table_bytes(table: "pa.Table", ending: str) -> bytes:
    """Return the contents of a table file with the given ending, one of ENDINGS.

    Raises DataError if a column cannot be converted to strings and the ending is not .parquet.
    """
    pa = need_pyarrow()
    if ending == ".parquet":
        import pyarrow.parquet

        data = io.BytesIO()
        pyarrow.parquet.write_table(table, data)
        return data.getvalue()
    columns = []
    for name in table.column_names:
        try:
            columns.append(table[name].cast(pa.string()).to_pylist())
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise DataError(
                f"column {name!r}, of type {table[name].type}, cannot be written as text; "
                "use a file name that ends in .parquet for --out"
            ) from error
    text = io.StringIO(newline="")
    # The csv module does not quote carriage returns by default.
    has_returns = any("\r" in (cell or "") for column in columns for cell in column)
    writer = csv.writer(
        text,
        delimiter="\t" if ending == ".tsv" else ",",
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if has_returns else csv.QUOTE_MINIMAL,
    )
    writer.writerow(table.column_names)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()
