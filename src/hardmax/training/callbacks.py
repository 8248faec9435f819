"""What may happen at the few moments when training meets the host."""

import math
import os
from pathlib import Path
from typing import Any

from hardmax.checks import check_whole
from hardmax.errors import ArgumentError
from hardmax.training import checkpoint
from hardmax.training.contracts import Trainer

__all__ = ["Callback", "EarlyStopping", "SaveCheckpoint"]


class Callback:
    """Is told of the host events of a fit; a subclass takes up those that it wants."""

    def on_fit_start(self, trainer: Trainer) -> None:
        """A fit begins."""

    def on_stretch(self, trainer: Trainer) -> None:
        """A stretch of batches has been run by the engine."""

    def on_epoch(self, trainer: Trainer, record: dict[str, Any]) -> None:
        """An epoch is over; ``record`` is its line of the history."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """All epochs are over."""


class EarlyStopping(Callback):
    """Stops training once the validation loss has not fallen for ``patience`` epochs.

    The weights of the best epoch are put back. Raises ArgumentError where there is no
    validation loss to go by.
    """

    def __init__(self, patience: int):
        self.patience = check_whole("patience", patience, 1)

    def on_fit_start(self, trainer: Trainer) -> None:
        """Forget the fit before."""
        self.best_loss = math.inf
        self.best_epoch = 0
        self.weights: dict[str, Any] = {}

    def on_epoch(self, trainer: Trainer, record: dict[str, Any]) -> None:
        """Compare the epoch with the best one."""
        if record["val_loss"] is None:
            raise ArgumentError("early stopping needs validation data that gives a loss")
        if record["val_loss"] < self.best_loss:
            self.best_loss, self.best_epoch = record["val_loss"], record["epoch"]
            self.weights = trainer.get_weights(trainer.model)
        elif record["epoch"] - self.best_epoch >= self.patience:
            trainer.should_stop = True

    def on_fit_end(self, trainer: Trainer) -> None:
        """Put the best weights back."""
        if self.weights:
            trainer.set_weights(trainer.model, self.weights)


class SaveCheckpoint(Callback):
    """Writes the weights to one file after every epoch.

    The header has the ``epoch`` and, for a model that no architecture describes, the ``framework``:
    its weights have native names, and load there alone.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)

    def on_epoch(self, trainer: Trainer, record: dict[str, Any]) -> None:
        """Replace the file by the weights as they are now."""
        header = {"epoch": record["epoch"]}
        if not trainer.model.is_portable:
            header["framework"] = trainer.framework
        checkpoint.save(self.path, trainer.get_weights(trainer.model), header)
