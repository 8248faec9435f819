"""Read table files of all formats."""

import contextlib
import csv
import io
import itertools
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hardmax.checks import is_plain, listed, shortened
from hardmax.data.tables.arrow import need_pyarrow
from hardmax.data.tables.contents import (
    COMPRESSIONS,
    Contents,
    ending,
    open_contents,
    read_whole,
)
from hardmax.data.tables.excel import read_excel
from hardmax.data.tables.text import read_text
from hardmax.data.tables.typed import read_arrow, read_json_lines, read_parquet
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TableFile", "is_table_name", "read_table", "read_text_table", "table_name"]

#: The file name endings of text tables, and of tables whose cells have types.
TEXTS = frozenset({".csv", ".tsv", ".tab", ".txt", ".data"})
TYPED = {
    ".parquet": read_parquet,
    ".feather": read_arrow,
    ".arrow": read_arrow,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
}
EXCEL = ".xlsx"

#: The start of the names of all columns without one, but for the first.
UNNAMED = "Unnamed: 0"


class TableFile(NamedTuple):
    """The contents of a table file, and notices on what is unusual about it.

    Cells of text tables are strings, those of other files have types.
    """

    table: "pa.Table"
    notices: list[str]


def is_table_name(name: str) -> bool:
    """Return whether a file is a table, by the ending of its name."""
    return ending(name) in TEXTS | TYPED.keys() | {EXCEL, ".zip"}


def table_name(path: Path) -> str:
    """Return the name of a table file without its endings."""
    is_compressed = path.suffix.lower() in COMPRESSIONS and ending(path.stem)
    return Path(path.stem).stem if is_compressed else path.stem


def read_table(
    path: Path,
    known: Collection[str | None] = (),
    *,
    header: bool | None = None,
    encoding: str | None = None,
) -> TableFile:
    """Read a table file, which may be compressed.

    Column names have no surrounding blanks; of equal ones, all but the first are numbered, as
    pandas does. ``header`` is whether the first row has the names; None finds out, and ``known``
    are names by which a header is recognized. ``encoding`` is that of a text table that is not
    UTF-8. Raises DataError for a file that cannot be read: one that is damaged or beyond the
    limits, one without a header, or one with a row of too many or too few cells.
    """
    with _explained(path), open_contents(path) as contents:
        table, found = _read(path, contents, known, header, encoding)
    return _with_names(path, table, found)


def read_text_table(
    name: Path,
    content: bytes,
    known: Collection[str | None] = (),
    *,
    header: bool | None = None,
    encoding: str | None = None,
) -> TableFile:
    """Read the content of a CSV file that is in memory, as ``read_table`` does.

    ``name`` starts the messages.
    """
    with _explained(name):
        table, found = read_text(
            name, io.BytesIO(content), ".csv", known=known, header=header, encoding=encoding
        )
    return _with_names(name, table, found)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Raise DataError for the errors of the readers of files."""
    pa = need_pyarrow()
    try:
        yield
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise DataError(f"cannot read {path}: {reason}") from error
    except (pa.ArrowException, csv.Error) as error:
        raise DataError(f"{path}: {' '.join(str(error).split())}") from error


def _with_names(path: Path, table: "pa.Table", found: list[str]) -> TableFile:
    """Return a table with the names that its columns go by, and notices on what was ``found``.

    Raises DataError for unusable names, or if there are no rows.
    """
    # A header may have line breaks, as those of spreadsheets do.
    names = [re.sub(r"\s*[\r\n\t]\s*", " ", name.strip()) for name in table.column_names]
    names, renamed = _numbered(names)
    _check_names(path, names)
    if not table.num_rows:
        raise DataError(f"{path} has no rows")
    found += renamed
    notices = [f"{path} is read {', '.join(found)}"] if found else []
    return TableFile(table.rename_columns(names), notices)


def _read(
    path: Path,
    contents: Contents,
    known: Collection[str | None],
    header: bool | None,
    encoding: str | None,
) -> tuple["pa.Table", list[str]]:
    """Return the contents of a table file, and what is unusual about it."""
    file, kind = contents
    if kind in TEXTS:
        return read_text(path, file, kind, known=known, header=header, encoding=encoding)
    if path.suffix.lower() in COMPRESSIONS:  # what follows reads files in no order
        file = io.BytesIO(read_whole(path, file))
    if kind == EXCEL:
        return read_excel(path, file, known, has_header=header is not False)
    if kind not in TYPED:
        raise DataError(f"{path} has no table in it, but a file that ends in {kind!r}")
    if header is False:
        raise DataError(f"{path} has names of its own; leave out --no-header")
    return TYPED[kind](path, file), []


def _numbered(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return names with a number behind those that are taken, and what was renamed."""
    taken, result, renamed = {*names}, dict[str, None](), []
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
    for name in names:
        new = name
        if name in result:
            free = (f"{name or UNNAMED}.{number}" for number in numbers[name])
            new = next(other for other in free if other not in taken)
            taken.add(new)
            renamed += [new] if name else []
        result[new] = None
    numbered = listed(repr(shortened(name)) for name in renamed)
    return [*result], [f"with repeated names numbered: {numbered}"] if renamed else []


def _check_names(path: Path, names: Sequence[str]) -> None:
    for name in names:
        if not is_plain(name):
            raise DataError(
                f"{path} has a column called {shortened(name)!r}; names must be on one line, "
                "without control characters"
            )
