"""Tables of labeled rows: reading, splitting and encoding them as vectors."""

import difflib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from hardmax.checks import listed
from hardmax.data.assembly import check_training_classes, find_classes, numbered, with_test
from hardmax.data.datasets import Dataset, Examples, Vectors, split_off
from hardmax.data.options import Reading
from hardmax.data.row_encoding import RowEncoding, Unseen
from hardmax.data.tables.columns import Column, canonical, guess_column, has_texts, read_as, texts
from hardmax.data.tables.encoding import Encoding, learn
from hardmax.data.tables.files import read_table
from hardmax.errors import ArgumentError, DataError
from hardmax.json_values import Json

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

#: From this many rows on, labels are not classes if more than half of them are distinct.
FEW_ROWS = 20

#: The column name that pandas writes for an unnamed index.
INDEX = re.compile(r"__index_level_\d+__$")


@dataclass(frozen=True, eq=False)
class _Rows(Examples):
    """Row numbers of a table, in place of the rows until these are encoded as vectors."""

    places: np.ndarray
    labels: np.ndarray

    def take(self, rows: np.ndarray | slice) -> Self:
        return replace(self, places=self.places[rows], labels=self.labels[rows])


def read_table_dataset(path: Path, name: str, reading: Reading) -> Dataset:
    """Read a table whose column ``reading.label`` has the classes.

    The encoding is ``reading.encoding`` or, if that is None, learned from the training rows without
    those of the validation set. Raises ArgumentError if no label column is given, DataError if the
    table cannot be learned from.
    """
    table = read_table(path)
    labels, labeled, notices = read_labels(table, path, reading.label)
    if reading.classes is None:
        check_classes(path, reading.label, labels)
    classes = find_classes(name, {*labels}, (), reading)
    rows = _Rows(labeled, numbered(labels, classes))
    train, test, preprocessing, added = with_test(name, rows, reading, {"label": reading.label})
    check_training_classes(name, train, classes, reading)
    fitted, validation = train, None
    if reading.validation is not None:
        fitted, validation = split_off(train, reading.validation, reading.seed)
    encoded = _encode(path, name, table, reading, fitted.places)
    return Dataset(
        name=name,
        train=encoded.vectors(fitted),
        test=encoded.vectors(test),
        classes=classes,
        preprocessing={**preprocessing, **encoded.preprocessing},
        notices=(*notices, *encoded.notices, *added),
        encoding=encoded.encoding,
        rows=_digest(path, train, test),
        validation=None if validation is None else encoded.vectors(validation),
        unsplit=None if validation is None else train,
        has_test=not reading.whole,
    )


class _Encoded(NamedTuple):
    """The encoding of a table, and its ``values``, float32 (rows, features)."""

    encoding: RowEncoding
    values: np.ndarray
    preprocessing: dict[str, Json]
    notices: list[str]

    def vectors(self, rows: _Rows) -> Vectors:
        return Vectors(self.values[rows.places], rows.labels, rows.places)


def _encode(
    path: Path, name: str, table: "pa.Table", reading: Reading, rows: np.ndarray
) -> _Encoded:
    """Encode a table by ``reading.encoding``, or by one learned from ``rows``, int64 (n,)."""
    preprocessing: dict[str, Json] = {}
    notices = []
    encoding = reading.encoding
    if encoding is None:
        columns, empty = read_columns(path, table.drop_columns([reading.label]))
        learned, useless = _learn(path, columns, rows)
        left_out = {**empty, **useless}
        notices.append(_columns_notice(name, learned, left_out))
        preprocessing["left_out"] = left_out
        columns, encoding = learned.chosen(columns), learned
    else:
        columns = _wanted(path, table, encoding)
    notices += [_unseen_notice(name, one) for one in encoding.unseen(columns)]
    return _Encoded(encoding, encoding.encode(columns), preprocessing, notices)


def _digest(path: Path, *parts: _Rows) -> str:
    """Return the SHA-256 of a table's file and of the row numbers of the parts."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    for part in parts:
        digest.update(part.places.data)
    return digest.hexdigest()


def read_labels(
    table: "pa.Table", path: Path, label: str | None
) -> tuple[list[str], np.ndarray, list[str]]:
    """Return the labels of the labeled rows, their row numbers, and notices on the others.

    Raises ArgumentError if ``label`` is None, DataError if there is no such column, or if it has
    no labels or cannot be read as text.
    """
    names = table.column_names
    if label is None:
        raise ArgumentError(
            f"{path} is a table; name the column that has the classes with --label COLUMN; it has "
            f"{listed(names)}"
        )
    if label not in names:
        near = difflib.get_close_matches(label, names, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {listed(names)}"
        raise DataError(f"{path} has no column {label!r}; {hint}")
    try:
        cells = texts(table[label])
    except DataError as error:
        raise DataError(f"{path}, the label column {label!r}: {error}") from error
    is_labeled = np.asarray(cells.is_valid())
    labels = canonical(cells.drop_null()).to_pylist()
    if not labels:
        raise DataError(f"{path}: no row has a label; the column {label!r} is empty")
    without = len(is_labeled) - len(labels)
    notices = [f"{path}: {without} rows without a label are left out"] if without else []
    return labels, np.flatnonzero(is_labeled), notices


def check_classes(path: Path, label: str | None, labels: Sequence[str]) -> None:
    """Raise DataError if labels are nearly all distinct, and so cannot be classes."""
    distinct = len({*labels})
    if distinct == len(labels) > 1 or (len(labels) >= FEW_ROWS and 2 * distinct > len(labels)):
        raise DataError(
            f"{path}: the label column {label!r} has {distinct} distinct values in {len(labels)} "
            "rows; each class must occur several times"
        )


def read_columns(path: Path, table: "pa.Table") -> tuple[list[Column], dict[str, str]]:
    """Return the columns that can be learned from, and why others are left out.

    Raises DataError for a number that is NaN, infinite or too large.
    """
    columns, left_out = [], {}
    for name in table.column_names:
        if not name or INDEX.match(name):
            left_out[name] = "unnamed index"
            continue
        array = table[name]
        try:
            column = guess_column(name, array)
        except DataError as error:
            raise DataError(f"{path}, {error}") from error
        if column is not None:
            columns.append(column)
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
    """Return the columns that an encoding uses.

    Raises DataError if one is missing, or is of another kind than in training.
    """
    names = {*table.column_names}
    missing = [code.name for code in encoding.columns if code.name not in names]
    if missing:
        raise DataError(
            f"no column {listed(map(repr, missing))}, which the model was trained on; found "
            f"{listed(table.column_names)}"
        )
    return [read_as(code.name, table[code.name], code.kind) for code in encoding.columns]


def _wanted(path: Path, table: "pa.Table", encoding: RowEncoding) -> list[Column]:
    try:
        return wanted_columns(table, encoding)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def encode_table(table: "pa.Table", path: Path, encoding: RowEncoding) -> np.ndarray:
    """Return a table's rows encoded as vectors, float32 (rows, features).

    Raises DataError if a column is missing, is of another kind than in training, or has a category
    that was not in the training rows.
    """
    columns = _wanted(path, table, encoding)
    for one in encoding.unseen(columns):
        levels = next(code.levels for code in encoding.columns if code.name == one.column)
        raise DataError(
            f"{path}, column {one.column!r}, row {one.row + 1}: {one.text!r} was not in the "
            f"training rows; use one of {listed(levels)}, or leave the cell empty"
        )
    return encoding.encode(columns)


def _columns_notice(name: str, encoding: Encoding, left_out: dict[str, str]) -> str:
    """Return a notice on which columns are used and which are left out."""
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


def _unseen_notice(name: str, unseen: Unseen) -> str:
    return (
        f"{name}, column {unseen.column}: {unseen.count} of the rows have categories, such as "
        f"{unseen.text!r}, that were not in the training rows; these are encoded as all zeros"
    )
