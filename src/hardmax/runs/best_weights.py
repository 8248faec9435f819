"""The weights that a run saves, however its training ends."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hardmax.training.callbacks import Callback
from hardmax.training.contracts import EpochRecord, Trainer
from hardmax.training.states import State

__all__ = ["BestWeights", "TrainingState", "best_epoch"]


class TrainingState(NamedTuple):
    """The history of the completed epochs, and the weights after ``epoch``."""

    epochs: list[EpochRecord]
    epoch: int
    weights: dict[str, np.ndarray]

    @property
    def record(self) -> EpochRecord:
        """The record of ``epoch``."""
        return self.epochs[self.epoch - 1]


class BestWeights(Callback):
    """Saves the weights of the last epoch, or those of the best epoch by a metric.

    ``best_by`` is None, ``loss`` for the lowest validation loss, or ``accuracy`` for the highest
    validation accuracy and, of several such epochs, the lowest validation loss. ``state`` is None
    until the first epoch is complete.
    """

    def __init__(self, best_by: str | None) -> None:
        self.best_by = best_by
        self.state: TrainingState | None = None

    def state_dict(self) -> State:
        """Return the history and the weights so far."""
        return {"state": None if self.state is None else self.state._asdict()}

    def load_state_dict(self, state: State) -> None:
        """Set the history and the weights so far."""
        self.state = None if state["state"] is None else TrainingState(**state["state"])

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Save the current weights unless those of an earlier epoch are better."""
        epochs = [*trainer.history]
        if self.state is not None:
            best = best_epoch([self.state.record, record], self.best_by)
            if best is not record:
                self.state = self.state._replace(epochs=epochs)
                return
        # One assignment, so that epochs and weights stay consistent whenever Ctrl-C arrives.
        weights = trainer.get_weights(trainer.model)
        self.state = TrainingState(epochs, len(epochs), weights)


def best_epoch(history: Sequence[EpochRecord], best_by: str | None) -> EpochRecord:
    """Return the record of the epoch whose weights ``BestWeights`` saves."""
    if best_by is None:
        return history[-1]
    return min(history, key=lambda record: _badness(record, best_by))


def _badness(record: EpochRecord, best_by: str | None) -> tuple[float, float]:
    """Return a pair that is lower for a better epoch."""
    loss, accuracy = record["val_loss"], record["val_accuracy"]
    # Both are None without held-out examples, by which then nothing is chosen.
    errors = 1 - (accuracy or 0.0) if best_by == "accuracy" else 0.0
    return errors, math.inf if loss is None or math.isnan(loss) else loss
