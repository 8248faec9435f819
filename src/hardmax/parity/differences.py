"""Differences between two measurements of the same training."""

from collections.abc import Mapping
from typing import TypedDict

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.parity.measurement import Measurement

__all__ = ["Difference", "Differences", "compare", "difference"]


class Difference(TypedDict):
    """The largest differences between arrays of the same names and shapes.

    ``absolute`` is the largest absolute difference. ``relative`` is the largest difference divided
    by the largest absolute value, on either side, in the arrays of the same layer (those whose
    names differ only in the last part): an array that should be 0, such as the gradient of a bias
    before BatchNorm, has no scale of its own. Both are infinite if any value is NaN or infinite.
    ``array`` names the array with the largest relative difference.
    """

    absolute: float
    relative: float
    array: str


class Differences(TypedDict):
    """The differences of two measurements, JSON-compatible.

    A ``Difference`` of each kind of arrays, the absolute differences of the final losses and of
    the accuracy, and ``same_labels``, for how many of ``count`` test images the predictions agree,
    with the positions of the others in ``different_labels``.
    """

    frameworks: list[str]
    initial_scores: Difference
    first_loss: Difference
    gradients: Difference
    weights_after_step: Difference
    weights_after_epoch: Difference
    final_scores: Difference
    train_loss: float
    test_loss: float
    test_accuracy: float
    same_labels: int
    count: int
    different_labels: list[int]


def difference(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> Difference:
    """Return the largest differences between two sets of arrays.

    Raises ArgumentError if names or shapes differ.
    """
    if {name: array.shape for name, array in one.items()} != {
        name: array.shape for name, array in other.items()
    }:
        raise ArgumentError("only arrays of the same names and shapes can be compared")
    gaps = {name: _max_difference(one[name], other[name]) for name in one}
    scales: dict[str, float] = {}
    for name in one:
        largest = max(_max_abs(one[name]), _max_abs(other[name]))
        scales[_layer(name)] = max(scales.get(_layer(name), 0.0), largest)
    relative = {
        # A layer of zeros has no difference to divide, and infinity stays infinity.
        name: gap / scales[_layer(name)] if 0 < gap < np.inf else gap
        for name, gap in gaps.items()
    }
    worst = max(relative, key=lambda name: relative[name])
    return {
        "absolute": max(gaps.values()),
        "relative": relative[worst],
        "array": worst,
    }


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _max_abs(array: np.ndarray) -> float:
    return float(np.abs(array).max(initial=0.0))


def _max_difference(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest absolute difference, computed in float64."""
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    return _max_abs(one.astype(np.float64) - other)


def compare(one: Measurement, other: Measurement) -> Differences:
    """Return the differences of two measurements."""

    def of(kind: str) -> Difference:
        return difference(one.arrays[kind], other.arrays[kind])

    labels = [each.arrays["final_scores"]["scores"].argmax(axis=1) for each in (one, other)]
    different = np.flatnonzero(labels[0] != labels[1])
    return {
        "frameworks": [one.name, other.name],
        "initial_scores": of("initial_scores"),
        "first_loss": of("first_loss"),
        "gradients": of("gradients"),
        "weights_after_step": of("weights_after_step"),
        "weights_after_epoch": of("weights_after_epoch"),
        "final_scores": of("final_scores"),
        "train_loss": abs(one.epochs[-1]["train_loss"] - other.epochs[-1]["train_loss"]),
        "test_loss": abs(one.test["loss"] - other.test["loss"]),
        "test_accuracy": abs(one.test["accuracy"] - other.test["accuracy"]),
        "same_labels": len(labels[0]) - len(different),
        "count": len(labels[0]),
        "different_labels": different.tolist(),
    }
