"""One class against the rest: who is given a high probability of it, and who should be."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from hardmax.evaluation.metrics import log_softmax

__all__ = ["BINS", "BLOCK", "Column", "log_confidence", "one_against_rest", "ranking"]

#: How many examples at a time are given probabilities; there may be many classes.
BLOCK = 256

#: Bins of probabilities, as many as C. Guo et al. take.
BINS = 15


def log_confidence(scores: np.ndarray) -> np.ndarray:
    """Return the logarithm of the likeliest class's probability, float64 (n,)."""
    blocks = (scores[at : at + BLOCK] for at in range(0, len(scores), BLOCK))
    return np.concatenate([np.zeros(0), *(log_softmax(block).max(axis=1) for block in blocks)])


def one_against_rest(
    scores: np.ndarray, labels: np.ndarray, classes: Iterable[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, by class, the logarithms of its probability, float64 (n,), and who is of it (n,)."""
    highest, peaks = log_confidence(scores), scores.max(axis=1)
    for number in classes:
        yield scores[:, number].astype(np.float64) - peaks + highest, labels == number


class Column(NamedTuple):
    """What one class against the rest is like."""

    roc_auc: float | None
    average_precision: float | None
    unreliability: float
    base: float

    @classmethod
    def of(cls, logs: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> "Column":
        """Judge logarithms of a class's probability; ``truth`` says which examples are of it."""
        p, total = np.exp(logs), weights.sum()
        bins = np.minimum((p * BINS).astype(int), BINS - 1)
        share, forecast, event = (np.bincount(bins, weights * x) for x in (p >= 0, p, truth))
        some = share > 0
        gap = ((forecast - event)[some] ** 2 / share[some]).sum()
        area, precision = None, None
        if event.any():
            area, precision = _areas(*ranking(logs, truth, weights))
        return cls(area, precision, float(gap / total), float(event.sum() / total))


def ranking(
    logs: np.ndarray, truth: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (hits, alarms): the weight of true and of false ones among the highest.

    ``logs`` are float (n,), ``truth`` bool (n,), ``weights`` float (n,). There is an entry for each
    value that occurs, of all examples that have it or a higher one, the highest first.
    """
    order = np.argsort(-logs, kind="stable")
    last = np.append(np.diff(logs[order]) != 0, True)
    return tuple(np.cumsum((weights * kind)[order])[last] for kind in (truth, ~truth))


def _areas(hits: np.ndarray, alarms: np.ndarray) -> tuple[float | None, float]:
    """Return the area under the ROC curve, by trapezoids, and the average precision.

    That is the mean of the precisions, weighted by the gain of recall; there must be hits.
    """
    gain = np.diff(hits, prepend=0)
    some = gain > 0
    precision = (gain[some] / hits[-1]) @ (hits[some] / (hits + alarms)[some])
    if not alarms[-1]:
        return None, float(precision)
    area = np.diff(alarms, prepend=0) @ (hits - gain / 2) / hits[-1] / alarms[-1]
    return float(area), float(precision)
