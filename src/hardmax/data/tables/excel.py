"""Excel workbooks as tables, read by openpyxl."""

import datetime
import itertools
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hardmax.checks import listed, shortened
from hardmax.data.tables.contents import MAX_BYTES
from hardmax.data.tables.typed import check_size
from hardmax.errors import DataError, HardmaxError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_excel"]

#: The types of cells that make a column of their type; others are read as text.
TYPES = {bool, int, float, datetime.datetime}

LARGEST_INTEGER = 2**63 - 1

Cells = tuple[Any, ...]


def read_excel(path: Path, file: IO[bytes], *, has_header: bool) -> tuple["pa.Table", list[str]]:
    """Read the first sheet of a workbook that has cells; also return what is unusual about it.

    Rows of one cell above the header of several columns are left out. Raises DataError for a file
    that is damaged, encrypted or too large, or if openpyxl is not installed.
    """
    name, others, rows = _read_rows(path, file)
    found = [f"from its sheet {name!r}, not from {listed(map(repr, others))}"] if others else []
    width = max((len(row) for row in rows), default=0)
    rows = [row + (None,) * (width - len(row)) for row in rows]
    titles = sum(1 for _ in itertools.takewhile(lambda row: row.count(None) == width - 1 > 0, rows))
    if has_header and 0 < titles < len(rows):
        rows = rows[titles:]
        lines = "the line" if titles == 1 else f"the {titles} lines"
        found.append(f"without {lines} above the table")
    names = [str(place) for place in range(width)]
    if has_header and rows:
        names, rows = ["" if cell is None else str(cell) for cell in rows[0]], rows[1:]
    import pyarrow as pa

    columns = [_column([row[place] for row in rows]) for place in range(width)]
    return pa.Table.from_arrays(columns, names), found


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
            sheets = {sheet.title: [*_rows(path, sheet)] for sheet in book.worksheets}
    except HardmaxError:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged file leads to
        reason = shortened(" ".join(str(error).split()))
        raise DataError(f"{path} is not a usable Excel file: {reason}") from error
    name = next((name for name, rows in sheets.items() if rows), None)
    if name is None:
        raise DataError(f"{path} has no rows")
    return name, [other for other in sheets if other != name], sheets[name]


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
