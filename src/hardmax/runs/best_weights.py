"""What is kept of a training, whenever and however it ends."""

import math
from typing import Any, NamedTuple

import numpy as np

from hardmax.training.callbacks import Callback

__all__ = ["Keeper", "Kept"]


class Kept(NamedTuple):
    """The epochs that are whole, and the weights to keep, which are those after ``epoch``."""

    epochs: list[dict[str, Any]]
    epoch: int
    weights: dict[str, np.ndarray]


class Keeper(Callback):
    """Keeps the weights of the last whole epoch, or of the one with the lowest validation loss."""

    def __init__(self, lowest: bool) -> None:
        self.lowest = lowest
        self.best = math.inf
        self.kept: Kept | None = None

    def on_epoch(self, trainer: Any, record: dict[str, Any]) -> None:
        """Keep what there is now."""
        epochs = [*trainer.history]
        if self.lowest and self.kept is not None and not record["val_loss"] < self.best:
            self.kept = self.kept._replace(epochs=epochs)
            return
        # In one step, so that whenever Ctrl-C comes epochs and weights belong together.
        self.kept = Kept(epochs, record["epoch"], trainer.get_weights(trainer.model))
        self.best = min(self.best, record["val_loss"])
