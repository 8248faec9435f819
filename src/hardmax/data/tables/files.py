"""Read table files of all formats."""

import csv
import itertools
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hardmax.checks import is_plain, listed, shortened
from hardmax.data.tables.arrow import need_pyarrow
from hardmax.data.tables.contents import (
    COMPRESSIONS,
    ending,
    open_contents,
)
from hardmax.data.tables.excel import read_excel
from hardmax.data.tables.header import ROWS, looks_like_data
from hardmax.data.tables.parts import Parts, in_parts, whole
from hardmax.data.tables.source import Source
from hardmax.data.tables.text import check_start, open_text
from hardmax.data.tables.typed import open_arrow, open_json_lines, open_parquet
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "OpenTable",
    "TableFile",
    "is_table_name",
    "open_table",
    "read_table",
    "read_text_table",
    "table_name",
]

#: The file name endings of text tables, and of tables whose cells have types.
TEXTS = frozenset({".csv", ".tsv", ".tab", ".txt", ".data"})
TYPED = {
    ".parquet": open_parquet,
    ".feather": open_arrow,
    ".arrow": open_arrow,
    ".jsonl": open_json_lines,
    ".ndjson": open_json_lines,
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


@dataclass(frozen=True)
class OpenTable:
    """A table file that is open, to be read as a whole or part by part.

    ``names`` are those of its columns, ``notices`` are on what is unusual about it. ``known`` are
    names by which a header is recognized if ``may_lack_header``.
    """

    path: Path
    names: list[str]
    notices: list[str]
    rows: Parts
    known: Collection[str | None]
    may_lack_header: bool

    @cached_property
    def count(self) -> int:
        """The number of rows. Raises DataError like ``read_table``."""
        with _reading(self.path):
            count = self.rows.counted()
            self._check(self.rows.head(ROWS))
        return count

    def parts(self, size: int) -> Iterator["pa.Table"]:
        """Yield tables of ``size`` rows, of which the last one may have fewer.

        Raises DataError like ``read_table``.
        """
        with _reading(self.path):
            for part in in_parts(self.rows.batches(), size):
                yield part.rename_columns(self.names)

    def table(self) -> "pa.Table":
        """Return all rows. Raises DataError like ``read_table``."""
        with _reading(self.path):
            table = self.rows.table()
        self._check(table)
        return table.rename_columns(self.names)

    def _check(self, table: "pa.Table") -> None:
        """Raise DataError unless the rows, of which these are the first, have a header."""
        if self.may_lack_header and table.num_rows and looks_like_data(table, self.known):
            raise DataError(
                f"{self.path} has no header: its first row ({listed(table.column_names)}) looks "
                "like data; add --no-header to call the columns 0, 1, 2 and so on, or --header if "
                "it is one"
            )
        _check_names(self.path, self.names)
        if not table.num_rows:
            raise DataError(f"{self.path} has no rows")


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
    with open_table(path, known, header=header, encoding=encoding) as opened:
        return TableFile(opened.table(), opened.notices)


@contextmanager
def open_table(
    path: Path,
    known: Collection[str | None] = (),
    *,
    header: bool | None = None,
    encoding: str | None = None,
) -> Iterator[OpenTable]:
    """Open a table file to read it part by part; the arguments are those of ``read_table``.

    Raises DataError like ``read_table``; for an error in the rows, only when they are read.
    """
    need_pyarrow()
    with ExitStack() as stack:
        with _reading(path):
            kind, rows, found = _open(stack, path, known, header, encoding)
        yield _named(path, rows, found, known, may_lack_header=header is None and kind in TEXTS)


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
    need_pyarrow()
    with ExitStack() as stack:
        with _reading(name):
            text = open_text(
                name,
                Source.of(content),
                ".csv",
                known=known,
                has_header=header is not False,
                encoding=encoding,
            )
            rows, found = stack.enter_context(text)
        opened = _named(name, rows, found, known, may_lack_header=header is None)
        return TableFile(opened.table(), opened.notices)


def _named(
    path: Path,
    rows: Parts,
    found: list[str],
    known: Collection[str | None],
    *,
    may_lack_header: bool,
) -> OpenTable:
    """Return a table with the names that its columns go by, and notices on what was ``found``."""
    # A header may have line breaks, as those of spreadsheets do.
    names = [re.sub(r"\s*[\r\n\t]\s*", " ", name.strip()) for name in rows.schema.names]
    names, renamed = _numbered(names)
    found = found + renamed
    notices = [f"{path} is read {', '.join(found)}"] if found else []
    return OpenTable(path, names, notices, rows, known, may_lack_header)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Raise DataError for what is raised when a file cannot be read."""
    pa = need_pyarrow()
    try:
        yield
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise DataError(f"cannot read {path}: {reason}") from error
    except (pa.ArrowException, csv.Error) as error:
        raise DataError(f"{path}: {' '.join(str(error).split())}") from error


def _open(
    stack: ExitStack,
    path: Path,
    known: Collection[str | None],
    header: bool | None,
    encoding: str | None,
) -> tuple[str, Parts, list[str]]:
    """Return the ending, the rows and what is unusual of a table file; the stack keeps it open."""

    def check(kind: str, start: Path) -> None:
        if kind in TEXTS:
            check_start(path, Source.of(start), encoding)

    place, file, kind = stack.enter_context(open_contents(path, check))
    if kind in TEXTS:
        text = open_text(
            path,
            Source.of(place),
            kind,
            known=known,
            has_header=header is not False,
            encoding=encoding,
        )
        return kind, *stack.enter_context(text)
    if kind == EXCEL:
        table, found = read_excel(path, file, known, has_header=header is not False)
        return kind, whole(table), found
    if kind not in TYPED:
        raise DataError(f"{path} has no table in it, but a file that ends in {kind!r}")
    if header is False:
        raise DataError(f"{path} has names of its own; leave out --no-header")
    return kind, TYPED[kind](path, file), []


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
