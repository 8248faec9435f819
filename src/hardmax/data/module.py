"""What every framework's DataModule has in common."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hardmax.data.fashion_mnist import text_labels
from hardmax.hyperparameters import HyperParameters
from hardmax.plots import show_images

__all__ = ["DataModule", "FashionMNISTLabels"]


class DataModule(HyperParameters):
    """Training and validation batches; a subclass defines ``get_dataloader``."""

    root: str
    batch_size: int

    def get_dataloader(self, train: bool) -> Any:
        """Return the batches of the training part, or of the validation part."""
        raise NotImplementedError(f"{type(self).__name__} must define get_dataloader(train)")

    def train_dataloader(self) -> Any:
        """Return the training batches."""
        return self.get_dataloader(train=True)

    def val_dataloader(self) -> Any:
        """Return the validation batches."""
        return self.get_dataloader(train=False)


class FashionMNISTLabels:
    """The names of Fashion-MNIST's classes, and its pictures shown with them."""

    def text_labels(self, indices: Any) -> list[str]:
        """Return the names of the classes of the given numbers."""
        return text_labels(indices)

    def visualize(
        self, batch: Any, nrows: int = 1, ncols: int = 8, labels: Sequence[str] = ()
    ) -> None:
        """Show the pictures of a batch (pictures, labels) in a grid, with their names."""
        X, y = batch
        show_images([np.squeeze(x) for x in X], nrows, ncols, labels or self.text_labels(y))
