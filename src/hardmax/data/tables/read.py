"""Tables of labelled rows: read, split, and made vectors of."""

import difflib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hardmax.data.datasets import Dataset, Examples, RowEncoding, Vectors, split_rows
from hardmax.data.options import Reading, check_learnt, find_classes, listed, numbered, with_test
from hardmax.data.tables.columns import Column, canonical, guess_column, has_texts, read_as, texts
from hardmax.data.tables.encoding import Encoding, Unseen, learn
from hardmax.data.tables.files import read_table
from hardmax.errors import ArgumentError, DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "check_classes",
    "encode_table",
    "read_columns",
    "read_labels",
    "read_table_dataset",
    "wanted_columns",
]

#: From so many rows on, labels of which there are more than half as many are no classes.
FEW_ROWS = 20

#: What pandas calls the column of an index that has no name.
INDEX = re.compile(r"__index_level_\d+__$")


@dataclass(frozen=True, eq=False)
class _Rows(Examples):
    """Places of rows in a table, which stand for them until they become vectors."""

    places: np.ndarray
    labels: np.ndarray

    def take(self, rows: np.ndarray | slice) -> "_Rows":
        return _Rows(self.places[rows], self.labels[rows])


def read_table_dataset(path: Path, name: str, reading: Reading) -> Dataset:
    """Read a table whose column ``reading.label`` has the classes.

    How columns become numbers is learnt of the rows that are trained on, but for those that
    are to be validation, unless ``reading.encoding`` says it. Raises ArgumentError where no label
    is named, DataError for what cannot be learnt.
    """
    table = read_table(path)
    labels, labelled, remarks = read_labels(table, path, reading.label)
    if reading.classes is None:
        check_classes(path, reading.label, labels)
    classes = find_classes(name, {*labels}, (), reading)
    rows = _Rows(labelled, numbered(labels, classes))
    train, test, prepared, told = with_test(name, rows, reading, {"label": reading.label})
    check_learnt(name, train, classes, reading)
    encoding = reading.encoding
    if encoding is None:
        columns, empty = read_columns(path, table.drop_columns([reading.label]))
        learnt_of = train.places
        if reading.validation is not None:
            learnt_of = learnt_of[split_rows(train.labels, reading.validation, reading.seed)[0]]
        learnt, left_out = _learn(path, columns, learnt_of)
        left_out = {**empty, **left_out}
        remarks.append(_described(name, learnt, left_out))
        prepared["left_out"] = left_out
        columns, encoding = learnt.chosen(columns), learnt
    else:
        columns = _wanted(path, table, encoding)
    remarks += [_told(name, one) for one in encoding.unseen(columns)]
    values = encoding.encode(columns)

    def vectors(part: _Rows) -> Vectors:
        return Vectors(values[part.places], part.labels, part.places)

    learning = vectors(train)
    judging = learning if test is train else vectors(test)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    for part in (train, test):
        digest.update(part.places.data)
    return Dataset(
        *(name, learning, judging, classes, prepared, (*remarks, *told), encoding),
        rows=digest.hexdigest(),
    )


def read_labels(
    table: "pa.Table", path: Path, label: str | None
) -> tuple[list[str], np.ndarray, list[str]]:
    """Return the labels of the rows that have one, those rows, and what to say of the others.

    Raises ArgumentError where no column is named, DataError where it is not there or no text.
    """
    names = table.column_names
    if label is None:
        raise ArgumentError(
            f"{path} is a table: say with --label COLUMN which column has the classes; it has "
            f"{listed(names)}"
        )
    if label not in names:
        near = difflib.get_close_matches(label, names, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {listed(names)}"
        raise DataError(f"{path} has no column {label!r}; {hint}")
    try:
        found = texts(table[label])
    except DataError as error:
        raise DataError(f"{path}, the label column {label!r}: {error}") from error
    has_one = np.asarray(found.is_valid())
    labels = canonical(found.drop_null()).to_pylist()
    if not labels:
        raise DataError(f"{path}: no row has a label, the column {label!r} is empty")
    without = len(has_one) - len(labels)
    remarks = [f"{path}: {without} rows without a label are left out"] if without else []
    return labels, np.flatnonzero(has_one), remarks


def check_classes(path: Path, label: str | None, labels: Sequence[str]) -> None:
    """Raise DataError where labels are nearly all different, so that they name no classes."""
    different = len({*labels})
    if different == len(labels) > 1 or (len(labels) >= FEW_ROWS and 2 * different > len(labels)):
        raise DataError(
            f"{path}: the label column {label!r} has {different} different values on {len(labels)} "
            "rows; classes come several times each"
        )


def read_columns(path: Path, table: "pa.Table") -> tuple[list[Column], dict[str, str]]:
    """Return the columns from which something can be learnt, and why others are left out.

    Raises DataError for a number that is NaN, infinite or too large.
    """
    columns, left_out = [], {}
    for name in table.column_names:
        if not name or INDEX.match(name):
            left_out[name] = "an index without a name"
            continue
        array = table[name]
        try:
            found = guess_column(name, array)
        except DataError as error:
            raise DataError(f"{path}, {error}") from error
        if found is not None:
            columns.append(found)
        else:
            is_usable = array.null_count == len(array) or has_texts(array.type)
            left_out[name] = "empty" if is_usable else f"of type {array.type}"
    return columns, left_out


def _learn(
    path: Path, columns: Sequence[Column], rows: np.ndarray
) -> tuple[Encoding, dict[str, str]]:
    try:
        return learn(columns, rows)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def wanted_columns(table: "pa.Table", encoding: RowEncoding) -> list[Column]:
    """Return the columns that an encoding is of.

    Raises DataError where one is not there, or is of another kind than was learnt.
    """
    names = {*table.column_names}
    missing = [code.name for code in encoding.columns if code.name not in names]
    if missing:
        raise DataError(
            f"there is no column {listed(map(repr, missing))}, from which was learnt; there are "
            f"{listed(table.column_names)}"
        )
    return [read_as(code.name, table[code.name], code.kind) for code in encoding.columns]


def _wanted(path: Path, table: "pa.Table", encoding: RowEncoding) -> list[Column]:
    try:
        return wanted_columns(table, encoding)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def encode_table(table: "pa.Table", path: Path, encoding: RowEncoding) -> np.ndarray:
    """Return a table's rows as a run's vectors, float32 (rows, entries).

    Raises DataError where a column is missing or is of another kind, or has a category that the
    training never saw.
    """
    columns = _wanted(path, table, encoding)
    for one in encoding.unseen(columns):
        levels = next(code.levels for code in encoding.columns if code.name == one.column)
        raise DataError(
            f"{path}, column {one.column!r}, row {one.row + 1}: the run never saw {one.text!r}; "
            f"it knows {listed(levels)}; a cell may also be empty"
        )
    return encoding.encode(columns)


def _described(name: str, encoding: Encoding, left_out: dict[str, str]) -> str:
    """Say how the columns are used."""
    kinds = [code.kind for code in encoding.columns]
    names = {"number": "numbers", "boolean": "booleans", "date": "dates", "category": "categories"}
    used = ", ".join(
        f"{kinds.count(kind)} {many if kinds.count(kind) > 1 else kind}"
        for kind, many in names.items()
        if kind in kinds
    )
    out = listed(f"{column or '(no name)'} ({why})" for column, why in left_out.items())
    left = f"; left out: {out}" if left_out else ""
    columns = "column is" if len(kinds) == 1 else "columns are"
    return f"{name}: {len(kinds)} {columns} used ({used}){left}"


def _told(name: str, unseen: Unseen) -> str:
    return (
        f"{name}, column {unseen.column}: {unseen.count} of the rows have categories, such as "
        f"{unseen.text!r}, that the training never saw; they count as none"
    )
