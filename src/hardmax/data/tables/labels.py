"""The labels of a table: the column that has the classes."""

import difflib
import shlex
from collections.abc import Collection, Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hardmax.checks import listed, shortened
from hardmax.data.tables.cells import USUAL_MISSING, coded, trimmed
from hardmax.errors import ArgumentError, DataError
from hardmax.labels import label_key, number, respelled

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Labels", "check_classes", "check_column", "read_labels"]

#: From this many rows on, labels are not classes if more than half of them are distinct.
FEW_ROWS = 20

#: Up to this many different numbers are classes, such as digits, grades or the years of a decade.
#: More may be classes too, such as the numbers of products, but these are integers and have many
#: rows each. Most amounts and measurements are rare: ages in 1,000 rows have 13 rows each.
MOST_NUMBERS, ROWS_PER_NUMBER = 30, 20


class Labels(NamedTuple):
    """The labels of the labeled rows, their row numbers, int64, and notices on the labels."""

    labels: list[str]
    rows: np.ndarray
    notices: list[str]


def read_labels(
    table: "pa.Table",
    path: Path,
    label: str | None,
    *,
    missing: Collection[str] = (),
    classes: Sequence[str] | None = None,
) -> Labels:
    """Return the labels of the rows whose label is not empty and not in ``missing``.

    Labels of the same class, such as ``1`` and ``1.0``, are spelled as in ``classes`` or, if that
    is None, as most of them are. Raises ArgumentError if ``label`` is None, DataError if there is
    no such column, or if it has no labels or cannot be read as text.
    """
    codes, levels = _coded(table, path, label)
    left_out = {label_key(text) for text in ("", *missing)}
    is_labeled = np.array([label_key(level) not in left_out for level in levels] + [False])[codes]
    rows = np.flatnonzero(is_labeled)
    if not len(rows):
        raise DataError(f"{path}: no row has a label; the column {_quoted(label)} is empty")
    counts = np.bincount(codes[rows], minlength=len(levels))
    spelled = _spelled(levels, counts) if classes is None else respelled(levels, classes)
    labels = np.array(spelled, dtype=object)[codes[rows]].tolist()
    without = len(codes) - len(rows)
    them = "1 row without a label is" if without == 1 else f"{without} rows without a label are"
    notices = [f"{path}: {them} left out"] if without else []
    if classes is None:
        notices += _doubtful(path, levels, counts)
    return Labels(labels, rows, notices)


def _coded(table: "pa.Table", path: Path, label: str | None) -> tuple[np.ndarray, list[str]]:
    """Return the code of each row's label, int64 (rows,), -1 if it is null, and the labels."""
    names = table.column_names
    if label is None:
        raise ArgumentError(
            f"{path} is a table; name the column that has the classes with --label COLUMN; it has "
            f"{listed(names)}"
        )
    check_column(path, names, label)
    try:
        codes, levels = coded(trimmed(table[label]))
    except DataError as error:
        raise DataError(f"{path}, the label column {_quoted(label)}: {error}") from error
    return codes, levels.to_pylist()


def check_column(path: Path, names: Sequence[str], name: str) -> None:
    """Raise DataError unless a table has a column with a name."""
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        did_you_mean = f"did you mean {_quoted(near[0])}? " if near else ""
        raise DataError(
            f"{path} has no column {_quoted(name)}; {did_you_mean}it has {listed(names)}"
        )


def _spelled(levels: Sequence[str], counts: np.ndarray) -> list[str]:
    """Return labels, those of the same class as the most frequent one of them is spelled."""
    best: dict[Hashable, int] = {}
    keys = [label_key(level) for level in levels]
    for place, key in enumerate(keys):
        if key not in best or counts[place] > counts[best[key]]:
            best[key] = place
    return [levels[best[key]] for key in keys]


def _doubtful(path: Path, levels: Sequence[str], counts: np.ndarray) -> list[str]:
    """Return notices on labels that would stand for a missing value in another column."""
    return [
        f"{path}: the label {level} of {count} rows is a class; to leave these rows out, add "
        f"--label-missing {level}"
        for level, count in zip(levels, counts, strict=True)
        if count and level.lower() in USUAL_MISSING
    ]


def check_classes(
    path: Path, label: str | None, labels: Sequence[str], *, are_classes: bool
) -> None:
    """Raise DataError if labels are nearly all distinct, and so cannot be classes.

    Unless the user says that they ``are_classes``, also if they seem to be numbers to predict.
    """
    levels = {*labels}
    distinct, rows = len(levels), len(labels)
    are_numbers = _seem_measured(levels, rows)
    if distinct == rows > 1 or (rows >= FEW_ROWS and 2 * distinct > rows):
        raise DataError(
            f"{path}: the label column {_quoted(label)} has {distinct} distinct values in "
            f"{rows} rows; each class must occur several times"
            + "; hardmax predicts classes, not numbers (regression)"
            * are_numbers
        )
    if are_numbers and not are_classes:
        named = shlex.quote(f"{label}=category")
        raise DataError(
            f"{path}: the label column {_quoted(label)} has {distinct} different numbers in {rows} "
            "rows; is a number to be predicted? hardmax predicts classes, not numbers "
            f"(regression); if each number is a class, add --as {named}"
        )


def _seem_measured(levels: Collection[str], rows: int) -> bool:
    """Return whether labels seem to be numbers such as prices or ages, not names of classes."""
    values = [number(level) for level in levels if level.lower() not in USUAL_MISSING]
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values) or len(numbers) <= MOST_NUMBERS:
        return False
    return rows < ROWS_PER_NUMBER * len(numbers) or any(value % 1 for value in numbers)


def _quoted(name: str | None) -> str:
    return repr(shortened(f"{name}"))
