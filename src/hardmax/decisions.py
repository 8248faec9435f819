"""From probabilities to an action: the likeliest class, the least cost, or none."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hardmax.errors import DataError

__all__ = ["ABSTAIN", "Costs", "abstaining", "coverage_curve", "read_costs"]

ABSTAIN = -1


@dataclass(frozen=True)
class Costs:
    """What each decision costs, float64 (classes, decisions): the classes, then extra actions."""

    decisions: tuple[str, ...]
    matrix: np.ndarray

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the decision of least expected cost, int64 (n,); the first of equal ones."""
        return (probabilities @ self.matrix).argmin(axis=1)

    def mean(self, labels: np.ndarray, decisions: np.ndarray) -> float:
        """Return what ``decisions`` (n,) cost on average where ``labels`` (n,) are the truth."""
        return float(self.matrix[labels, decisions].mean())


def read_costs(path: Path, classes: Sequence[str]) -> Costs:
    """Read a CSV of costs: the true class first in each row, the decisions in the header.

    Raises DataError unless each class has one row and one column, and costs are finite numbers.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read costs from {path}: {error}") from error
    if not rows:
        raise DataError(f"{path} is empty; costs need a header and a row for each class")
    header = rows[0][1][1:]
    _check_names(path, "columns", header, classes, extra=True)
    _check_names(path, "rows", [row[0] for _, row in rows[1:]], classes, extra=False)
    order = [*classes, *(name for name in header if name not in classes)]
    costs = {}
    for line, row in rows[1:]:
        if len(row) != len(header) + 1:
            raise DataError(
                f"{path}, line {line}: {len(row)} cells, but the header has {len(header) + 1}"
            )
        values = dict(zip(header, (_cost(path, line, cell) for cell in row[1:]), strict=True))
        costs[row[0]] = [values[name] for name in order]
    return Costs(tuple(order), np.array([costs[name] for name in classes], dtype=np.float64))


def _check_names(
    path: Path, what: str, names: Sequence[str], classes: Sequence[str], extra: bool
) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{path}: {name!r} is there twice among the {what}; keep one")
        if not extra and name not in classes:
            raise DataError(f"{path}: {name!r} is none of the classes {', '.join(classes)}")
    missing = [name for name in classes if name not in names]
    if missing:
        raise DataError(f"{path}: the {what} lack the class {missing[0]!r}; add it")


def _cost(path: Path, line: int, cell: str) -> float:
    try:
        cost = float(cell)
    except ValueError:
        cost = math.nan
    if not math.isfinite(cost):
        raise DataError(f"{path}, line {line}: a cost must be a finite number, got {cell!r}")
    return cost


def abstaining(probabilities: np.ndarray, below: float) -> np.ndarray:
    """Return the likeliest class, int64 (n,), or ABSTAIN where it is less likely than ``below``."""
    return np.where(probabilities.max(axis=1) < below, ABSTAIN, probabilities.argmax(axis=1))


def coverage_curve(
    probabilities: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (threshold, coverage, accuracy) for each confidence that occurs, the surest first."""
    sure = probabilities.max(axis=1)
    order = np.argsort(-sure, kind="stable")
    right = np.cumsum((probabilities.argmax(axis=1) == labels)[order])
    last = np.flatnonzero(np.append(np.diff(sure[order]) != 0, True))
    return sure[order][last], (last + 1) / len(labels), right[last] / (last + 1)
