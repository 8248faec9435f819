"""One-vs-rest metrics: each class against all others."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hardmax.evaluation.calibration import BINS

__all__ = ["OneVsRest", "brier", "ranking"]


class OneVsRest(NamedTuple):
    """Metrics of one class against the rest."""

    roc_auc: float | None
    average_precision: float | None
    unreliability: float
    base_rate: float

    @classmethod
    def of(cls, logs: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> "OneVsRest":
        """Evaluate a class's log-probabilities; ``truth`` marks its examples. All are (n,)."""
        p, total = np.exp(logs), weights.sum()
        bins = np.minimum((p * BINS).astype(int), BINS - 1)
        share, forecast, event = (np.bincount(bins, weights * x) for x in (p >= 0, p, truth))
        nonempty = share > 0
        gap = ((forecast - event)[nonempty] ** 2 / share[nonempty]).sum()
        area, precision = None, None
        if event.any():
            area, precision = _areas(*ranking(logs, truth, weights))
        return cls(area, precision, float(gap / total), float(event.sum() / total))


def brier(score: float, classes: Sequence[OneVsRest]) -> dict[str, float]:
    """Return the Brier score, summed over classes, and its parts.

    score = reliability - resolution + uncertainty (A. H. Murphy, 1973). This is exact because the
    variation within bins is counted as resolution (D. B. Stephenson et al., "Two extra components
    in the Brier score decomposition", 2008).
    """
    reliability = sum(one.unreliability for one in classes)
    uncertainty = sum(one.base_rate * (1 - one.base_rate) for one in classes)
    return {
        "score": score,
        "reliability": reliability,
        "resolution": reliability + uncertainty - score,
        "uncertainty": uncertainty,
    }


def ranking(
    logs: np.ndarray, truth: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the total weights of true positives and of false positives at each threshold.

    ``logs`` are float (n,), ``truth`` bool (n,), ``weights`` float (n,). The thresholds are the
    distinct values of ``logs``, in decreasing order.
    """
    order = np.argsort(-logs, kind="stable")
    last = np.append(np.diff(logs[order]) != 0, True)
    positives, negatives = (np.cumsum((weights * kind)[order])[last] for kind in (truth, ~truth))
    return positives, negatives


def _areas(true_positives: np.ndarray, false_positives: np.ndarray) -> tuple[float | None, float]:
    """Return the area under the ROC curve (None without negatives) and the average precision.

    The area is a sum of trapezoids; average precision weights each precision by the increase in
    recall. There must be positives.
    """
    gain = np.diff(true_positives, prepend=0)
    is_gain = gain > 0
    precision = (gain[is_gain] / true_positives[-1]) @ (
        true_positives[is_gain] / (true_positives + false_positives)[is_gain]
    )
    if not false_positives[-1]:
        return None, float(precision)
    area = (
        np.diff(false_positives, prepend=0)
        @ (true_positives - gain / 2)
        / true_positives[-1]
        / false_positives[-1]
    )
    return float(area), float(precision)
