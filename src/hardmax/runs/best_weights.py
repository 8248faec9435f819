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
    """Saves the weights of the last epoch or, ``by_validation_loss``, those of the best epoch.

    ``state`` is None until the first epoch is complete.
    """

    def __init__(self, by_validation_loss: bool) -> None:
        self.by_validation_loss = by_validation_loss
        self.lowest_loss = math.inf
        self.state: TrainingState | None = None

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Save the current weights unless those of an earlier epoch are better."""
        epochs = [*trainer.history]
        loss = record["val_loss"]
        assert loss is not None  # a run always has a validation or a test set to evaluate on
        is_better = loss < self.lowest_loss
        if self.by_validation_loss and self.state is not None and not is_better:
            self.state = self.state._replace(epochs=epochs)
            return
        # One assignment, so that epochs and weights stay consistent whenever Ctrl-C arrives.
        weights = trainer.get_weights(trainer.model)
        self.state = TrainingState(epochs, len(epochs), weights)
        self.lowest_loss = min(self.lowest_loss, loss)
