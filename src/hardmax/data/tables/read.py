"""Tables of labeled rows: reading, splitting and encoding them as vectors."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hardmax.data.assembly import check_training_classes, find_classes, numbered, with_test
from hardmax.data.datasets import Dataset, Vectors, split_off
from hardmax.data.options import Reading
from hardmax.data.row_encoding import ColumnValues, RowEncoding
from hardmax.data.tables import notices
from hardmax.data.tables.columns import Column, guess_column
from hardmax.data.tables.encoding import Encoding
from hardmax.data.tables.features import (
    features_of,
    is_index,
    missing_of,
    of_encoding,
    read_columns,
)
from hardmax.data.tables.files import read_table
from hardmax.data.tables.identifiers import why_identifier
from hardmax.data.tables.labels import Labels, check_classes, read_labels
from hardmax.data.tables.leaks import find_leaks
from hardmax.data.tables.learning import learn
from hardmax.data.tables.rows import copied_rows, row_keys
from hardmax.data.tables.splits import Rows, split_columns
from hardmax.data.tables.weights import read_weights
from hardmax.errors import DataError
from hardmax.files import open_regular
from hardmax.json_values import Json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["labeled_rows", "read_table_dataset"]


def read_table_dataset(path: Path, name: str, reading: Reading) -> Dataset:
    """Read a table whose column ``reading.label`` has the classes.

    The encoding is ``reading.encoding`` or, if that is None, learned from the training rows without
    those of the validation set. Raises ArgumentError if no label column is given, DataError if the
    table cannot be learned from.
    """
    table, about_file = read_table(
        path, (reading.label,), header=reading.header, encoding=reading.text_encoding
    )
    (labels, labeled, about_labels), weights = labeled_rows(path, table, reading)
    classes = find_classes(name, {"train": {*labels}}, reading)
    features = features_of(path, table, reading)
    numbers = numbered(labels, classes)
    copies = _copies(features, labeled, numbers, reading)[labeled]
    rows = Rows(labeled, numbers, copies, weights)
    about_rows: list[str] = []
    if reading.encoding is None or not reading.whole or reading.validation is not None:
        rows, about_rows = split_columns(path, table, rows, reading, missing_of(reading))
    split = with_test(name, rows, reading, {"label": reading.label})
    train, test = split.train, split.test
    check_training_classes(name, train, classes, reading)
    fitted, validation = train, None
    if reading.validation is not None:
        fitted, validation = split_off(train, reading.validation, reading.seed)
    encoded = _encode(path, name, features, reading, fitted=fitted, used=labeled)
    return Dataset(
        name=name,
        train=encoded.vectors(fitted),
        test=encoded.test(test),
        classes=classes,
        preprocessing={**split.preprocessing, **encoded.preprocessing},
        notices=(*about_file, *about_labels, *about_rows, *encoded.notices, *split.notices),
        warnings=(*encoded.warnings, *split.warnings),
        encoding=encoded.encoding,
        rows=_digest(path, train, test),
        validation=None if validation is None else encoded.vectors(validation),
        unsplit=None if validation is None else train,
        has_test=not reading.whole,
    )


def labeled_rows(
    path: Path, table: "pa.Table", reading: Reading
) -> tuple[Labels, np.ndarray | None]:
    """Return the labels of the rows that count, and their weights, float64 (rows,), or None."""
    labels, rows, said = read_labels(
        table,
        path,
        reading.label,
        missing=reading.label_missing or (),
        classes=reading.classes,
    )
    weights, about_weights = read_weights(path, table, rows, reading)
    if weights is not None:
        counts = weights > 0
        labels, rows, weights = list(compress(labels, counts)), rows[counts], weights[counts]
    if reading.classes is None:
        check_classes(path, reading.label, labels, are_classes=reading.label in reading.kinds)
    return Labels(labels, rows, [*said, *about_weights]), weights


def _copies(
    features: "pa.Table", rows: np.ndarray, labels: np.ndarray, reading: Reading
) -> np.ndarray:
    """Return the group of copies that each row is in, int64.

    Unused indices do not matter, nor do columns that are identifiers in ``rows``, int64, those that
    have ``labels``.
    """
    given = {*(reading.keep or ()), *reading.kinds}
    unused = {*filter(is_index, features.column_names)} - given

    def is_identifier(name: str) -> bool:
        if name in given:
            return False
        try:
            column = guess_column(name, features[name], rows, missing_of(reading))
        except DataError:  # the reason is given when all columns are read
            return False
        if column is None:
            return False
        return why_identifier(column, column.values[rows][~column.missing[rows]]) is not None

    of_all = np.full(features.num_rows, -1)
    of_all[rows] = labels
    return copied_rows(features.drop_columns([*unused]), of_all, is_identifier)


class _Encoded(NamedTuple):
    """The encoding of a table, its ``columns`` in use and ``values``, float32 (rows, features).

    ``keys`` are those of the rows by these columns, uint64 (rows,).
    """

    encoding: RowEncoding
    columns: Sequence[Column]
    values: np.ndarray
    keys: np.ndarray
    preprocessing: dict[str, Json]
    notices: list[str]
    warnings: list[str]

    def vectors(self, rows: Rows) -> Vectors:
        return Vectors(
            self.values[rows.places],
            rows.labels,
            rows.places,
            rows.weights,
            rows.wholes,
            known_keys=self.keys[rows.places],
            copies=rows.copies,
        )

    def test(self, rows: Rows) -> Vectors:
        """Return vectors with the columns that they were encoded from."""
        columns = tuple(_of_rows(column, rows.places) for column in self.columns)
        return replace(self.vectors(rows), columns=columns)


def _of_rows(column: Column, places: np.ndarray) -> ColumnValues:
    """Return the values of a column in some rows, with no other texts than these have."""
    values = column.values[places]
    if column.kind != "category":
        return ColumnValues(values)
    used, numbers = np.unique(values, return_inverse=True)
    levels = tuple(column.levels[number] for number in used if number >= 0)
    return ColumnValues(numbers - (used < 0).sum(), levels)


def _encode(
    path: Path,
    name: str,
    table: "pa.Table",
    reading: Reading,
    *,
    fitted: Rows,
    used: np.ndarray,
) -> _Encoded:
    """Encode a table by ``reading.encoding``, or by one learned from the rows ``fitted``.

    Notices are about the cells in the rows ``used``, int64.
    """
    preprocessing: dict[str, Json] = {}
    said: list[str] = []
    warned: list[str] = []
    encoding = reading.encoding
    if encoding is None:
        missing, keep = missing_of(reading), reading.keep or ()
        columns, empty = read_columns(
            path, table, fitted.places, missing, kinds=reading.kinds, keep=keep
        )
        learned, useless = _learn(path, columns, fitted.places, missing, keep)
        left_out = {**empty, **useless}
        columns, encoding = learned.chosen(columns), learned
        said += notices.of_training(name, table, columns, learned, left_out, missing)
        leaks = find_leaks(columns, learned.columns, fitted.places, fitted.labels)
        warned = [notices.of_leak(name, leak) for leak in leaks]
        preprocessing["left_out"] = left_out
        if leaks:
            preprocessing["leaks"] = {
                leak.column: f"{leak.correct} of {leak.total}" for leak in leaks
            }
    else:
        columns, said = of_encoding(path, table, encoding, strict=False)
    said += notices.of_odd_cells(name, table, columns, used)
    said += [notices.of_unseen(name, one) for one in encoding.unseen(columns)]
    return _Encoded(
        encoding=encoding,
        columns=columns,
        values=encoding.encode(columns),
        keys=row_keys(columns),
        preprocessing=preprocessing,
        notices=said,
        warnings=warned,
    )


def _digest(path: Path, *parts: Rows) -> str:
    """Return the SHA-256 of a table's file and of the row numbers of the parts."""
    with open_regular(path) as file:
        digest = hashlib.file_digest(file, "sha256")
    for part in parts:
        digest.update(part.places.data)
    return digest.hexdigest()


def _learn(
    path: Path,
    columns: Sequence[Column],
    rows: np.ndarray,
    missing: Sequence[str],
    keep: Collection[str],
) -> tuple[Encoding, dict[str, str]]:
    try:
        return learn(columns, rows, missing, keep)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
