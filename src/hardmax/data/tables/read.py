"""Tables of labeled rows: reading, splitting and encoding them as vectors."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hardmax.checks import listed, shortened
from hardmax.data.assembly import check_training_classes, find_classes, numbered, with_test
from hardmax.data.datasets import Dataset, Vectors, split_off
from hardmax.data.options import Reading
from hardmax.data.row_encoding import RowEncoding
from hardmax.data.tables import notices
from hardmax.data.tables.cells import USUAL_MISSING, has_texts
from hardmax.data.tables.columns import Column, guess_column, number_columns, read_as
from hardmax.data.tables.encoding import Encoding, learn
from hardmax.data.tables.files import read_table
from hardmax.data.tables.labels import check_classes, check_column, read_labels
from hardmax.data.tables.leaks import find_leaks
from hardmax.data.tables.rows import copied_rows
from hardmax.data.tables.splits import Rows, split_columns
from hardmax.errors import DataError
from hardmax.files import open_regular
from hardmax.json_values import Json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "encode_table",
    "features_of",
    "missing_of",
    "read_columns",
    "read_table_dataset",
    "wanted_columns",
]

#: The column names that pandas writes for an unnamed index, and reads an unnamed column as.
INDEX = re.compile(r"__index_level_\d+__|Unnamed: \d+(_level_\d+)?(\.\d+)*")


def read_table_dataset(path: Path, name: str, reading: Reading) -> Dataset:
    """Read a table whose column ``reading.label`` has the classes.

    The encoding is ``reading.encoding`` or, if that is None, learned from the training rows without
    those of the validation set. Raises ArgumentError if no label column is given, DataError if the
    table cannot be learned from.
    """
    table, about_file = read_table(
        path, (reading.label,), header=reading.header, encoding=reading.text_encoding
    )
    labels, labeled, about_labels = read_labels(
        table,
        path,
        reading.label,
        missing=reading.label_missing or (),
        classes=reading.classes,
    )
    if reading.classes is None:
        check_classes(path, reading.label, labels)
    classes = find_classes(name, {"train": {*labels}}, reading)
    features = features_of(path, table, reading)
    rows = Rows(labeled, numbered(labels, classes), _equal(features, reading)[labeled])
    about_rows: list[str] = []
    if reading.encoding is None or not reading.whole or reading.validation is not None:
        rows, about_rows = split_columns(path, table, rows, reading, missing_of(reading))
    train, test, preprocessing, added = with_test(name, rows, reading, {"label": reading.label})
    check_training_classes(name, train, classes, reading)
    fitted, validation = train, None
    if reading.validation is not None:
        fitted, validation = split_off(train, reading.validation, reading.seed)
    encoded = _encode(path, name, features, reading, fitted=fitted, used=labeled)
    return Dataset(
        name=name,
        train=encoded.vectors(fitted),
        test=encoded.vectors(test),
        classes=classes,
        preprocessing={**preprocessing, **encoded.preprocessing},
        notices=(*about_file, *about_labels, *about_rows, *encoded.notices, *added),
        encoding=encoded.encoding,
        rows=_digest(path, train, test),
        validation=None if validation is None else encoded.vectors(validation),
        unsplit=None if validation is None else train,
        has_test=not reading.whole,
    )


def _is_index(name: str) -> bool:
    """Return whether a column has the name of an unnamed index."""
    return not name or INDEX.fullmatch(name) is not None


def features_of(path: Path, table: "pa.Table", reading: Reading) -> "pa.Table":
    """Return a table without its label, and without columns to drop or that split the rows.

    Raises DataError if an option for features names the label or, unless the encoding of a run
    determines which columns are used, if there is no such column.
    """
    drop, keep = reading.drop or (), reading.keep or ()
    by = [name for name in (reading.group, reading.time) if name is not None]
    for name in (*drop, *keep, *by, *reading.kinds):
        if name == reading.label:
            raise DataError(
                f"{path}: {shortened(name)!r} is the label column, which is not a feature and "
                "cannot split the rows"
            )
        if reading.encoding is None:
            check_column(path, table.column_names, name)
    unused = {reading.label, *drop, *by} - {*keep}
    return table.drop_columns([name for name in table.column_names if name in unused])


def _equal(features: "pa.Table", reading: Reading) -> np.ndarray:
    """Return the group of copies that each row is in, int64, unused indices aside."""
    unused = {*filter(_is_index, features.column_names)} - {*(reading.keep or ())}
    return copied_rows(features.drop_columns([*unused]))


class _Encoded(NamedTuple):
    """The encoding of a table, and its ``values``, float32 (rows, features)."""

    encoding: RowEncoding
    values: np.ndarray
    preprocessing: dict[str, Json]
    notices: list[str]

    def vectors(self, rows: Rows) -> Vectors:
        return Vectors(self.values[rows.places], rows.labels, rows.places)


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
    said = []
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
        said += [notices.of_leak(name, leak) for leak in leaks]
        preprocessing["left_out"] = left_out
    else:
        columns = _wanted(path, table, encoding, strict=False)
    said += notices.of_odd_cells(name, table, columns, used)
    said += [notices.of_unseen(name, one) for one in encoding.unseen(columns)]
    return _Encoded(encoding, encoding.encode(columns), preprocessing, said)


def missing_of(reading: Reading) -> tuple[str, ...]:
    """Return the texts, in lowercase, that stand for a missing value in a column of features."""
    if reading.missing is None:
        return USUAL_MISSING
    return tuple(text.strip().lower() for text in reading.missing)


def _digest(path: Path, *parts: Rows) -> str:
    """Return the SHA-256 of a table's file and of the row numbers of the parts."""
    with open_regular(path) as file:
        digest = hashlib.file_digest(file, "sha256")
    for part in parts:
        digest.update(part.places.data)
    return digest.hexdigest()


def read_columns(
    path: Path,
    table: "pa.Table",
    rows: np.ndarray | None = None,
    missing: Sequence[str] = USUAL_MISSING,
    *,
    kinds: Mapping[str, str] = MappingProxyType({}),
    keep: Collection[str] = (),
) -> tuple[list[Column], dict[str, str]]:
    """Return the columns that can be learned from, and why others are left out.

    Their kinds are those of the cells in ``rows``, int64, by default all, or those that the user
    gave by name, ``kinds``. ``missing`` are texts in lowercase that stand for a missing value; an
    unnamed index is used if it is in ``keep``. Raises DataError for a number in ``rows`` that is
    infinite or too large, for kinds that do not fit, and for a column in ``keep`` that cannot be
    learned from.
    """
    columns, left_out = [], {}
    kinds = {name: kinds[name] for name in table.column_names if name in kinds}
    rows = np.arange(table.num_rows) if rows is None else rows
    numbers = number_columns(table.drop_columns([*kinds]), rows, missing)
    for name in table.column_names:
        if _is_index(name) and name not in kinds and name not in keep:
            left_out[name] = "unnamed index"
            continue
        array = table[name]
        try:
            column = numbers.get(name) or guess_column(name, array, rows, missing, kinds.get(name))
        except DataError as error:
            raise DataError(f"{path}, {error}") from error
        if column is not None:
            columns.append(column)
        else:
            is_usable = array.null_count == len(array) or has_texts(array.type)
            left_out[name] = "empty" if is_usable else f"of type {shortened(str(array.type))}"
            if name in keep:
                raise DataError(
                    f"{path}: column {shortened(name)!r} cannot be kept; it is {left_out[name]}"
                )
    return columns, left_out


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


def wanted_columns(
    table: "pa.Table", encoding: RowEncoding, *, strict: bool = True
) -> list[Column]:
    """Return the columns that an encoding uses.

    Raises DataError if one is missing, or has another type than in training and, if ``strict``, for
    a cell of another kind. Otherwise it counts as missing, as it does if training had some in that
    column.
    """
    names = {*table.column_names}
    missing = [code.name for code in encoding.columns if code.name not in names]
    if missing:
        raise DataError(
            f"no column {listed(repr(shortened(name)) for name in missing)}, which the model was "
            f"trained on; found {listed(table.column_names)}"
        )
    plain = [
        code.name
        for code in encoding.columns
        if code.kind == "number" and not code.style and code.placeholder is None
    ]
    rows = np.arange(table.num_rows)
    numbers = number_columns(table.select(plain), rows, encoding.missing)
    return [
        numbers.get(code.name)
        or read_as(
            code.name,
            table[code.name],
            code.read_as,
            style=code.style,
            placeholder=code.placeholder,
            missing=encoding.missing,
            strict=strict and not code.odd,
        )
        for code in encoding.columns
    ]


def _wanted(
    path: Path, table: "pa.Table", encoding: RowEncoding, *, strict: bool = True
) -> list[Column]:
    try:
        return wanted_columns(table, encoding, strict=strict)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def encode_table(
    table: "pa.Table", path: Path, encoding: RowEncoding
) -> tuple[np.ndarray, list[str]]:
    """Return a table's rows as vectors, float32 (rows, features), and notices.

    Notices are about categories that were not in the training rows. Raises DataError if a column is
    missing, or is of another kind than in training.
    """
    columns = _wanted(path, table, encoding)
    unseen = [notices.of_unseen(path.stem, one) for one in encoding.unseen(columns)]
    return encoding.encode(columns), unseen
