"""Table files: reading and writing CSV, TSV and Parquet."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from hardmax.checks import is_plain
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ENDINGS", "need_pyarrow", "read_table", "table_bytes"]

#: The file name endings of tables.
ENDINGS = frozenset({".csv", ".tsv", ".parquet"})


def need_pyarrow() -> ModuleType:
    """Return pyarrow. Raises DataError if it is not installed."""
    try:
        import pyarrow
    except ImportError as error:
        raise DataError(
            "tables require pyarrow, which is not installed; install it with: "
            "pip install 'hardmax[tables]'"
        ) from error
    module: ModuleType = pyarrow
    return module


def read_table(path: Path) -> "pa.Table":
    """Read a table. Cells of CSV and TSV are strings; those of Parquet keep their types.

    CSV is separated by commas or, if the header has more of them, by semicolons. Raises DataError
    for a file that cannot be read: a damaged one, one with a row of too many or too few cells, or
    one with two columns of the same name.
    """
    pa = need_pyarrow()
    is_parquet = path.suffix.lower() == ".parquet"
    try:
        table = _read_parquet(path) if is_parquet else _read_text(path)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise DataError(f"cannot read {path}: {reason}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8; save it in that encoding") from error
    except (pa.ArrowException, csv.Error) as error:
        line = None if is_parquet else _ragged(path)
        raise DataError(f"{path}: {line or ' '.join(str(error).split())}") from error
    names = Counter(table.column_names)
    for name, count in names.items():
        if count > 1:
            raise DataError(f"{path} has two columns called {name!r}; rename one of them")
        if not is_plain(name):
            raise DataError(
                f"{path} has a column called {name!r}; names must be on one line, without control "
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
    # One block, so that no row is too long for it; one thread, so that the same file always gives
    # the same error.
    block = min(max(path.stat().st_size, 2**20), 2**31 - 1)
    with path.open("rb") as file:
        return pyarrow.csv.read_csv(
            file,
            pyarrow.csv.ReadOptions(use_threads=False, block_size=block),
            pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string())),
        )


def _rows(path: Path, delimiter: str, strict: bool = False) -> Iterator[list[str]]:
    """Yield the rows of a text file, without empty lines."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        yield from filter(None, csv.reader(file, delimiter=delimiter, strict=strict))


def _delimiter(path: Path) -> str:
    """Return the delimiter; for CSV, of comma and semicolon the one that gives more columns."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    commas, semicolons = (len(next(_rows(path, delimiter), [])) for delimiter in ",;")
    return ";" if semicolons > commas else ","


def _check_quotes(path: Path, delimiter: str) -> None:
    """Raise csv.Error for an unclosed quote, which would turn the rest of the file into one cell.

    Only a file with an odd number of quotes can have one; the others are not parsed.
    """
    with path.open("rb") as file:
        quotes = sum(block.count(b'"') for block in iter(lambda: file.read(2**24), b""))
    if quotes % 2:
        for _ in _rows(path, delimiter, strict=True):
            pass


def _ragged(path: Path) -> str | None:
    """Return a message on the first row with too many or too few cells; None if there is none."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=_delimiter(path))
            header: list[str] = []
            for row in reader:
                header = header or row
                if row and len(row) != len(header):
                    return (
                        f"line {reader.line_num} has {len(row)} cells, the header has "
                        f"{len(header)}; every row must have as many cells as the header"
                    )
    except (csv.Error, UnicodeDecodeError):
        return None
    return None


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
