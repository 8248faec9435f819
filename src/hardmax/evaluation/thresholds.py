"""What a classifier of two classes does at different thresholds of the probability."""

from typing import TypedDict

import numpy as np

from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.counts import ClassCounts

__all__ = ["POSITIVE", "Threshold", "thresholds"]

#: The number of the positive class: the second one, as in scikit-learn.
POSITIVE = 1

#: The thresholds.
LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class Threshold(TypedDict):
    """The figures if an example is positive from a probability of ``threshold`` on.

    ``predicted`` is the share of examples that are. Figures are None if they are undefined.
    """

    threshold: float
    precision: float | None
    recall: float | None
    f1: float | None
    false_positive_rate: float | None
    predicted: float


def thresholds(evaluation: ClassifierEvaluation) -> list[Threshold]:
    """Return the figures at each of LEVELS; none unless there are two classes."""
    if len(evaluation.classes) != 2:
        return []
    probabilities = evaluation.probabilities[:, POSITIVE]
    return [_at(level, probabilities >= level, evaluation) for level in LEVELS]


def _at(level: float, is_predicted: np.ndarray, evaluation: ClassifierEvaluation) -> Threshold:
    weights, is_positive = evaluation.example_weights, evaluation.labels == POSITIVE
    found = ClassCounts(
        true_positives=np.array([weights[is_predicted & is_positive].sum()]),
        predicted=np.array([weights[is_predicted].sum()]),
        support=np.array([weights[is_positive].sum()]),
    )
    ratios = found.ratios()
    negatives = weights[~is_positive].sum()
    false_positives = weights[is_predicted & ~is_positive].sum()
    return {
        "threshold": level,
        "precision": ratios["precision"][0],
        "recall": ratios["recall"][0],
        "f1": ratios["f1"][0],
        "false_positive_rate": float(false_positives / negatives) if negatives else None,
        "predicted": float(weights[is_predicted].sum() / weights.sum()),
    }
