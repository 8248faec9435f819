"""Reliability of probabilities, and temperature scaling, which calibrates them."""

import numpy as np

from hardmax.errors import DataError
from hardmax.evaluation.metrics import softmax

__all__ = ["BINS", "calibrated", "fit_temperature", "reliability"]

#: The number of probability bins, as in C. Guo et al., ICML 2017.
BINS = 15


def reliability(
    confidence: np.ndarray, correct: np.ndarray, weights: np.ndarray
) -> list[dict[str, float]]:
    """Return the points of a reliability diagram: the nonempty bins (low, high] of equal width.

    ``confidence`` is float (n,), ``correct`` bool (n,), ``weights`` float (n,). C. Guo et al., "On
    calibration of modern neural networks", ICML 2017.
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


def calibrated(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Return scores, float (n, classes), divided by a temperature."""
    # In float64, so that different scores stay different.
    return scores if temperature == 1 else scores.astype(np.float64) / temperature


def fit_temperature(
    scores: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray | None = None,
    smoothing: float = 0.0,
) -> float:
    """Return the temperature T for which ``scores`` / T have the lowest log loss.

    ``scores`` are float (n, classes), ``labels`` integers (n,), ``weights`` float (n,) or None for
    1 each. C. Guo et al., "On calibration of modern neural networks", ICML 2017. ``smoothing`` is
    the share of each label that is given to all classes alike; with a share above 0, examples that
    are all classified correctly have a temperature too. The loss is convex in 1/T; T is found
    between 1e-6 and 1e6 by bisecting its derivative. Raises DataError if the minimum is at either
    end: if all examples are classified correctly, or if the scores are no better than chance.
    """
    scores = scores.astype(np.float64)
    true_scores = np.take_along_axis(scores, labels[:, None], 1)[:, 0]
    true_scores = (1 - smoothing) * true_scores + smoothing * scores.mean(axis=1)

    def slope(log_inverse: float) -> float:
        probabilities = softmax(scores * np.exp(log_inverse))
        slopes = (probabilities * scores).sum(axis=1) - true_scores
        return float(np.average(slopes, weights=weights))

    low, high = np.log(1e-6), np.log(1e6)
    if slope(high) <= 0:
        raise DataError(
            f"cannot fit a temperature: all {len(labels)} examples are classified correctly, for "
            "which no confidence is too high; use more examples"
        )
    if slope(low) >= 0:
        raise DataError(
            "cannot fit a temperature: the scores are no better than chance on the "
            f"{len(labels)} examples; train a better model first"
        )
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return float(np.exp(-(low + high) / 2))
