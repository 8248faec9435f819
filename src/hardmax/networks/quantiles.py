"""The piecewise linear encoding of features whose bins have about as many training rows each."""

from collections.abc import Iterable

import numpy as np

from hardmax.networks.layers import PiecewiseLinear

__all__ = ["quantile_bins"]


def quantile_bins(inputs: np.ndarray, features: Iterable[int], bins: int) -> PiecewiseLinear | None:
    """Return a layer with at most so many ``bins`` for each of the ``features``.

    Their bounds are quantiles of the rows ``inputs``, float32 (rows, features). A feature of which
    only one bin is left, as it has two values, has none; so the layer can be None.
    """
    shares = np.linspace(0, 1, bins + 1)
    chosen: list[int] = []
    lows: list[float] = []
    highs: list[float] = []
    for feature in features:
        # Quantiles between two values would add bins that are empty.
        edges = np.unique(np.quantile(inputs[:, feature], shares, method="nearest")).tolist()
        if len(edges) > 2:
            chosen += [feature] * (len(edges) - 1)
            lows += edges[:-1]
            highs += edges[1:]
    return PiecewiseLinear(tuple(chosen), tuple(lows), tuple(highs)) if chosen else None
