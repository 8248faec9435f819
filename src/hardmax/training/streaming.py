"""Batches of pictures that are too many for memory."""

from collections.abc import Callable
from typing import Any

from hardmax.data.datasets import Pictures
from hardmax.data.mapped import release
from hardmax.training.loaders import Loader

__all__ = ["StreamedLoader"]


class StreamedLoader(Loader):
    """Batches of pictures that stay in a file: each is read, and put on the device, when it is due.

    ``hold`` returns a sibling's loader of some pictures, in one batch.
    """

    resident = False

    def __init__(
        self,
        pictures: Pictures,
        batch_size: int,
        shuffle: bool,
        hold: Callable[[Pictures], Any],
    ):
        super().__init__(len(pictures), batch_size, shuffle)
        self.pictures = pictures
        self.hold = hold
        self.device: Any = None

    def to(self, device: Any) -> None:
        """Put batches on a device from now on."""
        self.device = device

    def draw_seed(self) -> int:
        """Return a seed from the framework's own global generator."""
        return self.hold(self.pictures.take(slice(0, 1))).draw_seed()

    def take(self, rows: Any) -> tuple:
        """Return the batch of the examples ``rows``: a slice, or an int64 array."""
        loader = self.hold(self.pictures.take(rows))
        release(self.pictures.images)
        if self.device is not None:
            loader.to(self.device)
        return loader.peek()
