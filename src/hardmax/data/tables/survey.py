"""Inspecting a table before training: columns, classes and duplicate rows."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from hardmax.data.datasets import Vectors
from hardmax.data.equality import repeated
from hardmax.data.images.parts import TRAIN
from hardmax.data.options import Reading
from hardmax.data.problems import Part, find_problems
from hardmax.data.tables.columns import Column
from hardmax.data.tables.features import features_of, missing_of, read_columns
from hardmax.data.tables.files import read_table, table_name
from hardmax.data.tables.labels import check_classes, read_labels
from hardmax.data.tables.leaks import find_leaks
from hardmax.data.tables.learning import learn
from hardmax.data.tables.rows import equal_rows, keys_and_copies
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ColumnSummary", "TableSurvey", "survey_table"]


class ColumnSummary(TypedDict, total=False):
    """Summary of a column: its ``kind``, or None and ``why`` it cannot be trained on.

    ``why`` also says why training would leave a column out. There are a number of ``missing``
    cells and of ``different`` values; numbers have a ``lowest`` and a ``highest``. A column that
    gives the labels away classifies a number of rows correctly ``alone``.
    """

    kind: str | None
    missing: int
    different: int
    lowest: float
    highest: float
    why: str
    alone: int


@dataclass(frozen=True)
class TableSurvey:
    """Summary of a table.

    ``classes`` counts the rows of each class and ``unlabeled`` the rows without one, if a label
    column is given. ``columns`` has a summary of each other column. ``same`` are groups of
    identical rows, counted from 1. ``notices`` say what is unusual about the file, and ``warnings``
    what may be wrong with the rows.
    """

    name: str
    rows: int
    label: str | None
    classes: dict[str, int]
    unlabeled: int
    columns: dict[str, ColumnSummary]
    same: list[list[int]]
    notices: list[str]
    warnings: list[str]


def survey_table(path: Path, reading: Reading) -> TableSurvey:
    """Inspect every cell of a table. Raises DataError if it could not be trained on."""
    label = reading.label
    table, about_file = read_table(
        path, (label,), header=reading.header, encoding=reading.text_encoding
    )
    labels: list[str] = []
    rows = np.arange(table.num_rows)
    if label is not None:
        labels, rows, _ = read_labels(table, path, label, missing=reading.label_missing or ())
        check_classes(path, label, labels, are_classes=label in reading.kinds)
    features = features_of(path, table, reading)
    missing, keep = missing_of(reading), reading.keep or ()
    columns, left_out = read_columns(path, features, rows, missing, kinds=reading.kinds, keep=keep)
    summary: dict[str, ColumnSummary] = {column.name: _summary(column) for column in columns}
    warnings: list[str] = []
    with contextlib.suppress(DataError):  # a table without a usable column can be inspected, too
        encoding, useless = learn(columns, rows, missing, keep)
        for name, why in useless.items():
            summary[name]["why"] = why
        for code in encoding.columns:
            summary[code.name]["kind"] = code.kind
        if label is not None:
            numbers = np.unique(labels, return_inverse=True)[1]
            for leak in find_leaks(encoding.chosen(columns), encoding.columns, rows, numbers):
                summary[leak.column]["alone"] = leak.correct
            warnings += _problems(table_name(path), encoding.chosen(columns), rows, labels)
    return TableSurvey(
        name=table_name(path),
        rows=table.num_rows,
        label=label,
        classes=dict(sorted(Counter(labels).items())),
        unlabeled=0 if label is None else table.num_rows - len(labels),
        columns={
            name: summary.get(name) or {"kind": None, "why": left_out[name]}
            for name in features.column_names
        },
        same=_same(table),
        notices=about_file,
        warnings=warnings,
    )


def _problems(
    name: str, columns: Sequence[Column], rows: np.ndarray, labels: Sequence[str]
) -> Iterator[str]:
    """Yield what may be wrong with the ``labels`` of ``rows``, int64."""
    classes, numbers = np.unique(labels, return_inverse=True)
    keys, copies = keys_and_copies(columns, rows, numbers)
    yield from find_problems(
        name,
        [Part(TRAIN, keys, numbers, lambda position: f"row {rows[position] + 1}")],
        classes=classes.tolist(),
        words=Vectors.words,
        is_by_chance=not repeated(copies).any(),
    )


def _summary(column: Column) -> ColumnSummary:
    known = column.values[~column.missing]
    summary: ColumnSummary = {
        "kind": column.kind,
        "missing": int(column.missing.sum()),
        "different": len(np.unique(known)),
    }
    if column.kind == "number":
        summary["lowest"], summary["highest"] = float(known.min()), float(known.max())
    return summary


def _same(table: "pa.Table") -> list[list[int]]:
    """Return groups of identical rows, counted from 1."""
    groups = equal_rows(table)
    order = np.argsort(groups, kind="stable")
    cuts = np.flatnonzero(np.diff(groups[order])) + 1
    same = [(part + 1).tolist() for part in np.split(order, cuts) if len(part) > 1]
    return sorted(same)
