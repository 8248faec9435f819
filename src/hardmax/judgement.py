"""How good scores are, read off all of them at once, whatever blocks they came in."""

from typing import Any

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.metrics import log_softmax

__all__ = ["Scored", "agreement", "average_precision", "brier", "reliability", "roc_auc", "table"]


class Scored:
    """Scores, labels and weights, gathered block by block.

    Ranks (ROC AUC, average precision) need every score, so all are kept: float64, classes + 2
    numbers an example. What is read off them is thereby the same for any split into blocks.
    """

    def __init__(self, classes: int):
        self.classes = classes
        self._blocks: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(
        self, scores: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
    ) -> None:
        """Add a block of scores or log-probabilities (n, classes) and integer labels (n,).

        ``weights`` are float (n,), 1 each if None. Raises ArgumentError where shapes do not fit, a
        label is none of the classes, a score is not finite, or a weight is negative.
        """
        scores = np.array(scores, dtype=np.float64)
        labels = np.array(labels)
        weights = np.ones(len(labels)) if weights is None else np.array(weights, np.float64)
        if scores.shape != (len(labels), self.classes) or weights.shape != labels.shape:
            raise ArgumentError(
                f"scores must have shape ({len(labels)}, {self.classes}) and weights "
                f"({len(labels)},), got {scores.shape} and {weights.shape}"
            )
        if labels.size and not 0 <= labels.min() <= labels.max() < self.classes:
            raise ArgumentError(
                f"labels must be 0 to {self.classes - 1}, got {labels.min()} to {labels.max()}"
            )
        if not (np.isfinite(scores).all() and np.isfinite(weights).all() and (weights >= 0).all()):
            raise ArgumentError("scores must be finite, and weights finite and not negative")
        self._blocks.append((scores, labels.astype(np.int64), weights))

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return scores, labels and weights; raises ArgumentError where nothing has weight."""
        if not any(weights.any() for _, _, weights in self._blocks):
            raise ArgumentError("nothing to judge: no example has a weight above 0")
        scores, labels, weights = (np.concatenate(part) for part in zip(*self._blocks, strict=True))
        return scores, labels, weights

    def as_dict(self, top: int = 5, bins: int = 15) -> dict[str, Any]:
        """Return every metric, as JSON has them; None is what is not defined on this data."""
        scores, labels, weights = self.arrays()
        logs = log_softmax(scores)
        probabilities = np.exp(logs)
        truth = labels[:, None] == np.arange(self.classes)
        own = np.take_along_axis(scores, labels[:, None], 1)
        # Of equal scores the first class goes first, as argmax has it.
        before = np.arange(self.classes) < labels[:, None]
        rank = ((scores > own) | ((scores == own) & before)).sum(axis=1)
        matrix = np.zeros((self.classes, self.classes))
        np.add.at(matrix, (labels, scores.argmax(axis=1)), weights)
        points = reliability(probabilities, labels, weights, bins)
        confusion = matrix.astype(np.int64) if (weights == np.floor(weights)).all() else matrix
        return {
            "accuracy": float(np.average(rank == 0, weights=weights)),
            "top": {
                k: float(np.average(rank < k, weights=weights))
                for k in range(1, min(top, self.classes) + 1)
            },
            "log_loss": float(np.average(-logs[truth], weights=weights)),
            "brier": brier(probabilities, truth, weights, bins),
            **table(matrix),
            **agreement(matrix),
            "roc_auc": [
                roc_auc(p, t, weights) for p, t in zip(probabilities.T, truth.T, strict=True)
            ],
            "average_precision": [
                average_precision(p, t, weights)
                for p, t in zip(probabilities.T, truth.T, strict=True)
            ],
            "calibration_error": sum(
                p["share"] * abs(p["accuracy"] - p["confidence"]) for p in points
            ),
            "reliability": points,
            "confusion": confusion.tolist(),
        }


def reliability(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray, bins: int
) -> list[dict[str, float]]:
    """Return the points of a reliability diagram: bins of equal width (low, high] that have any.

    C. Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    share, sure, hits = (
        np.bincount(index, weights * x, bins) for x in (np.ones(len(labels)), confidence, right)
    )
    return [
        {
            "share": float(share[b] / share.sum()),
            "confidence": float(sure[b] / share[b]),
            "accuracy": float(hits[b] / share[b]),
        }
        for b in np.flatnonzero(share)
    ]


def brier(
    probabilities: np.ndarray, truth: np.ndarray, weights: np.ndarray, bins: int
) -> dict[str, float]:
    """Return the Brier score, summed over classes, and its parts.

    score = reliability - resolution + uncertainty (A. H. Murphy, 1973), exactly so for binned
    probabilities by counting what varies within bins to the resolution (D. B. Stephenson et al.,
    "Two extra components in the Brier score decomposition", 2008).
    """
    total = weights.sum()
    score = float(weights @ ((probabilities - truth) ** 2).sum(axis=1) / total)
    rel = uncertainty = 0.0
    for p, t in zip(probabilities.T, truth.T, strict=True):
        index = np.minimum((p * bins).astype(int), bins - 1)
        w, forecast, event = (
            np.bincount(index, weights * x, bins) for x in (np.ones(len(p)), p, t)
        )
        any_ = w > 0
        rel += float(((forecast - event)[any_] ** 2 / w[any_]).sum() / total)
        base = float(event.sum() / total)
        uncertainty += base * (1 - base)
    resolution = rel + uncertainty - score
    return {
        "score": score,
        "reliability": rel,
        "resolution": resolution,
        "uncertainty": uncertainty,
    }


def table(matrix: np.ndarray) -> dict[str, Any]:
    """Return precision, recall, F1 and support by class, and their macro and weighted means.

    None is what has nothing to be read off. The means are over classes that occur or are
    decided, None counting as 0, as in scikit-learn.
    """
    right, decided, support = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    parts = {
        "precision": (right, decided),
        "recall": (right, support),
        "f1": (2 * right, decided + support),
    }
    columns = {
        name: [float(a / b) if b else None for a, b in zip(*pair, strict=True)]
        for name, pair in parts.items()
    }
    seen = decided + support > 0
    values = {name: np.array([x or 0.0 for x in column]) for name, column in columns.items()}
    return {
        "classes": {**columns, "support": support.tolist()},
        "macro": {name: float(v[seen].mean()) for name, v in values.items()},
        "weighted": {name: float(np.average(v, weights=support)) for name, v in values.items()},
    }


def agreement(matrix: np.ndarray) -> dict[str, float | None]:
    """Return Cohen's kappa (1960) and the Matthews correlation (Gorodkin, 2004).

    None where labels and decisions leave nothing to tell apart.
    """
    n, right = matrix.sum(), np.trace(matrix)
    decided, support = matrix.sum(axis=0), matrix.sum(axis=1)
    chance = decided @ support
    spread = np.sqrt(n * n - decided @ decided) * np.sqrt(n * n - support @ support)
    return {
        "kappa": float((n * right - chance) / (n * n - chance)) if n * n > chance else None,
        "matthews": float((n * right - chance) / spread) if spread else None,
    }


def _steps(
    scores: np.ndarray, truth: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    hits = np.cumsum((weights * truth)[order])[last]
    return hits, np.cumsum((weights * ~truth)[order])[last]


def roc_auc(scores: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float | None:
    """Return the area under the ROC curve; None unless there are examples of both kinds."""
    hits, alarms = _steps(scores, truth, weights)
    if not (hits[-1] and alarms[-1]):
        return None
    middle = (hits + np.append(0, hits[:-1])) / 2
    return float(np.diff(alarms, prepend=0) @ middle / hits[-1] / alarms[-1])


def average_precision(scores: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float | None:
    """Return the sum of precisions weighted by the gain of recall; None without positives."""
    hits, alarms = _steps(scores, truth, weights)
    if not hits[-1]:
        return None
    gain = np.diff(hits, prepend=0)
    some = gain > 0
    return float((gain[some] / hits[-1]) @ (hits[some] / (hits + alarms)[some]))
