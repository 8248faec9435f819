"""Classification metrics, computed from all scores at once, whatever the batch size."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.evaluation.decision_rules import coverage_curve
from hardmax.evaluation.metrics import Evaluation, confusion_matrix, log_softmax, wilson_interval
from hardmax.evaluation.one_vs_rest import BINS, BLOCK, OneVsRest, one_vs_rest

__all__ = ["ClassificationMetrics", "evaluate_scores"]

#: The most classes for a confusion matrix, whose size is quadratic in them.
MATRIX_CLASSES = 1000

#: The largest k of top-k accuracy.
MAX_K = 5

#: Fields that are too long for a summary.
DETAILS = ("classes", "confusion", "reliability", "coverage")

#: The fractions of the most confident predictions whose accuracy is in ``coverage``.
COVERED = (1.0, 0.95, 0.9, 0.8, 0.5)


@dataclass(frozen=True)
class ClassificationMetrics(Evaluation):
    """An evaluation with all metrics of scores and labels; undefined ones are None.

    ``loss`` is the log loss. ``majority`` is the accuracy of always predicting the most frequent
    class. ``top`` has the top-k accuracies by k. ``brier`` has the Brier score and its parts.
    ``macro`` and ``weighted`` are means of precision, recall and F1 over the classes that occur or
    are predicted, as in scikit-learn; ``roc_auc`` and ``average_precision`` are means of the
    one-vs-rest metrics over the classes for which they are defined. ``calibration_error`` is the
    expected calibration error, a sum over the points of ``reliability``. ``classes`` has lists with
    one entry per class. ``confusion`` has true classes in rows; it is None for more than
    MATRIX_CLASSES. ``coverage`` has the accuracy of the most confident predictions; the confidence
    of the others is lower than ``below``.
    """

    majority: float
    top: dict[str, float]
    brier: dict[str, float]
    macro: dict[str, float]
    weighted: dict[str, float]
    kappa: float | None
    matthews: float | None
    roc_auc: float | None
    average_precision: float | None
    calibration_error: float
    classes: dict[str, list[Any]]
    confusion: list[list[Any]] | None
    reliability: list[dict[str, float]]
    coverage: list[dict[str, float]]

    def summary(self) -> dict[str, Any]:
        """Return the fields as JSON values, without those that have an entry per class or bin."""
        return {name: value for name, value in self.as_dict().items() if name not in DETAILS}

    def figures(self) -> str:
        """Return the main metrics other than accuracy and loss on one line."""
        figures = {
            # With few classes, top-k accuracy is trivially high.
            f"top {MAX_K}": self.top[str(MAX_K)] if len(self.classes["recall"]) > 10 else None,
            "macro F1": self.macro["f1"],
            "kappa": self.kappa,
            "MCC": self.matthews,
            "ROC AUC": self.roc_auc,
            "average precision": self.average_precision,
            "Brier score": self.brier["score"],
            "ECE": self.calibration_error,
            "majority-class accuracy": self.majority,
        }
        return ", ".join(
            f"{name} {value:.4f}" for name, value in figures.items() if value is not None
        )


def evaluate_scores(
    scores: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
) -> ClassificationMetrics:
    """Return the metrics of scores or log-probabilities (n, classes) for integer labels (n,).

    ``weights`` are float (n,), None for 1 each; with weights there is no interval. Ties between
    scores go to the first class, as in argmax. Raises ArgumentError if shapes do not match, a label
    is out of range, a score is not finite, a weight is negative, or no weight is above 0.
    """
    w = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    _check(scores, labels, w)
    count, classes = scores.shape
    rows = _rows(scores, labels)
    correct = rows.rank == 0
    true_positives, predicted, support = (
        np.bincount(numbers, amounts, classes)
        for numbers, amounts in ((labels, w * correct), (rows.predicted, w), (labels, w))
    )
    by_class = _by_class(true_positives, predicted, support)
    parts = [OneVsRest.of(*part, w) for part in one_vs_rest(scores, labels, range(classes))]
    areas = {
        "roc_auc": [part.roc_auc for part in parts],
        "average_precision": [part.average_precision for part in parts],
    }
    confidence = np.exp(rows.log_highest)
    reliability = _reliability(confidence, correct, w)
    matrix = None
    if classes <= MATRIX_CLASSES:
        matrix = confusion_matrix(labels, rows.predicted, classes, weights).tolist()
    return ClassificationMetrics(
        count,
        int(correct.sum()),
        _mean(correct, w),
        wilson_interval(int(correct.sum()), count) if weights is None else None,
        _mean(rows.loss, w),
        majority=float(support.max() / support.sum()),
        top={str(k): _mean(rows.rank < k, w) for k in range(2, min(MAX_K + 1, classes))},
        brier=_brier(_mean(rows.squared, w), parts),
        macro=_class_means(by_class, predicted + support > 0),
        weighted=_class_means(by_class, support),
        **_agreement(true_positives, predicted, support),
        **{name: _defined_mean(values) for name, values in areas.items()},
        calibration_error=sum(
            point["share"] * abs(point["accuracy"] - point["confidence"]) for point in reliability
        ),
        classes={**by_class, **areas, "support": support.tolist()},
        confusion=matrix,
        reliability=reliability,
        coverage=_coverage(*coverage_curve(confidence, correct, w)),
    )


def _check(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
    if scores.ndim != 2 or len(scores) != len(labels) or weights.shape != labels.shape:
        raise ArgumentError(
            "scores must have shape (n, classes), labels and weights (n,); got "
            f"{scores.shape}, {labels.shape} and {weights.shape}"
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ArgumentError("weights must be finite and not negative")
    if not weights.any():
        raise ArgumentError("nothing to evaluate: no example has a weight above 0")
    if not 0 <= labels.min() <= labels.max() < scores.shape[1]:
        raise ArgumentError(
            f"labels must be 0 to {scores.shape[1] - 1}, got {labels.min()} to {labels.max()}"
        )
    if not np.isfinite(scores).all():
        raise ArgumentError("scores must be finite, but the network returned NaN or infinity")


class _Rows(NamedTuple):
    """Results for each example, arrays of shape (n,).

    The ``loss``, the ``rank`` of the true class (from 0), the ``predicted`` class, the log of its
    probability, and the ``squared`` distance of the probabilities from the one-hot label.
    """

    loss: np.ndarray
    rank: np.ndarray
    predicted: np.ndarray
    log_highest: np.ndarray
    squared: np.ndarray


def _rows(scores: np.ndarray, labels: np.ndarray) -> _Rows:
    numbers = np.arange(scores.shape[1])
    parts = []
    for at in range(0, len(scores), BLOCK):
        block, true = scores[at : at + BLOCK], labels[at : at + BLOCK, None]
        logs = log_softmax(block)
        true_score = np.take_along_axis(block, true, 1)
        ahead = (block > true_score) | ((block == true_score) & (numbers < true))
        parts.append(
            (
                -np.take_along_axis(logs, true, 1)[:, 0],
                ahead.sum(axis=1),
                block.argmax(axis=1),
                logs.max(axis=1),
                ((np.exp(logs) - (numbers == true)) ** 2).sum(axis=1),
            )
        )
    return _Rows(*map(np.concatenate, zip(*parts, strict=True)))


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(values, weights=weights))


def _brier(score: float, classes: list[OneVsRest]) -> dict[str, float]:
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


def _by_class(
    true_positives: np.ndarray, predicted: np.ndarray, support: np.ndarray
) -> dict[str, list[float | None]]:
    """Return precision, recall and F1 by class; None if the denominator is 0."""
    parts = {
        "precision": (true_positives, predicted),
        "recall": (true_positives, support),
        "f1": (2 * true_positives, predicted + support),
    }
    return {
        name: [float(a / b) if b else None for a, b in zip(*pair, strict=True)]
        for name, pair in parts.items()
    }


def _class_means(by_class: dict[str, list[float | None]], weights: np.ndarray) -> dict[str, float]:
    """Return weighted means over the classes; None counts as 0, as in scikit-learn."""
    return {
        name: _mean(np.array([value or 0.0 for value in values]), weights)
        for name, values in by_class.items()
    }


def _defined_mean(values: list[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def _agreement(
    true_positives: np.ndarray, predicted: np.ndarray, support: np.ndarray
) -> dict[str, float | None]:
    """Return Cohen's kappa (1960) and the Matthews correlation (J. Gorodkin, 2004).

    The correlation is undefined if all labels, or all predictions, are of one class; kappa if all
    of both are of the same class.
    """
    n = support.sum()
    excess = float(n * true_positives.sum() - predicted @ support)
    one_predicted, one_true = ((counts > 0).sum() == 1 for counts in (predicted, support))
    same = one_predicted and one_true and true_positives.any()
    spread = np.sqrt((n * n - predicted @ predicted) * (n * n - support @ support))
    return {
        "kappa": None if same else float(excess / (n * n - predicted @ support)),
        "matthews": None if one_predicted or one_true else float(excess / spread),
    }


def _reliability(
    confidence: np.ndarray, correct: np.ndarray, weights: np.ndarray
) -> list[dict[str, float]]:
    """Return the points of a reliability diagram: the nonempty bins (low, high] of equal width.

    C. Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    share, expected, observed = (
        np.bincount(bins, weights * x, BINS) for x in (np.ones(len(bins)), confidence, correct)
    )
    return [
        {
            "share": float(share[b] / share.sum()),
            "confidence": float(expected[b] / share[b]),
            "accuracy": float(observed[b] / share[b]),
        }
        for b in np.flatnonzero(share)
    ]


def _coverage(
    confidence: np.ndarray, coverage: np.ndarray, accuracy: np.ndarray
) -> list[dict[str, float]]:
    # By rounding, the last coverage may be less than 1.
    places = [int(np.searchsorted(coverage, min(share, coverage[-1]))) for share in COVERED]
    return [
        {
            "below": float(confidence[place]),
            "coverage": float(coverage[place]),
            "accuracy": float(accuracy[place]),
        }
        for place in places
    ]
