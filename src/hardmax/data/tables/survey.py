"""What is found in a table before anyone trains: columns, classes, rows that are there twice."""

import contextlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hardmax.data.tables.columns import Column, coded
from hardmax.data.tables.encoding import learn
from hardmax.data.tables.files import read_table
from hardmax.data.tables.read import check_classes, read_columns, read_labels
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TableSurvey", "survey_table"]


@dataclass(frozen=True)
class TableSurvey:
    """What is found in a table.

    ``classes`` counts the rows of each class, where a label column was named; ``unlabelled`` are
    the rows without one. ``columns`` has, of each other column, its ``kind``, or None; ``why`` a
    training would leave it out, if it would; how many cells are ``missing``, how many ``different``
    ones there are, and of numbers the ``lowest`` and the ``highest``. ``same`` are groups of rows
    with the very same cells, counted from 1.
    """

    name: str
    rows: int
    label: str | None
    classes: dict[str, int]
    unlabelled: int
    columns: dict[str, dict[str, Any]]
    same: list[list[int]]


def survey_table(path: Path, label: str | None) -> TableSurvey:
    """Look at every cell of a table. Raises DataError for what no table could be learnt with."""
    table = read_table(path)
    classes: Counter[str] = Counter()
    if label is not None:
        labels = read_labels(table, path, label)[0]
        check_classes(path, label, labels)
        classes.update(labels)
    features = table if label is None else table.drop_columns([label])
    columns, left_out = read_columns(path, features)
    told: dict[str, dict[str, Any]] = {column.name: _told(column) for column in columns}
    with contextlib.suppress(DataError):  # a table that has nothing to learn from can be looked at
        for name, why in learn(columns, np.arange(table.num_rows))[1].items():
            told[name]["why"] = why
    return TableSurvey(
        path.stem,
        table.num_rows,
        label,
        dict(sorted(classes.items())),
        0 if label is None else table.num_rows - classes.total(),
        {
            name: told.get(name) or {"kind": None, "why": left_out[name]}
            for name in features.column_names
        },
        _same(table),
    )


def _told(column: Column) -> dict[str, Any]:
    known = column.values[~column.missing]
    told = {
        "kind": column.kind,
        "missing": int(column.missing.sum()),
        "different": len(np.unique(known)),
    }
    if column.kind == "number":
        told |= {"lowest": float(known.min()), "highest": float(known.max())}
    return told


def _same(table: "pa.Table") -> list[list[int]]:
    """Return groups of rows, counted from 1, whose cells are all the same."""
    import pyarrow as pa

    whole = table.unify_dictionaries().combine_chunks()
    codes = [
        coded(column.combine_chunks())[0]
        for column in whole.columns
        if not pa.types.is_nested(column.type)
    ]
    if not codes:
        return []
    numbers = np.column_stack(codes)
    _, groups = np.unique(numbers, axis=0, return_inverse=True)
    groups = groups.ravel()
    order = np.argsort(groups, kind="stable")
    cuts = np.flatnonzero(np.diff(groups[order])) + 1
    found = [(part + 1).tolist() for part in np.split(order, cuts) if len(part) > 1]
    return sorted(found)
