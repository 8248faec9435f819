"""Networks in MXNet's own format, which are not exported."""

from collections.abc import Callable
from pathlib import Path

import numpy as onp
from mxnet import np

from hardmax.errors import ExportError
from hardmax.mxnet.module import Module

__all__ = ["IS_FOLDER", "SUFFIX", "load", "save"]

SUFFIX, IS_FOLDER = ".mxnet", False

REFUSAL = (
    "a run cannot be exported to mxnet; export it to torch, jax or tensorflow, in which a network "
    "that was trained with mxnet gives the same predictions"
)


def save(model: Module, shape: tuple[int, ...], path: Path, metadata: str) -> None:
    """Raise ExportError."""
    raise ExportError(REFUSAL)


def load(path: Path) -> Callable[[np.ndarray], onp.ndarray]:
    """Raise ExportError."""
    raise ExportError(REFUSAL)
