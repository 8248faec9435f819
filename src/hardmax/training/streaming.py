"""Batches of images that do not fit into memory."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from hardmax.data.datasets import Images
from hardmax.data.mapped import release
from hardmax.training.loaders import Loader, Sliced, TensorLoader

__all__ = ["StreamedLoader"]

Tensor = TypeVar("Tensor", bound=Sliced)


class StreamedLoader(Loader[Tensor, np.ndarray]):
    """Batches of images in a file; each is read and moved to the device when it is needed.

    ``hold`` returns a backend's loader of the given images, as one batch. ``weighted_labels`` are
    those of all images, as ``weights.weighted_labels`` returns them, or None.
    """

    def __init__(
        self,
        images: Images,
        batch_size: int,
        shuffle: bool,
        hold: Callable[[Images], TensorLoader[Tensor]],
        weighted_labels: np.ndarray | None = None,
    ):
        super().__init__(len(images), batch_size, shuffle)
        self.images = images
        self.hold = hold
        self.weighted_labels = weighted_labels
        self.is_weighted = weighted_labels is not None
        self.changes: np.ndarray | None = None
        self.device: Any = None

    @property
    def labels(self) -> np.ndarray:
        """The labels of all examples, integers of shape (count,)."""
        return self.images.labels

    def to(self, device: Any) -> None:
        """Set the device of all further batches."""
        self.device = device

    def draw_seed(self) -> int:
        """Return a seed from the framework's global generator."""
        return self.hold(self.images.take(slice(0, 1))).draw_seed()

    def rows(self, order: np.ndarray) -> np.ndarray:
        """Return the order itself."""
        return order

    def change(self, changes: np.ndarray) -> None:
        """Change the images from now on as ``Augmentation.draw`` says, float32 (count, 12)."""
        self.changes = changes

    def take(self, rows: slice | np.ndarray) -> tuple[Tensor, ...]:
        """Return the batch of the examples ``rows``: a slice, or an int64 array."""
        loader = self.hold(self.images.take(rows))
        if self.weighted_labels is not None:
            loader.weigh(self.weighted_labels[rows])
        release(self.images.images)
        if self.device is not None:
            loader.to(self.device)
        if self.changes is not None:
            loader.augmentation = self.augmentation
            loader.change(self.changes[rows])
        return loader.take(slice(0, loader.count))
