"""Files of tables: CSV, TSV and Parquet, read and written whole."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardmax.checks import is_plain
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ENDINGS", "need_pyarrow", "read_table", "table_bytes"]

#: The endings of files that hold tables.
ENDINGS = frozenset({".csv", ".tsv", ".parquet"})


def need_pyarrow() -> Any:
    """Return pyarrow. Raises DataError where it is not installed."""
    try:
        import pyarrow
    except ImportError as error:
        raise DataError(
            "tables need pyarrow, which is not installed; install it with: "
            "pip install 'hardmax[tables]'"
        ) from error
    return pyarrow


def read_table(path: Path) -> "pa.Table":
    """Read a table; the cells of CSV and TSV are texts, those of Parquet of their own types.

    Columns of CSV lie between commas or, where the header has more of them, semicolons. Raises
    DataError for what cannot be read: a damaged file, a row with too many or too few cells, two
    columns of one name.
    """
    pa = need_pyarrow()
    is_parquet = path.suffix.lower() == ".parquet"
    try:
        table = _read_parquet(path) if is_parquet else _read_text(path)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise DataError(f"cannot read {path}: {reason}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not in UTF-8; save it in that encoding") from error
    except (pa.ArrowException, csv.Error) as error:
        line = None if is_parquet else _ragged(path)
        raise DataError(f"{path}: {line or ' '.join(str(error).split())}") from error
    names = Counter(table.column_names)
    for name, count in names.items():
        if count > 1:
            raise DataError(f"{path} has two columns called {name!r}; rename one of them")
        if not is_plain(name):
            raise DataError(
                f"{path} has a column called {name!r}; names must be of one line, without control "
                "characters"
            )
    if not table.num_rows:
        raise DataError(f"{path} has no rows")
    return table


def _read_parquet(path: Path) -> "pa.Table":
    import pyarrow.parquet

    with path.open("rb") as file:
        return pyarrow.parquet.ParquetFile(file).read()


def _read_text(path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.csv

    delimiter = _delimiter(path)
    _check_quotes(path, delimiter)
    header: list[str] = next(_rows(path, delimiter), [])
    # In one block, which no row is too long for, and by one thread, so that an error does not
    # depend on which comes first.
    block = min(max(path.stat().st_size, 2**20), 2**31 - 1)
    with path.open("rb") as file:
        return pyarrow.csv.read_csv(
            file,
            pyarrow.csv.ReadOptions(use_threads=False, block_size=block),
            pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string())),
        )


def _rows(path: Path, delimiter: str, strict: bool = False) -> Iterator[list[str]]:
    """Return an iterator over the rows of a text file, but for empty lines."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        yield from filter(None, csv.reader(file, delimiter=delimiter, strict=strict))


def _delimiter(path: Path) -> str:
    """Return what lies between the cells: of CSV a comma or, if that makes more, a semicolon."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    commas, semicolons = (len(next(_rows(path, delimiter), [])) for delimiter in ",;")
    return ";" if semicolons > commas else ","


def _check_quotes(path: Path, delimiter: str) -> None:
    """Raise csv.Error where a quote is never closed, which would make one cell of all that follows.

    Only where quotes are odd in number can that be.
    """
    with path.open("rb") as file:
        quotes = sum(block.count(b'"') for block in iter(lambda: file.read(2**24), b""))
    if quotes % 2:
        for _ in _rows(path, delimiter, strict=True):
            pass


def _ragged(path: Path) -> str | None:
    """Say of the first row with too many or too few cells where it is; None if there is none."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=_delimiter(path))
            header: list[str] = []
            for row in reader:
                header = header or row
                if row and len(row) != len(header):
                    return (
                        f"line {reader.line_num} has {len(row)} cells, the header has "
                        f"{len(header)}; each row needs as many as the header"
                    )
    except (csv.Error, UnicodeDecodeError):
        return None
    return None


def table_bytes(table: "pa.Table", ending: str) -> bytes:
    """Return a table as a file of that ending has it, one of ENDINGS.

    Raises DataError where a column has no texts and the ending is not Parquet's.
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
                "give --out a name that ends in .parquet"
            ) from error
    text = io.StringIO(newline="")
    # The module does not quote carriage returns of itself.
    odd = any("\r" in (cell or "") for column in columns for cell in column)
    writer = csv.writer(
        text,
        delimiter="\t" if ending == ".tsv" else ",",
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL,
    )
    writer.writerow(table.column_names)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()
