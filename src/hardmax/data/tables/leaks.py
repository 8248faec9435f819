"""Columns that give the labels away: alone, they decide nearly all rows."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hardmax.data.row_encoding import EncodedColumn
from hardmax.data.tables.columns import Column

__all__ = ["Leak", "find_leaks"]

#: Fewer training rows, or fewer rows outside the most frequent class, are not judged.
FEW_ROWS, FEW_OTHERS = 40, 8

#: Of more rows, this many are judged, and tables with more columns are not.
MAX_ROWS, MAX_COLUMNS = 10_000, 1000

#: A column is a leak if it alone classifies at least this fraction of the rows correctly, ...
LEAST_ACCURACY = 0.99

#: ... and at most this fraction of those incorrectly that the most frequent class does.
MOST_ERROR = 0.05

#: Numbers with at most this many distinct values are judged like categories.
FEW_VALUES = 32

#: A threshold must separate at least this many rows, so that it is not set by a single odd one.
LEAF_ROWS = 3

#: The two halves of the rows: each is classified by what is known of the other one.
HALVES = ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2)))


class Leak(NamedTuple):
    """A column that alone classifies ``correct`` of ``total`` training rows correctly."""

    column: str
    correct: int
    total: int


def find_leaks(
    columns: Sequence[Column], codes: Sequence[EncodedColumn], rows: np.ndarray, labels: np.ndarray
) -> list[Leak]:
    """Return the columns that give the labels of ``rows`` away; both are int64 (rows,).

    ``codes`` are the encodings of the columns, in which texts are not judged. The rows are
    classified in two halves, each by what the other one says about the column: the most frequent
    class of each category, or the thresholds of a decision tree with two leaves per class.
    """
    order = np.random.default_rng(0).permutation(len(rows))[:MAX_ROWS]
    rows, labels = rows[order], labels[order]
    errors = len(rows) - int(np.bincount(labels).max())
    if len(rows) < FEW_ROWS or errors < FEW_OTHERS or len(columns) > MAX_COLUMNS:
        return []
    most = int(min((1 - LEAST_ACCURACY) * len(rows), MOST_ERROR * errors))
    leaks = []
    for column, code in zip(columns, codes, strict=True):
        if code.kind != "text":
            correct = _correct(column, column.values[rows], labels, most)
            if len(rows) - correct <= most:
                leaks.append(Leak(column.name, correct, len(rows)))
    return leaks


def _correct(column: Column, values: np.ndarray, labels: np.ndarray, most: int) -> int:
    """Return how many rows the values classify correctly; 0 if ``most`` errors are not enough."""
    distinct, codes = np.unique(values, return_inverse=True)
    if column.kind == "category" or len(distinct) <= FEW_VALUES:
        return _correct_by_value(codes, labels)
    # In the order of the values, an odd row adds at most two changes of the class.
    changes = int((np.diff(labels[np.lexsort((labels, values))]) != 0).sum())
    if changes > 2 * (most + len(np.unique(labels))):
        return 0
    return _correct_by_thresholds(values, labels)


def _correct_by_value(codes: np.ndarray, labels: np.ndarray) -> int:
    correct = 0
    shape = (int(codes.max()) + 1, int(labels.max()) + 1)
    for known, other in HALVES:
        pairs = codes[known] * shape[1] + labels[known]
        counts = np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape)
        best = np.where(counts.max(axis=1) > 0, counts.argmax(axis=1), -1)
        correct += int((best[codes[other]] == labels[other]).sum())
    return correct


def _correct_by_thresholds(values: np.ndarray, labels: np.ndarray) -> int:
    from sklearn.tree import DecisionTreeClassifier

    present = values[~np.isnan(values)]
    # The tree computes in float32; missing values get a place of their own.
    scaled = np.nan_to_num((values - present.min()) / np.ptp(present), nan=-1.0)[:, np.newaxis]
    leaves = 2 * len(np.unique(labels))
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, min_samples_leaf=LEAF_ROWS, random_state=0)
    with warnings.catch_warnings():
        # Of many classes, whose labels the user then has confirmed.
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
        return sum(
            int((tree.fit(scaled[a], labels[a]).predict(scaled[b]) == labels[b]).sum())
            for a, b in HALVES
        )
