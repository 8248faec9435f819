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

__all__ = ["CORRECT", "LOSS", "labels_of", "loss_weights", "weighted", "weighted_labels"]

#: The place of a weight behind its label: that of the loss, or of the predictions that are correct.
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


def weighted_labels(
    examples: Examples | None, losses: np.ndarray | None, *, always: bool = False
) -> np.ndarray | None:
    """Return labels with two weights each, float32 (n, 1, 3), or None if nothing is weighted.

    ``losses`` are the weights of the losses, float (n,), by default those of the examples, which
    the correct predictions count with. With ``always``, labels get weights of 1 if they have none.
    Class numbers up to 2**24 are exact in float32.
    """
    if examples is None or (examples.weights is None and losses is None and not always):
        return None
    counted = loss_weights(examples)
    counted = np.ones(len(examples)) if counted is None else counted
    columns = (examples.labels, counted if losses is None else losses, counted)
    return np.stack(columns, axis=-1)[:, np.newaxis].astype(np.float32)


def labels_of(Y: Any) -> Any:
    """Return the labels (n,) in labels with weights, which ``weighted_labels`` returned."""
    return Y[:, 0, 0]


def weighted(
    values: Callable[[Any, bool], Any], Y: Any, part: int, mean: Callable[[Any], Any] | None
) -> Any:
    """Return the values of examples, (n,), times the weights of their labels, if they have any.

    ``values`` is a function of labels (n,) and of whether to return the mean alone. ``Y``, an array
    of any framework, are labels, or labels with weights (n, k, 3), as those of no classifier have
    three axes: k labels for each example, whose products are added. ``part`` is LOSS or CORRECT.
    With the framework's function ``mean``, return the mean.
    """
    if len(Y.shape) != 3:
        return values(Y, mean is not None)
    products = [values(Y[:, at, 0], False) * Y[:, at, part] for at in range(Y.shape[1])]
    total = sum(products[1:], start=products[0])
    return total if mean is None else mean(total)
