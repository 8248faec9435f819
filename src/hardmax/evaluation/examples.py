"""Results for each example, computed from scores and labels."""

from typing import NamedTuple

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.evaluation.metrics import log_softmax

__all__ = ["ExampleResults", "check_scores", "evaluate_examples"]

#: The number of examples whose probabilities are computed at a time; classes may be many.
BLOCK = 256


def check_scores(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
    """Raise ArgumentError unless scores, labels and weights can be evaluated together."""
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


class ExampleResults(NamedTuple):
    """Results for each example, arrays of shape (n,).

    The ``loss``, the ``rank`` of the true class (from 0), the ``predicted`` class, the log of its
    probability, and the ``squared`` distance of the probabilities from the one-hot label.
    """

    loss: np.ndarray
    rank: np.ndarray
    predicted: np.ndarray
    log_highest: np.ndarray
    squared: np.ndarray


def evaluate_examples(scores: np.ndarray, labels: np.ndarray) -> ExampleResults:
    """Evaluate examples in blocks, so that memory does not grow with their number of classes."""
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
    return ExampleResults(*map(np.concatenate, zip(*parts, strict=True)))
