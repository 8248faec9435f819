"""How good scores are, read off all of them at once, in whatever batches they were computed."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.evaluation.decision_rules import coverage_curve
from hardmax.evaluation.metrics import Evaluation, confusion_matrix, log_softmax, wilson_interval
from hardmax.evaluation.one_vs_rest import BINS, BLOCK, Column, one_against_rest

__all__ = ["Judgement", "judge"]

#: With more classes than this there is no confusion matrix: it has their number squared.
MATRIX_CLASSES = 1000

#: The most guesses that ``top`` allows.
GUESSES = 5

#: What is too long for a summary.
DETAILS = ("classes", "confusion", "reliability", "coverage")

#: Shares of the examples, the surest first, of which ``coverage`` tells the accuracy.
COVERED = (1.0, 0.95, 0.9, 0.8, 0.5)


@dataclass(frozen=True)
class Judgement(Evaluation):
    """An evaluation, and everything else that scores and labels tell; None is what is undefined.

    ``loss`` is the log loss. ``top`` has, by k, the share of examples whose true class is among
    the k likeliest. ``brier`` has the Brier score and its parts. ``macro`` and ``weighted`` are
    means of precision, recall and F1 over the classes that occur or are decided, as in
    scikit-learn; ``roc_auc`` and ``average_precision`` means over the classes, one against rest,
    that have one. ``calibration_error`` is the expected calibration error, a sum over the points
    of ``reliability``. ``classes`` has lists with an entry a class. ``confusion`` has true classes
    in rows, and is None for more than MATRIX_CLASSES. ``coverage`` has the accuracy of the surest
    decisions, and ``below`` what confidence the others are. ``majority`` is the accuracy of
    deciding always for the most frequent class.
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
        """Return as JSON has it what has no entry a class or a bin."""
        return {name: value for name, value in self.as_dict().items() if name not in DETAILS}

    def figures(self) -> str:
        """Return the figures beyond accuracy and loss on one line."""
        told = {
            # Among few classes the true one is easily among the likeliest.
            f"top {GUESSES}": self.top[str(GUESSES)] if len(self.classes["recall"]) > 10 else None,
            "macro F1": self.macro["f1"],
            "kappa": self.kappa,
            "MCC": self.matthews,
            "ROC AUC": self.roc_auc,
            "average precision": self.average_precision,
            "Brier score": self.brier["score"],
            "ECE": self.calibration_error,
            "always the most frequent class": self.majority,
        }
        return ", ".join(f"{name} {value:.4f}" for name, value in told.items() if value is not None)


def judge(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> Judgement:
    """Return how good scores or log-probabilities (n, classes) are for integer labels (n,).

    ``weights`` are float (n,), None for 1 each; with weights there is no interval. Of equal scores
    the first class goes first, as argmax has it. Raises ArgumentError where shapes do not fit, a
    label is none of the classes, a score is not finite, a weight is negative, or none is above 0.
    """
    own = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    _check(scores, labels, own)
    count, classes = scores.shape
    rows = _rows(scores, labels)
    right = rows.rank == 0
    hits, decided, support = (
        np.bincount(a, w, classes)
        for a, w in ((labels, own * right), (rows.decided, own), (labels, own))
    )
    table = _table(hits, decided, support)
    columns = [Column.of(*part, own) for part in one_against_rest(scores, labels, range(classes))]
    areas = {
        "roc_auc": [column.roc_auc for column in columns],
        "average_precision": [column.average_precision for column in columns],
    }
    confidence = np.exp(rows.log_highest)
    reliability = _reliability(confidence, right, own)
    matrix = None
    if classes <= MATRIX_CLASSES:
        matrix = confusion_matrix(labels, rows.decided, classes, weights).tolist()
    return Judgement(
        count,
        int(right.sum()),
        _mean(right, own),
        wilson_interval(int(right.sum()), count) if weights is None else None,
        _mean(rows.loss, own),
        majority=float(support.max() / support.sum()),
        top={str(k): _mean(rows.rank < k, own) for k in range(2, min(GUESSES + 1, classes))},
        brier=_brier(_mean(rows.squared, own), columns),
        macro=_class_means(table, decided + support > 0),
        weighted=_class_means(table, support),
        **_agreement(hits, decided, support),
        **{name: _defined_mean(values) for name, values in areas.items()},
        calibration_error=sum(
            point["share"] * abs(point["accuracy"] - point["confidence"]) for point in reliability
        ),
        classes={**table, **areas, "support": support.tolist()},
        confusion=matrix,
        reliability=reliability,
        coverage=_coverage(*coverage_curve(confidence, right, own)),
    )


def _check(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
    if scores.ndim != 2 or len(scores) != len(labels) or weights.shape != labels.shape:
        raise ArgumentError(
            "scores must have shape (n, classes), labels and weights (n,); got "
            f"{scores.shape}, {labels.shape} and {weights.shape}"
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ArgumentError("weights must be finite numbers that are not negative")
    if not weights.any():
        raise ArgumentError("nothing to judge: no example has a weight above 0")
    if not 0 <= labels.min() <= labels.max() < scores.shape[1]:
        raise ArgumentError(
            f"labels must be 0 to {scores.shape[1] - 1}, got {labels.min()} to {labels.max()}"
        )
    if not np.isfinite(scores).all():
        raise ArgumentError("scores must be finite numbers; the network gives some that are not")


class _Rows(NamedTuple):
    """What each example's scores say of its label, arrays of shape (n,).

    The ``loss``, the ``rank`` of the true class from 0 on, the ``decided`` class, the logarithm
    of its probability, and the ``squared`` distance of the probabilities from the truth.
    """

    loss: np.ndarray
    rank: np.ndarray
    decided: np.ndarray
    log_highest: np.ndarray
    squared: np.ndarray


def _rows(scores: np.ndarray, labels: np.ndarray) -> _Rows:
    numbers = np.arange(scores.shape[1])
    parts = []
    for at in range(0, len(scores), BLOCK):
        block, true = scores[at : at + BLOCK], labels[at : at + BLOCK, None]
        logs = log_softmax(block)
        own = np.take_along_axis(block, true, 1)
        ahead = (block > own) | ((block == own) & (numbers < true))
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


def _brier(score: float, columns: list[Column]) -> dict[str, float]:
    """Return the Brier score, summed over classes, and its parts.

    score = reliability - resolution + uncertainty (A. H. Murphy, 1973), exactly so by counting
    what varies within a bin to the resolution (D. B. Stephenson et al., "Two extra components in
    the Brier score decomposition", 2008).
    """
    reliability = sum(column.unreliability for column in columns)
    uncertainty = sum(column.base * (1 - column.base) for column in columns)
    return {
        "score": score,
        "reliability": reliability,
        "resolution": reliability + uncertainty - score,
        "uncertainty": uncertainty,
    }


def _table(
    hits: np.ndarray, decided: np.ndarray, support: np.ndarray
) -> dict[str, list[float | None]]:
    """Return precision, recall and F1 by class; None is what has nothing to be read off."""
    parts = {
        "precision": (hits, decided),
        "recall": (hits, support),
        "f1": (2 * hits, decided + support),
    }
    return {
        name: [float(a / b) if b else None for a, b in zip(*pair, strict=True)]
        for name, pair in parts.items()
    }


def _class_means(table: dict[str, list[float | None]], weights: np.ndarray) -> dict[str, float]:
    """Return weighted means over the classes; None counts as 0, as in scikit-learn."""
    return {
        name: _mean(np.array([value or 0.0 for value in values]), weights)
        for name, values in table.items()
    }


def _defined_mean(values: list[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def _agreement(
    hits: np.ndarray, decided: np.ndarray, support: np.ndarray
) -> dict[str, float | None]:
    """Return Cohen's kappa (1960) and the Matthews correlation (J. Gorodkin, 2004).

    Undefined where labels, or decisions, are all of one class: kappa where both are.
    """
    n = support.sum()
    excess = float(n * hits.sum() - decided @ support)
    one_decided, one_true = ((counts > 0).sum() == 1 for counts in (decided, support))
    same = one_decided and one_true and hits.any()
    spread = np.sqrt((n * n - decided @ decided) * (n * n - support @ support))
    return {
        "kappa": None if same else float(excess / (n * n - decided @ support)),
        "matthews": None if one_decided or one_true else float(excess / spread),
    }


def _reliability(
    confidence: np.ndarray, right: np.ndarray, weights: np.ndarray
) -> list[dict[str, float]]:
    """Return the points of a reliability diagram: bins of equal width (low, high] that have any.

    C. Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    share, sure, hits = (
        np.bincount(bins, weights * x, BINS) for x in (np.ones(len(bins)), confidence, right)
    )
    return [
        {
            "share": float(share[b] / share.sum()),
            "confidence": float(sure[b] / share[b]),
            "accuracy": float(hits[b] / share[b]),
        }
        for b in np.flatnonzero(share)
    ]


def _coverage(
    confidence: np.ndarray, coverage: np.ndarray, accuracy: np.ndarray
) -> list[dict[str, float]]:
    # Sums that ought to be 1 may be less by rounding.
    places = [int(np.searchsorted(coverage, min(share, coverage[-1]))) for share in COVERED]
    return [
        {
            "below": float(confidence[place]),
            "coverage": float(coverage[place]),
            "accuracy": float(accuracy[place]),
        }
        for place in places
    ]
