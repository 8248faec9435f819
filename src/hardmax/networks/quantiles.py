"""The piecewise linear encoding of features whose bins have about as many training rows each."""

from collections.abc import Sequence

import numpy as np

from hardmax.networks.layers import PiecewiseLinear

__all__ = ["quantile_bins"]

#: The least width of a bin, as a share of the range of its feature and at all: the reciprocal of a
#: smaller one would be infinite in float32.
LEAST_SHARE, LEAST_WIDTH = 1e-7, 1e-30


def quantile_bins(
    inputs: np.ndarray, features: Sequence[int] | None, bins: int
) -> PiecewiseLinear | None:
    """Return a layer with at most so many ``bins`` for each of the ``features``, None for all.

    Their bounds are quantiles of the rows ``inputs``, float32 (rows, features), without those that
    are too close to another. A feature of which only one bin is left, as it has two values, has
    none; so the layer can be None.
    """
    shares = np.linspace(0, 1, bins + 1)
    chosen: list[int] = []
    lows: list[float] = []
    highs: list[float] = []
    for feature in range(inputs.shape[1]) if features is None else features:
        edges = _edges(inputs[:, feature], shares)
        if len(edges) > 2:
            chosen += [feature] * (len(edges) - 1)
            lows += edges[:-1]
            highs += edges[1:]
    return PiecewiseLinear(tuple(chosen), tuple(lows), tuple(highs)) if chosen else None


def _edges(values: np.ndarray, shares: np.ndarray) -> list[float]:
    """Return the bounds of the bins of a feature, ascending."""
    # Quantiles between two values would add bins that are empty.
    edges = np.quantile(values.astype(np.float64), shares, method="nearest")
    least = max(LEAST_SHARE * (edges[-1] - edges[0]), LEAST_WIDTH)
    apart: list[float] = edges[np.diff(edges, prepend=-np.inf) >= least].tolist()
    return apart
