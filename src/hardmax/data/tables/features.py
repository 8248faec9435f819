"""The features of a table: which columns are read as what, to learn an encoding or to use one."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from hardmax.checks import listed, shortened
from hardmax.data.options import Reading
from hardmax.data.row_encoding import RowEncoding, Unseen
from hardmax.data.tables import notices
from hardmax.data.tables.arrow import need_pyarrow
from hardmax.data.tables.cells import USUAL_MISSING, has_texts
from hardmax.data.tables.columns import Column, guess_column, number_columns, read_as
from hardmax.data.tables.labels import check_column
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "PartEncoder",
    "about_absent",
    "check_other",
    "encode_table",
    "features_of",
    "is_index",
    "missing_of",
    "of_encoding",
    "read_columns",
    "wanted_columns",
]

#: The column names that pandas writes for an unnamed index, and reads an unnamed column as.
INDEX = re.compile(r"__index_level_\d+__|Unnamed: \d+(_level_\d+)?(\.\d+)*")


def is_index(name: str) -> bool:
    """Return whether a column has the name of an unnamed index."""
    return not name or INDEX.fullmatch(name) is not None


def features_of(path: Path, table: "pa.Table", reading: Reading) -> "pa.Table":
    """Return a table without its label, and without columns to drop or that split or weight rows.

    Raises DataError if an option for features names the label or, unless the encoding of a run
    determines which columns are used, if there is no such column.
    """
    drop, keep = reading.drop or (), reading.keep or ()
    by = [name for name in (reading.group, reading.time, reading.weight) if name is not None]
    kinds = [name for name in reading.kinds if name != reading.label]
    for name in (*drop, *keep, *by, *kinds):
        check_other(path, name, reading.label)
        if reading.encoding is None:
            check_column(path, table.column_names, name)
    unused = {reading.label, *drop, *by} - {*keep}
    return table.drop_columns([name for name in table.column_names if name in unused])


def check_other(path: Path, name: str | None, label: str | None) -> None:
    """Raise DataError if a column that is a feature, or splits or weights rows, is the label."""
    if name is not None and name == label:
        raise DataError(
            f"{path}: {shortened(name)!r} is the label column, which is not a feature and "
            "cannot split or weight the rows"
        )


def rule_column(
    path: Path,
    table: "pa.Table",
    name: str,
    rows: np.ndarray,
    *,
    missing: Collection[str],
    given: str | None = None,
    kinds: Collection[str],
    rule: str,
) -> Column:
    """Return the column of a table that weights or splits the ``rows``, int64.

    ``missing`` are texts that stand for a missing value, ``given`` is the kind that the user gave
    it. Raises DataError if there is none of that name, or if it is not of one of ``kinds``, which
    is what the ``rule`` says.
    """
    check_column(path, table.column_names, name)
    try:
        column = guess_column(name, table[name], rows, missing, given)
    except DataError as error:
        raise DataError(f"{path}, {error}") from error
    if column is None or column.kind not in kinds:
        found = "empty" if column is None else f"a {column.kind}"
        raise DataError(f"{path}: the column {shortened(name)!r} is {found}; {rule}")
    return column


def missing_of(reading: Reading) -> tuple[str, ...]:
    """Return the texts, in lowercase, that stand for a missing value in a column of features."""
    if reading.missing is None:
        return USUAL_MISSING
    return tuple(text.strip().lower() for text in reading.missing)


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
        if is_index(name) and name not in kinds and name not in keep:
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


def wanted_columns(
    table: "pa.Table", encoding: RowEncoding, *, strict: bool = True, start: int = 0
) -> list[Column]:
    """Return the columns that an encoding uses.

    Raises DataError if one is missing, or has another type than in training and, if ``strict``, for
    a cell of another kind, with its row in a table that has ``start`` rows above these. Otherwise
    it counts as missing, as it does if training had some in that column.
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
            start=start,
        )
        for code in encoding.columns
    ]


def of_encoding(
    path: Path, table: "pa.Table", encoding: RowEncoding, *, strict: bool = True
) -> tuple[list[Column], list[str]]:
    """Return the same as ``wanted_columns``, and notices; absent columns count as missing.

    Raises DataError, which names the file, if all columns are absent.
    """
    said = about_absent(path, table.column_names, encoding)
    return _columns_of(path, table, encoding, strict=strict), said


def _columns_of(
    path: Path, table: "pa.Table", encoding: RowEncoding, *, strict: bool = True, start: int = 0
) -> list[Column]:
    """Return the same as ``wanted_columns``, from whose errors this one names the file.

    Columns that are absent count as missing.
    """
    pa = need_pyarrow()
    absent = _absent(table.column_names, encoding)
    columns = [*table.columns, *(pa.nulls(table.num_rows) for _ in absent)]
    whole = pa.Table.from_arrays(columns, [*table.column_names, *absent])
    try:
        return wanted_columns(whole, encoding, strict=strict, start=start)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _absent(names: Collection[str], encoding: RowEncoding) -> list[str]:
    """Return the columns of an encoding that are not among the names of a table's columns."""
    there = {*names}
    return [code.name for code in encoding.columns if code.name not in there]


def about_absent(path: Path, names: Sequence[str], encoding: RowEncoding) -> list[str]:
    """Return notices on columns of an encoding that a table lacks.

    Raises DataError if it lacks them all.
    """
    absent = _absent(names, encoding)
    if not absent:
        return []
    quoted = listed(repr(shortened(name)) for name in absent)
    if len(absent) == len(encoding.columns):
        raise DataError(
            f"{path} has none of the columns that the model was trained on ({quoted}); it has "
            f"{listed(names)}"
        )
    return [f"{path} has no column {quoted}; its cells count as missing"]


class PartEncoder:
    """Encodes a table part by part; ``rows`` is the number of those that it has encoded.

    Raises DataError if a part has a cell of another kind than in training.
    """

    def __init__(self, path: Path, encoding: RowEncoding):
        self.path, self.encoding = path, encoding
        self.rows = 0
        self._unseen: dict[str, Unseen] = {}

    def encode(self, part: "pa.Table") -> np.ndarray:
        """Return the next rows as vectors, float32 (rows, features)."""
        columns = _columns_of(self.path, part, self.encoding, start=self.rows)
        for unseen in self.encoding.unseen(columns):
            first = self._unseen.setdefault(unseen.column, replace(unseen, count=0))
            self._unseen[unseen.column] = replace(first, count=first.count + unseen.count)
        self.rows += part.num_rows
        return self.encoding.encode(columns)

    def notices(self) -> list[str]:
        """Return notices on categories that were not in the training rows."""
        names = (code.name for code in self.encoding.columns)
        unseen = (self._unseen[name] for name in names if name in self._unseen)
        return [notices.of_unseen(self.path.stem, one) for one in unseen]


def encode_table(
    table: "pa.Table", path: Path, encoding: RowEncoding
) -> tuple[np.ndarray, list[str]]:
    """Return a table's rows as vectors, float32 (rows, features), and notices.

    Notices are about columns that are not there and categories that were not in the training rows.
    Raises DataError if no column is there, or if one is of another kind than in training.
    """
    said = about_absent(path, table.column_names, encoding)
    encoder = PartEncoder(path, encoding)
    return encoder.encode(table), said + encoder.notices()
