"""Excel workbooks as tables, read by openpyxl."""

import datetime
import itertools
import warnings
import zipfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hardmax.checks import listed, shortened
from hardmax.data.tables.contents import MAX_BYTES
from hardmax.data.tables.layout import header_place
from hardmax.data.tables.typed import check_size
from hardmax.errors import DataError, HardmaxError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_excel"]

#: The types of cells that make a column of their type; others are read as text.
TYPES = {bool, int, float, datetime.datetime}

LARGEST_INTEGER = 2**63 - 1

Cells = tuple[Any, ...]


def read_excel(
    path: Path, file: IO[bytes], known: Collection[str | None] = (), *, has_header: bool
) -> tuple["pa.Table", list[str]]:
    """Read the first sheet of a workbook that has cells; also return what is unusual about it.

    Rows above the header are left out, if they have one cell or it has one of the ``known`` names,
    and so are rows of one text below the table. Raises DataError for a file that is damaged,
    encrypted or too large, or if openpyxl is not installed.
    """
    import pyarrow as pa

    name, others, rows = _read_rows(path, file)
    found = [f"from its sheet {name!r}, not from {listed(map(repr, others))}"] if others else []
    width = max((len(row) for row in rows), default=0)
    rows = [row + (None,) * (width - len(row)) for row in rows]
    above = _above(rows, known) if has_header else 0
    below = sum(1 for _ in itertools.takewhile(_is_note, reversed(rows[above + 1 :])))
    found += [
        f"without {'a row' if count == 1 else f'{count} rows'} {where} the table"
        for count, where in ((above, "above"), (below, "below"))
        if count
    ]
    rows = rows[above : len(rows) - below]
    names = [str(place) for place in range(width)]
    if has_header and rows:
        names, rows = ["" if cell is None else str(cell) for cell in rows[0]], rows[1:]
    columns = [_column([row[place] for row in rows]) for place in range(width)]
    return pa.Table.from_arrays(columns, names), found


def _above(rows: Sequence[Cells], known: Collection[str | None]) -> int:
    """Return the number of rows above the header."""
    titles = sum(1 for _ in itertools.takewhile(lambda row: row.count(None) == len(row) - 1, rows))
    return header_place(rows, known) or (titles if titles < len(rows) else 0)


def _is_note(row: Cells) -> bool:
    """Return whether a row of several columns has but one cell, which is text."""
    known = [cell for cell in row if cell is not None]
    return len(row) > 1 and len(known) == 1 and isinstance(known[0], str)


def _read_rows(path: Path, file: IO[bytes]) -> tuple[str, list[str], list[Cells]]:
    """Return the name of the first sheet with cells, the names of the others, and its rows."""
    try:
        import openpyxl
    except ImportError as error:
        raise DataError(
            "Excel files require openpyxl, which is not installed; install it with: "
            "pip install 'hardmax[excel]'"
        ) from error
    try:
        with warnings.catch_warnings():  # of parts of a workbook that are not read, such as styles
            warnings.simplefilter("ignore")
            _check_archive(path, file)
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            names = [sheet.title for sheet in book.worksheets]
            found = ((name, [*_rows(path, book[name])]) for name in names)
            name, rows = next(((name, rows) for name, rows in found if rows), ("", []))
    except HardmaxError:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged file leads to
        reason = shortened(" ".join(str(error).split()))
        raise DataError(f"{path} is not a usable Excel file: {reason}") from error
    return name, [other for other in names if other != name], rows


def _check_archive(path: Path, file: IO[bytes]) -> None:
    """Raise DataError if a workbook has more than MAX_BYTES bytes once it is unpacked."""
    with zipfile.ZipFile(file) as archive:
        size = sum(info.file_size for info in archive.infolist())
    if size > MAX_BYTES:
        raise DataError(f"{path} has {size} bytes unpacked; at most {MAX_BYTES} are allowed")
    file.seek(0)


def _rows(path: Path, sheet: Any) -> Iterator[Cells]:
    """Yield the rows of a sheet that have cells, without the empty cells at their ends."""
    count = width = 0
    sheet.reset_dimensions()  # some programs write them too small
    for row in sheet.iter_rows(values_only=True):
        used = max((place for place, cell in enumerate(row, 1) if cell is not None), default=0)
        if used:
            count, width = count + 1, max(width, used)
            check_size(path, count, width)
            yield tuple(row[:used])


def _column(cells: Sequence[Any]) -> "pa.Array":
    """Return cells as a column of their type, or of strings if they have several."""
    import pyarrow as pa

    kinds = {type(cell) for cell in cells} - {type(None)}
    if kinds == {int, float} or (kinds == {int} and max(map(_size, cells)) > LARGEST_INTEGER):
        return pa.array([None if cell is None else float(cell) for cell in cells])
    if len(kinds) == 1 and kinds <= TYPES:
        return pa.array(cells)
    return pa.array([None if cell is None else _text(cell) for cell in cells], pa.string())


def _size(cell: int | None) -> int:
    return 0 if cell is None else abs(cell)


def _text(cell: object) -> str:
    """Return a cell as text: whole numbers without decimals, dates as in ISO 8601."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
