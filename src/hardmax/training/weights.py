"""Weights of examples and of classes in training, and how labels carry them to a model.

The loss of a batch is the mean of its examples' losses, each times its weight. The weights are 1 on
average over the training set, so that the learning rate keeps its meaning and no number depends on
which examples are in a batch: an example of weight 2 acts as two copies of it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from hardmax.data.datasets import Examples
from hardmax.errors import ArgumentError

__all__ = ["CORRECT", "LOSS", "loss_weights", "parted", "weighted", "weighted_labels"]

#: What ``parted`` returns the weights of: the loss, or the predictions that are correct.
LOSS, CORRECT = 1, 2


def loss_weights(
    examples: Examples, class_weights: np.ndarray | str | None = None
) -> np.ndarray | None:
    """Return the weights of a training set's losses, float64 (n,), 1 on average.

    They are the products of the weights of the examples and of their classes; None if there are
    neither. ``class_weights`` are float (classes,) or ``balanced``: then all classes have the same
    total weight. Raises ArgumentError if the classes of all examples have weight 0.
    """
    weights = examples.weights
    if class_weights is not None:
        if isinstance(class_weights, str):
            class_weights = _balanced(examples)
        weights = class_weights[examples.labels] * (1.0 if weights is None else weights)
    if weights is None:
        return None
    if not weights.any():
        raise ArgumentError(
            "the classes of all examples have weight 0; give at least one of them a weight above 0"
        )
    relative: np.ndarray = weights / weights.mean()
    return relative


def _balanced(examples: Examples) -> np.ndarray:
    """Return the weights of classes for which all have the same total weight, float64 (classes,).

    n / (classes * count of the class), where examples count with their weights, as in scikit-learn;
    0 for a class without examples.
    """
    counts = np.bincount(examples.labels, examples.weights)
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights


def weighted_labels(examples: Examples | None, losses: np.ndarray | None) -> np.ndarray | None:
    """Return labels with two weights each, float32 (n, 1, 3), or None if nothing is weighted.

    ``losses`` are the weights of the losses, float (n,), by default those of the examples, which
    the correct predictions count with. Class numbers up to 2**24 are exact in float32.
    """
    if examples is None or (examples.weights is None and losses is None):
        return None
    counted = loss_weights(examples)
    counted = np.ones(len(examples)) if counted is None else counted
    columns = (examples.labels, counted if losses is None else losses, counted)
    return np.stack(columns, axis=-1)[:, np.newaxis].astype(np.float32)


def parted(Y: Any, part: int) -> tuple[Any, Any]:
    """Return labels (n,) and one of their weights, float32 (n,), or None if they have no weights.

    ``Y`` is an array of any framework, as ``weighted_labels`` returns it if it has three axes, as
    the labels of no classifier have; ``part`` is LOSS or CORRECT.
    """
    return (Y[:, 0, 0], Y[:, 0, part]) if len(Y.shape) == 3 else (Y, None)


def weighted(values: Any, weights: Any, mean: Callable[[Any], Any] | None) -> Any:
    """Return values of examples times their weights, if they have any; both are (n,).

    They are arrays of any framework; with its function ``mean``, return the mean of the products.
    """
    products = values if weights is None else values * weights
    return products if mean is None else mean(products)
