"""What is read off the totals and the scores."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.evaluation.totals import Totals

__all__ = [
    "Evaluation",
    "confusion_matrix",
    "frequent_confusions",
    "log_softmax",
    "wilson_interval",
]

Z_95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share of ``correct`` out of ``count``.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927). Raises ArgumentError unless 0 <= correct <= count and count > 0.
    """
    if not 0 <= correct <= count or count == 0:
        raise ArgumentError(
            f"an interval needs 0 <= correct <= count and count > 0, got {correct} of {count}"
        )
    share, z2 = correct / count, Z_95**2
    centre = share + z2 / (2 * count)
    spread = Z_95 * np.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    low, high = (centre - spread) / (1 + z2 / count), (centre + spread) / (1 + z2 / count)
    # Rounding must not push the bound off a share of exactly 0 or 1.
    return float(min(max(low, 0.0), share)), float(max(min(high, 1.0), share))


@dataclass(frozen=True)
class Evaluation:
    """How a model does on some data.

    ``count`` examples, of which ``correct`` are decided rightly (None for a model that makes no
    decisions), the ``accuracy`` with its 95 % Wilson ``interval``, and the mean ``loss``.
    """

    count: int
    correct: int | None
    accuracy: float | None
    interval: tuple[float, float] | None
    loss: float

    @classmethod
    def of(cls, totals: Totals) -> "Evaluation":
        """Read an evaluation off totals; raises ArgumentError where nothing was counted."""
        if totals.loss is None:
            raise ArgumentError("nothing to evaluate: the data has no examples")
        interval = None
        if totals.correct is not None:
            interval = wilson_interval(totals.correct, totals.count)
        return cls(totals.count, totals.correct, totals.accuracy, interval, totals.loss)

    def __str__(self) -> str:
        if self.interval is None:
            return f"loss {self.loss:.4f} on {self.count} examples"
        low, high = self.interval
        return (
            f"accuracy {self.accuracy:.4f} ({self.correct} of {self.count}, 95 % interval "
            f"{low:.4f} to {high:.4f}), loss {self.loss:.4f}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        return asdict(self)


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Return the logarithms of the softmax of each row, float64, the shape of ``scores``.

    ``scores`` has shape (examples, classes); the largest score of a row is taken off first, so
    that nothing overflows however large the scores are.
    """
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def confusion_matrix(
    labels: np.ndarray, decisions: np.ndarray, classes: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Count decisions by true class (rows) and decided class (columns), as scikit-learn does.

    ``labels`` and ``decisions`` are integers 0..classes-1 of shape (examples,). The result has
    shape (classes, classes): int64, or float64 sums of the ``weights``, float (examples,).
    """
    cells = labels.astype(np.int64) * classes + decisions
    return np.bincount(cells, weights, classes**2).reshape(classes, classes)


def frequent_confusions(
    labels: np.ndarray, decisions: np.ndarray, most: int
) -> list[tuple[int, int, int]]:
    """Return up to ``most`` (true class, decided class, how often), the most frequent first.

    ``labels`` and ``decisions`` are integers of shape (examples,). Right decisions are left out.
    """
    wrong = labels != decisions
    pairs, counts = np.unique(
        np.stack([labels[wrong], decisions[wrong]], axis=1), axis=0, return_counts=True
    )
    first = np.argsort(-counts, kind="stable")[:most]
    return [
        (int(true), int(decided), int(count))
        for (true, decided), count in zip(pairs[first], counts[first], strict=True)
    ]
