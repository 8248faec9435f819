"""How a text table is laid out: its delimiter, its header, and what is above and below its rows."""

import contextlib
import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from hardmax.checks import shortened
from hardmax.data.tables.header import has_values
from hardmax.data.tables.source import Source

__all__ = ["Layout", "Row", "find_layout", "header_place", "read_rows"]

#: The delimiters, and what they are called.
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}

#: The rows that the delimiter and the number of columns are told from.
ROWS = 100

#: Matches a line below the rows that is a note: one with a letter and a blank or a mark.
NOTE = re.compile(r"[^\W\d_].*[\s:()*.]|[\s:()*#].*[^\W\d_]")

#: Matches the start of a comment above a table; and of one that cannot be a cell.
COMMENT, PLAIN_COMMENT = re.compile("#|sep=.$"), re.compile(r"#(\s|#|$)|sep=.$")

#: The rows among which a header with a known name is looked for.
HEADER_ROWS = 20

#: The most characters of a note.
LONGEST_NOTE = 1000

#: The most bytes of the rows that are looked at, and of the notes below a table; their lines.
SAMPLE, MAX_NOTES, MAX_NOTE_LINES = 2**20, 2**16, 50


class Row(NamedTuple):
    """A row of a text table: its cells, its last line, counted from 1, and where it ends."""

    cells: list[str]
    line: int
    end: int


class Layout(NamedTuple):
    """The layout of a text table.

    The rows are the bytes from ``start`` to ``end``, separated by ``delimiter``, with the columns
    ``names``, as they are in the file. ``found`` describes what is unusual.
    """

    delimiter: str
    names: list[str]
    start: int
    end: int
    found: list[str]


class _Lines:
    """The lines of bytes in UTF-8; ``end`` is where the last one ends."""

    def __init__(self, data: Source, start: int):
        self.data = data
        self.end = start

    def __iter__(self) -> Iterator[str]:
        with self.data.part(self.end).open() as file:
            for line in io.TextIOWrapper(file, newline="", encoding="utf-8"):
                self.end += len(line.encode())
                yield line


def read_rows(
    data: Source,
    delimiter: str,
    start: int = 0,
    *,
    strict: bool = False,
    padded: bool = False,
) -> Iterator[Row]:
    """Yield the rows of a text table from the byte ``start`` on, without empty lines.

    If ``padded``, a quote also opens a cell after blanks, and lines of blanks are empty. Raises
    csv.Error for a cell that is too long and, if ``strict``, for an unclosed quote.
    """
    lines = _Lines(data, start)
    above = data.part(0, start).count(b"\n")
    reader = csv.reader(lines, delimiter=delimiter, strict=strict, skipinitialspace=padded)
    for cells in reader:
        if cells and not (padded and not "".join(cells).strip() and len(cells) == 1):
            yield Row(cells, above + reader.line_num, lines.end)


def find_layout(
    data: Source, ending: str, known: Collection[str | None] = (), *, has_header: bool
) -> Layout:
    """Return the layout of a text table. Without a header, columns are called 0, 1, 2 and so on.

    ``ending`` is that of the file's name, which decides between delimiters that fit equally well;
    ``known`` are names by which a header is recognized below other lines.
    """
    start, comments = _skip_comments(data, COMMENT if has_header else PLAIN_COMMENT)
    delimiter, rows = _delimited(data, start, ending)
    place = header_place([row.cells for row in rows], known) if has_header else 0
    titles = rows[: place or _titles(data, rows)]
    rows = rows[len(titles) :]
    found = [] if delimiter in (",", "\t") else [f"with {DELIMITERS[delimiter]} between cells"]
    if not rows:
        return Layout(delimiter, [], start, len(data), found)
    start = titles[-1].end if titles else start
    names = [str(place) for place in range(len(rows[0].cells))]
    if has_header:
        names, more = _complete(rows[0].cells, rows[1:])
        commented = [] if titles or not comments else _cells(comments[-1], delimiter)
        is_header = {*commented} & {*known} or has_values(names)
        if is_header and len(commented) == len(names) > 1:
            names = commented
            comments.pop()
        else:
            start = rows[0].end
            found += more
    if comments or titles:
        above = len(comments) + len(titles)
        found.append(f"without the {_lines(above)} above the table")
    end, notes = (len(data), []) if len(names) < 2 else _without_notes(data, delimiter)
    if notes:
        example = shortened(notes[0])
        found.append(f"without the {_lines(len(notes))} below the table, such as {example!r}")
    return Layout(delimiter, names, start, max(end, start), found)


def header_place(rows: Sequence[Sequence[object]], known: Collection[str | None]) -> int:
    """Return the place of the first of several rows that has one of the known names, 0 if none.

    The rows above it must have at most half as many cells that are not empty, as titles do:
    otherwise the first of them is the header, and the name is the text of a cell.
    """
    most_above = 0
    for place, row in enumerate(rows[:HEADER_ROWS]):
        texts = {text for cell in row if cell is not None and (text := f"{cell}".strip())}
        if texts & {*known} and 2 * most_above <= len(texts):
            return place
        most_above = max(most_above, len(texts))
    return 0


def _lines(count: int) -> str:
    return "line" if count == 1 else f"{count} lines"


def _skip_comments(data: Source, comment: re.Pattern[str]) -> tuple[int, list[str]]:
    """Return where the first line that is neither empty nor a comment starts, and the comments."""
    lines = _Lines(data, 0)
    start = 0
    comments: list[str] = []
    for line in lines:
        text = line.strip()
        if text and not comment.match(text):
            return start, comments
        if text:
            comments.append(text)
        start = lines.end
    return 0, []  # a file of nothing but comments is a table of one column


def _cells(comment: str, delimiter: str) -> list[str]:
    """Return the cells of a comment, which may be the header."""
    first, *others = next(csv.reader([comment], delimiter=delimiter))
    return [first.removeprefix("#").strip() or "#", *others]


def _sample(data: Source, delimiter: str, start: int) -> list[Row]:
    """Return the first rows: ROWS of them, or those in SAMPLE bytes or before too long a cell."""
    rows: list[Row] = []
    with contextlib.suppress(csv.Error):
        for row in itertools.islice(read_rows(data, delimiter, start, padded=True), ROWS):
            rows.append(row)
            if row.end - start > SAMPLE and len(rows) > 1:
                break
    return rows


def _delimited(data: Source, start: int, ending: str) -> tuple[str, list[Row]]:
    """Return the delimiter with the most rows of equally many cells, and the first rows.

    Of several such delimiters, it is the one with the most cells.
    """
    order = "\t,;|" if ending in (".tsv", ".tab") else ",;\t|"
    beginning = data.part(start, start + SAMPLE).read().decode(errors="ignore")
    present = [delimiter for delimiter in order if delimiter in beginning] or [order[0]]
    samples = [(delimiter, _sample(data, delimiter, start)) for delimiter in present]
    return max(samples, key=lambda sample: _fit(sample[1]))


def _fit(rows: list[Row]) -> tuple[bool, float, int]:
    """Return whether most rows have equally many cells, more than one; their share; the number."""
    if not rows:
        return False, 0.0, 0
    cells, count = Counter(len(row.cells) for row in rows).most_common(1)[0]
    return cells > 1 and 2 * count > len(rows), count / len(rows), cells


def _titles(data: Source, rows: list[Row]) -> int:
    """Return the number of rows above the table: of one cell, if others have several.

    One such row right above rows of two cells is the header of a table with row names instead.
    """
    columns = max((len(row.cells) for row in rows), default=1)
    count = sum(1 for _ in itertools.takewhile(lambda row: len(row.cells) == 1, rows))
    if not count or count > len(rows) // 2:
        return 0
    below = data.part(rows[count - 1].end, rows[count - 1].end + 1).read()
    return 0 if columns == 2 and count == 1 and below not in (b"\n", b"\r") else count


def _complete(names: list[str], rows: list[Row]) -> tuple[list[str], list[str]]:
    """Return the names of all columns, and what was found, if several rows all have one cell more.

    That is a row name in front, as R writes it, or an empty cell behind a last delimiter. Row names
    differ; otherwise, the rows have a cell too many.
    """
    if len(rows) < 2 or any(len(row.cells) != len(names) + 1 for row in rows):
        return names, []
    if not any(row.cells[-1].strip() for row in rows):
        return [*names, ""], []
    if len({row.cells[0] for row in rows}) < len(rows):
        return names, []
    return ["", *names], ["with a name of each row in front of its cells"]


def _without_notes(data: Source, delimiter: str) -> tuple[int, list[str]]:
    """Return where the rows end, and the notes below them: lines of one cell that are texts."""
    tail = data.part(max(len(data) - MAX_NOTES, 0)).read()
    lines = tail.splitlines(keepends=True)[1 if len(tail) < len(data) else 0 :]
    end = at = len(data)
    notes: list[str] = []
    for line in reversed(lines[-MAX_NOTE_LINES:]):
        at -= len(line)
        text = line.decode(errors="replace").strip()
        if text:
            if not _is_note(text, delimiter):
                break
            notes.insert(0, text)
            end = at
    return (end, notes) if notes and end > 0 else (len(data), [])


def _is_note(text: str, delimiter: str) -> bool:
    quoted = re.fullmatch(r'"([^"]*)"', text)
    if len(text) > LONGEST_NOTE or (quoted is None and (delimiter in text or '"' in text)):
        return False
    return NOTE.search(text) is not None
