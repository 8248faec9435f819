"""Schedules: factors by which a setting is multiplied in the course of a training.

Each is a function of the progress, an array of values from 0, the start, to 1, the end.
"""

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["coslog", "flat_cosine", "half_cosine", "one_cycle", "step_progress"]


def step_progress(steps: int) -> np.ndarray:
    """Return the progress in the middle of each step, float64 of shape (steps,)."""
    return (np.arange(steps) + 0.5) / max(steps, 1)


def coslog(progress: ArrayLike, cycles: int = 4) -> np.ndarray:
    """Return factors that go from 0 to 1 and back to 0 in cycles, each twice as long as the last.

    (1 - cos(2 pi log2(1 + (2**cycles - 1) progress))) / 2: D. Holzmueller, L. Grinsztajn and
    I. Steinwart, "Better by default", NeurIPS 2024.
    """
    turns = np.log2(1 + (2**cycles - 1) * np.asarray(progress))
    factors: np.ndarray = (1 - np.cos(2 * np.pi * turns)) / 2
    return factors


def half_cosine(progress: ArrayLike) -> np.ndarray:
    """Return factors that decrease from 1 to 0 along half a cosine."""
    factors: np.ndarray = (1 + np.cos(np.pi * np.asarray(progress))) / 2
    return factors


def flat_cosine(progress: ArrayLike) -> np.ndarray:
    """Return factors of 1 in the first half, which decrease to 0 along half a cosine after it."""
    return half_cosine(np.maximum(2 * np.asarray(progress) - 1, 0))


def one_cycle(progress: ArrayLike, peak: float = 0.25) -> np.ndarray:
    """Return factors that rise linearly from 0 to 1 at ``peak``, then fall to 0 on half a cosine.

    L. N. Smith and N. Topin, "Super-convergence", 2018, with a cosine as in fastai and PyTorch.
    """
    at = np.asarray(progress)
    return np.where(at < peak, at / peak, half_cosine((at - peak) / (1 - peak)))
