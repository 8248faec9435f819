"""Bilinear interpolation as a matrix product, the same in every framework."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["interpolation"]


@lru_cache(maxsize=64)
def interpolation(source: int, target: int) -> "np.ndarray":
    """Return the matrix, float32 (target, source), that scales an axis of ``source`` pixels.

    Each new pixel is a weighted mean of the old ones, whose weights fall linearly with the distance
    of the centers: to 0 at one pixel or, where there are fewer new pixels, at as many as one of
    them covers. So does Pillow's ``Resampling.BILINEAR``.
    """
    import numpy as np

    scale = source / target
    centers = (np.arange(target)[:, None] + 0.5) * scale
    distances = np.abs(np.arange(source) + 0.5 - centers) / max(scale, 1)
    weights = np.maximum(1 - distances, 0)
    matrix: np.ndarray = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    matrix.flags.writeable = False  # because it is cached
    return matrix
