"""The weights that a run saves, however its training ends."""

import math
from typing import NamedTuple

import numpy as np

from hardmax.training.callbacks import Callback
from hardmax.training.contracts import EpochRecord, Trainer

__all__ = ["BestWeights", "TrainingState"]


class TrainingState(NamedTuple):
    """The history of the completed epochs, and the weights after ``epoch``."""

    epochs: list[EpochRecord]
    epoch: int
    weights: dict[str, np.ndarray]


class BestWeights(Callback):
    """Saves the weights of the last epoch, or those of the best epoch by a metric.

    ``best_by`` is None, ``loss`` for the lowest validation loss, or ``accuracy`` for the highest
    validation accuracy and, of several such epochs, the lowest validation loss. ``state`` is None
    until the first epoch is complete.
    """

    def __init__(self, best_by: str | None) -> None:
        self.best_by = best_by
        self.lowest = (math.inf, math.inf)
        self.state: TrainingState | None = None

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Save the current weights unless those of an earlier epoch are better."""
        epochs = [*trainer.history]
        loss, accuracy = record["val_loss"], record["val_accuracy"]
        # Both are None without held-out examples, by which then nothing is chosen.
        loss = math.inf if loss is None else loss
        errors = 1 - (accuracy or 0.0) if self.best_by == "accuracy" else 0.0
        is_better = (errors, loss) < self.lowest
        if self.best_by is not None and self.state is not None and not is_better:
            self.state = self.state._replace(epochs=epochs)
            return
        # One assignment, so that epochs and weights stay consistent whenever Ctrl-C arrives.
        weights = trainer.get_weights(trainer.model)
        self.state = TrainingState(epochs, len(epochs), weights)
        self.lowest = min(self.lowest, (errors, loss))
