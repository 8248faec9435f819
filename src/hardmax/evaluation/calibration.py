"""One temperature that makes probabilities mean what they say."""

import numpy as np

from hardmax.errors import DataError
from hardmax.evaluation.metrics import log_softmax

__all__ = ["fit_temperature"]


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature by which to divide ``scores`` for the least log loss.

    ``scores`` are float (n, classes), ``labels`` integers (n,). C. Guo et al., "On calibration of
    modern neural networks", ICML 2017. The loss is convex in 1/T, by which its derivative is
    bisected between T = 1e-6 and 1e6. Raises DataError where the loss is least at an end: where
    all examples are decided rightly, or the scores are no better than chance.
    """
    scores = scores.astype(np.float64)
    own = np.take_along_axis(scores, labels[:, None], 1)[:, 0]

    def slope(log_inverse: float) -> float:
        shares = np.exp(log_softmax(scores * np.exp(log_inverse)))
        return float(((shares * scores).sum(axis=1) - own).mean())

    low, high = np.log(1e-6), np.log(1e6)
    if slope(high) <= 0:
        raise DataError(
            f"no temperature can be fitted: all of the {len(labels)} examples are decided rightly, "
            "by which no confidence would be too high; take more of them"
        )
    if slope(low) >= 0:
        raise DataError(
            "no temperature can be fitted: the scores are no better than chance on the "
            f"{len(labels)} examples"
        )
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return float(np.exp(-(low + high) / 2))
