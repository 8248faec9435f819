"""Columns that give the labels away: alone, they decide nearly all rows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from hardmax.data.row_encoding import EncodedColumn
from hardmax.data.tables.columns import Column

__all__ = ["Leak", "find_leaks"]

#: Fewer training rows, or fewer rows outside the most frequent class, are not judged.
FEW_ROWS, FEW_OTHERS = 40, 8

#: Of more rows, this many are judged, in columns that decide nearly all of the first few.
MAX_ROWS, FIRST_ROWS = 10_000, 500

#: Tables with more columns are not judged.
MAX_COLUMNS = 1000

#: A column is a leak if it alone classifies at least this fraction of the rows correctly, ...
LEAST_ACCURACY = 0.99

#: ... and at most this fraction of those incorrectly that the most frequent class does.
MOST_ERROR = 0.05


#: This fraction of the first few rows must be correct.
CANDIDATE = 0.95


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
    least = len(rows) - min((1 - LEAST_ACCURACY) * len(rows), MOST_ERROR * errors)
    leaks = []
    for column, code in zip(columns, codes, strict=True):
        if code.kind != "text" and _is_candidate(column, rows[:FIRST_ROWS], labels[:FIRST_ROWS]):
            correct = sum(_correct(column, rows, labels))
            if correct >= least:
                leaks.append(Leak(column.name, correct, len(rows)))
    return leaks


def _is_candidate(column: Column, rows: np.ndarray, labels: np.ndarray) -> bool:
    """Return whether a column classifies so many of a few rows correctly that all are worth it."""
    return sum(_correct(column, rows, labels)) >= CANDIDATE * len(rows)


def _correct(column: Column, rows: np.ndarray, labels: np.ndarray) -> Iterator[int]:
    """Yield how many rows of each half a column classifies correctly as the other half does."""
    # Ranks have the same thresholds, and no missing or huge values.
    values = np.unique(column.values[rows], return_inverse=True)[1]
    classify = _by_category if column.kind == "category" else _by_thresholds
    halves = slice(0, None, 2), slice(1, None, 2)
    for known, other in (halves, halves[::-1]):
        found = classify(values[known], labels[known], values[other])
        yield int((found == labels[other]).sum())


def _by_category(values: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the most frequent label of each category; -1 for one that is not in ``values``."""
    pairs, counts = np.unique(np.stack([values, labels]), axis=1, return_counts=True)
    best = dict(pairs[:, np.argsort(counts, kind="stable")].T.tolist())
    return np.array([best.get(value, -1) for value in others.tolist()])


def _by_thresholds(values: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    from sklearn.tree import DecisionTreeClassifier

    leaves = 2 * len(np.unique(labels))
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0)
    found: np.ndarray = tree.fit(values[:, np.newaxis], labels).predict(others[:, np.newaxis])
    return found
