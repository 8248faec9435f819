"""What the headers of images and of their labels declare, checked before any data is read."""

from typing import Protocol

import numpy as np

from hardmax.data.images.opening import check_pixels
from hardmax.errors import DataError

__all__ = ["check_declared"]


class Declared(Protocol):
    """An array of which only the header was read."""

    @property
    def dtype(self) -> np.dtype:
        """The type of its elements."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""


def check_declared(where: str, images: Declared, labels: Declared, *, kinds: str) -> None:
    """Raise DataError unless two arrays can be images and their labels, (examples,).

    ``kinds`` are the kinds of NumPy's types that the pixels may have; ``where`` starts the message.
    """
    if images.dtype.kind not in kinds or len(images.shape) not in (3, 4):
        raise DataError(
            f"{where}: images must be uint8 of shape (examples, height, width) or (examples, "
            f"height, width, channels), got {images.dtype.name} of shape {images.shape}"
        )
    if images.shape[0] != labels.shape[0]:
        raise DataError(
            f"{where}: images and labels must have the same length, got {images.shape[0]} images "
            f"and {labels.shape[0]} labels"
        )
    check_pixels(where, images.shape[1], images.shape[2])
