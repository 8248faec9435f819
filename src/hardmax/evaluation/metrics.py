"""Metrics that are computed from totals or from scores."""

from dataclasses import asdict, dataclass

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.evaluation.totals import Totals
from hardmax.json_values import Json

__all__ = [
    "Evaluation",
    "confusion_matrix",
    "frequent_confusions",
    "log_softmax",
    "softmax",
    "wilson_interval",
]

Z_95 = 1.959963984540054  # the 97.5 % quantile of the standard normal distribution


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of the proportion ``correct`` / ``count``.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927). Raises ArgumentError unless 0 <= correct <= count and count > 0.
    """
    if not 0 <= correct <= count or count == 0:
        raise ArgumentError(
            f"an interval requires 0 <= correct <= count and count > 0, got {correct} of {count}"
        )
    share, z2 = correct / count, Z_95**2
    center = share + z2 / (2 * count)
    spread = Z_95 * np.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    low, high = (center - spread) / (1 + z2 / count), (center + spread) / (1 + z2 / count)
    # For a share of exactly 0 or 1, rounding must not exclude it.
    return float(min(max(low, 0.0), share)), float(max(min(high, 1.0), share))


@dataclass(frozen=True)
class Evaluation:
    """Evaluation of a model on a data set.

    The number of examples, ``count``, and how many are classified ``correct``ly (None for a model
    that makes no predictions), the ``accuracy`` with its 95 % Wilson ``interval``, and the mean
    ``loss``. Of weighted examples, accuracy and loss are weighted means, and there is no interval:
    it holds for counts.
    """

    count: int
    correct: int | None
    accuracy: float | None
    interval: tuple[float, float] | None
    loss: float

    @classmethod
    def of(cls, totals: Totals, weighted: bool = False) -> "Evaluation":
        """Return the evaluation of totals, which are those of ``weighted`` examples or not.

        Raises ArgumentError if they have no examples.
        """
        if totals.loss is None:
            raise ArgumentError("nothing to evaluate: the data has no examples")
        correct, interval = None, None
        if totals.correct is not None and not weighted:
            correct = int(totals.correct)
            interval = wilson_interval(correct, totals.count)
        return cls(totals.count, correct, totals.accuracy, interval, totals.loss)

    def __str__(self) -> str:
        if self.accuracy is None:
            return f"loss {self.loss:.4f} on {self.count} examples"
        if self.interval is None:
            return (
                f"accuracy {self.accuracy:.4f} and loss {self.loss:.4f}, weighted means of "
                f"{self.count} examples"
            )
        low, high = self.interval
        return (
            f"accuracy {self.accuracy:.4f} ({self.correct} of {self.count}, 95 % interval "
            f"{low:.4f} to {high:.4f}), loss {self.loss:.4f}"
        )

    def as_dict(self) -> dict[str, Json]:
        """Return the fields as JSON values."""
        return asdict(self)


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Return the log-softmax of each row, float64, of the same shape as ``scores``.

    ``scores`` has shape (examples, classes). The largest score of each row is subtracted first, so
    that large scores do not overflow.
    """
    shifted: np.ndarray = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return the probabilities of each row of scores, float64; see ``log_softmax``."""
    probabilities: np.ndarray = np.exp(log_softmax(scores))
    return probabilities


def confusion_matrix(
    labels: np.ndarray, predictions: np.ndarray, classes: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Count predictions by true class (rows) and predicted class (columns), as scikit-learn does.

    ``labels`` and ``predictions`` are integers 0..classes-1 of shape (examples,). The result has
    shape (classes, classes): int64, or float64 sums of the ``weights``, float (examples,).
    """
    cells = labels.astype(np.int64) * classes + predictions
    return np.bincount(cells, weights, classes**2).reshape(classes, classes)


def frequent_confusions(
    labels: np.ndarray, predictions: np.ndarray, most: int
) -> list[tuple[int, int, int]]:
    """Return up to ``most`` misclassifications (true, predicted, count), the most frequent first.

    ``labels`` and ``predictions`` are integers of shape (examples,).
    """
    wrong = labels != predictions
    pairs, counts = np.unique(
        np.stack([labels[wrong], predictions[wrong]], axis=1), axis=0, return_counts=True
    )
    first = np.argsort(-counts, kind="stable")[:most]
    return [
        (int(true), int(predicted), int(count))
        for (true, predicted), count in zip(pairs[first], counts[first], strict=True)
    ]
