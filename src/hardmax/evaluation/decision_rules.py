"""Decision rules: the most likely class, the least expected cost, or abstaining."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np

from hardmax.errors import ArgumentError, DataError
from hardmax.labels import respelled

__all__ = [
    "ABSTAIN",
    "Costs",
    "Outcome",
    "abstaining",
    "check_below",
    "coverage",
    "coverage_curve",
    "named",
    "outcomes",
    "read_costs",
]

ABSTAIN = -1

#: The fractions of the most confident predictions in ``coverage``.
COVERED = (1.0, 0.95, 0.9, 0.8, 0.5)


class Outcome(TypedDict):
    """The outcome of a decision ``rule``; undefined figures are None.

    ``coverage`` is the fraction of examples that are assigned a class, ``accuracy`` the fraction of
    those that are classified correctly, and ``cost`` the mean cost of the examples that are not
    abstained from.
    """

    rule: str
    coverage: float
    accuracy: float | None
    cost: float | None


@dataclass(frozen=True)
class Costs:
    """The cost of each decision, float64 (classes, decisions): the classes, then extra actions."""

    decisions: tuple[str, ...]
    matrix: np.ndarray

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the decisions of least expected cost, int64 (n,); the first of equal ones."""
        decisions: np.ndarray = (probabilities @ self.matrix).argmin(axis=1)
        return decisions

    def mean(self, labels: np.ndarray, decisions: np.ndarray, weights: np.ndarray) -> float:
        """Return the weighted mean cost of ``decisions`` for the true ``labels``; all are (n,)."""
        return float(np.average(self.matrix[labels, decisions], weights=weights))


def read_costs(path: Path, classes: Sequence[str]) -> Costs:
    """Read costs from a CSV file: true classes in the first column, decisions in the header.

    Classes may be spelled in another way, such as ``1.0`` for ``1`` or ``true`` for ``True``.
    Raises DataError unless each class has one row and one column, and all costs are finite.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read costs from {path}: {reason}") from error
    if not rows:
        raise DataError(f"{path} is empty; costs require a header and a row for each class")
    header = respelled(rows[0][1][1:], classes)
    rows[1:] = [(line, [*respelled(row[:1], classes), *row[1:]]) for line, row in rows[1:]]
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
        if not name.strip():
            raise DataError(f"{path}: one of the {what} has no name")
        if names.count(name) > 1:
            raise DataError(f"{path}: {name!r} appears more than once in the {what}; keep one")
        if not extra and name not in classes:
            raise DataError(f"{path}: {name!r} is not one of the classes {', '.join(classes)}")
    missing = [name for name in classes if name not in names]
    if missing:
        raise DataError(f"{path}: the class {missing[0]!r} is missing from the {what}; add it")


def _cost(path: Path, line: int, cell: str) -> float:
    try:
        cost = float(cell)
    except ValueError:
        cost = math.nan
    if not math.isfinite(cost):
        raise DataError(f"{path}, line {line}: a cost must be a finite number, got {cell!r}")
    return cost


def abstaining(probabilities: np.ndarray, below: float) -> np.ndarray:
    """Return the most likely class, int64 (n,), or ABSTAIN where its probability is too low."""
    return np.where(probabilities.max(axis=1) < below, ABSTAIN, probabilities.argmax(axis=1))


def check_below(below: float) -> float:
    """Return ``below``. Raises ArgumentError unless it is a probability, 0 to 1."""
    if not 0 <= below <= 1:
        raise ArgumentError(f"the probability to abstain below must be 0 to 1, got {below}")
    return below


def named(
    probabilities: np.ndarray, classes: Sequence[str], costs: Costs | None, below: float | None
) -> list[str | None]:
    """Return each example's decision: that of least expected cost, or the most likely class.

    Without costs, None stands for abstaining: the class's probability is below ``below``.
    """
    if costs is None:
        numbers = abstaining(probabilities, 0.0 if below is None else below)
        return [None if number == ABSTAIN else classes[number] for number in numbers]
    return [costs.decisions[number] for number in costs.decide(probabilities)]


def outcomes(
    probabilities: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    *,
    costs: Costs | None,
    below: float | None,
) -> list[Outcome]:
    """Return the outcome of each decision rule.

    ``probabilities`` are float (n, classes), ``labels`` integers (n,), ``weights`` float (n,).
    """
    rules = {"most likely class": probabilities.argmax(axis=1)}
    if below is not None:
        rules[f"abstain below {below:g}"] = abstaining(probabilities, below)
    if costs is not None:
        rules["least expected cost"] = costs.decide(probabilities)
    found: list[Outcome] = []
    for name, decisions in rules.items():
        acted = (decisions != ABSTAIN) & (weights > 0)
        classified = acted & (decisions < probabilities.shape[1])
        accuracy, cost = None, None
        if classified.any():
            correct = (decisions == labels)[classified]
            accuracy = float(np.average(correct, weights=weights[classified]))
        if costs is not None and acted.any():
            cost = costs.mean(labels[acted], decisions[acted], weights[acted])
        coverage = float(np.average(classified, weights=weights))
        found.append({"rule": name, "coverage": coverage, "accuracy": accuracy, "cost": cost})
    return found


def coverage_curve(
    confidence: np.ndarray, correct: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (confidence, coverage, accuracy) for each distinct confidence, the highest first.

    Coverage and accuracy are those of the predictions with at least that confidence.
    ``confidence`` is float (n,), ``correct`` bool (n,), ``weights`` float (n,).
    """
    order = np.argsort(-confidence, kind="stable")
    order = order[weights[order] > 0]
    last = np.append(np.diff(confidence[order]) != 0, True)
    covered, accurate = (
        np.cumsum((weights * x)[order])[last] for x in (np.ones(len(correct)), correct)
    )
    return confidence[order][last], covered / covered[-1], accurate / covered


def coverage(
    confidence: np.ndarray, correct: np.ndarray, weights: np.ndarray
) -> list[dict[str, float]]:
    """Return points of the coverage curve, for the fractions in COVERED.

    Takes the arguments of ``coverage_curve``. The confidence of the other predictions is lower
    than ``below``.
    """
    below, covered, accuracy = coverage_curve(confidence, correct, weights)
    # By rounding, the last coverage may be less than 1.
    places = [int(np.searchsorted(covered, min(share, covered[-1]))) for share in COVERED]
    return [
        {
            "below": float(below[place]),
            "coverage": float(covered[place]),
            "accuracy": float(accuracy[place]),
        }
        for place in places
    ]
