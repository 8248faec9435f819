"""How far two measurements of the same training are apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.parity.measurement import KINDS, Measurement

__all__ = ["compare", "difference"]


def difference(
    one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]
) -> dict[str, float | str]:
    """Return the largest differences between arrays of the same names and shapes.

    ``absolute`` is the largest of all. ``relative`` is the largest in proportion to the largest
    entry, in either, of the arrays of the same layer (those whose names differ in the last part
    alone): an array that should be 0, as a bias's gradient before BatchNorm is, has no size of its
    own to go by. ``array`` is where that is. Infinite where an entry is no finite number. Raises
    ArgumentError where names or shapes differ.
    """
    if {name: array.shape for name, array in one.items()} != {
        name: array.shape for name, array in other.items()
    }:
        raise ArgumentError("only arrays of the same names and shapes can be compared")
    distances = {name: _distance(one[name], other[name]) for name in one}
    sizes: dict[str, float] = {}
    for name in one:
        largest = max(_largest(one[name]), _largest(other[name]))
        sizes[_layer(name)] = max(sizes.get(_layer(name), 0.0), largest)
    shares = {
        # Nothing differs in a layer of zeros, and what is not finite cannot be divided by.
        name: distance / sizes[_layer(name)] if 0 < distance < np.inf else distance
        for name, distance in distances.items()
    }
    worst = max(shares, key=lambda name: shares[name])
    return {
        "absolute": max(distances.values()),
        "relative": shares[worst],
        "array": worst,
    }


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array).max(initial=0.0))


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest difference of two entries, in float64."""
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    return _largest(one.astype(np.float64) - other)


def compare(one: Measurement, other: Measurement) -> dict[str, Any]:
    """Return how far two measurements are apart, as JSON has it.

    Of each kind of arrays their ``difference``; of the losses at the end and of the accuracy how
    far they are apart; and ``same_labels``, how many of ``count`` test pictures are decided alike,
    with the positions of the others in ``other_labels``.
    """
    differences = {kind: difference(one.arrays[kind], other.arrays[kind]) for kind in KINDS}
    labels = [each.arrays["final_scores"]["scores"].argmax(axis=1) for each in (one, other)]
    others = np.flatnonzero(labels[0] != labels[1])
    return {
        "frameworks": [one.framework, other.framework],
        **differences,
        "train_loss": abs(one.epochs[-1]["train_loss"] - other.epochs[-1]["train_loss"]),
        "test_loss": abs(one.test["loss"] - other.test["loss"]),
        "test_accuracy": abs(one.test["accuracy"] - other.test["accuracy"]),
        "same_labels": len(labels[0]) - len(others),
        "count": len(labels[0]),
        "other_labels": others.tolist(),
    }
