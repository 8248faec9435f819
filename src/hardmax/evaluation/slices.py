"""Slices: groups of examples on which a classifier does worse than on the others."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.metrics import wilson_interval
from hardmax.evaluation.paired_tests import LEVEL

__all__ = ["SMALLEST", "Slice", "evaluate_slices"]

#: Slices of fewer examples are left out.
SMALLEST = 20


@dataclass(frozen=True)
class Slice:
    """The examples whose ``column`` has a ``value``: ``count``, ``correct`` and so on.

    The ``interval`` is the 95 % Wilson interval of the ``accuracy``, ``loss`` the log loss. ``p``
    is the probability that as many examples drawn from all have an accuracy that is as low,
    corrected for the number of slices.
    """

    column: str
    value: str
    count: int
    correct: int
    accuracy: float
    interval: tuple[float, float]
    loss: float
    p: float

    @property
    def is_weak(self) -> bool:
        """Whether chance is an unlikely explanation of the accuracy."""
        return self.p < LEVEL


def evaluate_slices(
    groups: Iterable[tuple[str, str, np.ndarray]],
    evaluation: ClassifierEvaluation,
    smallest: int = SMALLEST,
) -> list[Slice]:
    """Return the slices of at least ``smallest`` examples, the least likely by chance first.

    ``groups`` are a column, its value and a mask of the examples, bool (n,). The p-values are those
    of R. A. Fisher's exact test, one-sided, with the correction of S. Holm, "A simple sequentially
    rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
    """
    found = [
        _uncorrected(column, value, mask, evaluation)
        for column, value, mask in groups
        if smallest <= mask.sum() < evaluation.count
    ]
    tails = _lower_tails(evaluation.count, evaluation.correct, found)
    corrected = _holm(tails)
    return [replace(found[i], p=float(corrected[i])) for i in np.argsort(tails, kind="stable")]


def _uncorrected(
    column: str, value: str, mask: np.ndarray, evaluation: ClassifierEvaluation
) -> Slice:
    """Return a slice without its p-value, which depends on the other slices."""
    count, correct = int(mask.sum()), int(evaluation.is_correct[mask].sum())
    return Slice(
        column=column,
        value=value,
        count=count,
        correct=correct,
        accuracy=correct / count,
        interval=wilson_interval(correct, count),
        loss=float(evaluation.losses[mask].mean()),
        p=1.0,
    )


def _lower_tails(count: int, correct: int, slices: Iterable[Slice]) -> np.ndarray:
    """Return the probability of at most so many correct examples in each slice.

    Its examples are drawn without replacement from ``count`` examples of which ``correct`` are.
    """
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1)))])

    def log_choose(n: int, k: "np.ndarray | int") -> np.ndarray:
        chosen: np.ndarray = factorials[n] - factorials[k] - factorials[n - k]
        return chosen

    tails = []
    for one in slices:
        size = one.count
        ks = np.arange(max(0, size - (count - correct)), one.correct + 1)
        logs = log_choose(correct, ks) + log_choose(count - correct, size - ks)
        tails.append(min(1.0, float(np.exp(logs - log_choose(count, size)).sum())))
    return np.array(tails)


def _holm(p: np.ndarray) -> np.ndarray:
    """Return p-values corrected for their number."""
    order = np.argsort(p)
    corrected = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    result = np.empty_like(p)
    result[order] = np.minimum(corrected, 1)
    return result
