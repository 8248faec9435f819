"""Callbacks: hooks that run on the host during a fit."""

import logging
import math
import os
from pathlib import Path

import numpy as np

from hardmax.checks import check_whole
from hardmax.errors import ArgumentError
from hardmax.networks.layouts import Portable
from hardmax.plotting.curves import in_words
from hardmax.training import checkpoint
from hardmax.training.contracts import EpochRecord, Trainer
from hardmax.training.states import State

__all__ = ["Callback", "EarlyStopping", "EpochLog", "SaveCheckpoint"]

log = logging.getLogger(__name__)

#: How the durations of an epoch are logged.
SECONDS = {"seconds": "%.2f seconds", "compile_seconds": "%.2f seconds to compile"}


class Callback:
    """Base class of callbacks; a subclass overrides the methods that it needs."""

    def on_fit_start(self, trainer: Trainer) -> None:
        """Called at the start of a fit."""

    def on_chunk(self, trainer: Trainer) -> None:
        """Called after each chunk of batches that the engine has run."""

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Called after each epoch; ``record`` is its entry in the history."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """Called after the last epoch."""

    def state_dict(self) -> State:
        """Return what the callback needs when a fit is resumed: JSON values and NumPy arrays."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Set what ``state_dict`` returned, after ``on_fit_start`` of a fit that is resumed."""


class EpochLog(Callback):
    """Logs a line for each epoch at INFO: its means and its seconds."""

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Log the epoch."""
        if not log.isEnabledFor(logging.INFO):
            return
        means = {
            in_words(name): value
            for name, value in record.items()
            if value is not None and name not in ("epoch", *SECONDS)
        }
        # What a step plotted of its own; the loss and the accuracy are in the record as well.
        for label, meter in trainer.meters.items():
            means.setdefault(in_words(label), meter.mean())
        figures = [f"{name} {value:.4f}" for name, value in means.items()]
        figures += [words % record[name] for name, words in SECONDS.items() if record[name]]
        log.info("epoch %d/%d: %s", record["epoch"], trainer.max_epochs, ", ".join(figures))


class EarlyStopping(Callback):
    """Stops training once the validation loss has not improved for ``patience`` epochs.

    Restores the weights of the best epoch. Raises ArgumentError if there is no validation loss.
    """

    def __init__(self, patience: int):
        self.patience = check_whole("patience", patience, 1)

    def on_fit_start(self, trainer: Trainer) -> None:
        """Reset the state of the previous fit."""
        self.best_loss = math.inf
        self.best_epoch = -1
        self.weights: dict[str, np.ndarray] = {}

    def state_dict(self) -> State:
        """Return the best epoch, its loss and its weights."""
        return {name: getattr(self, name) for name in ("best_loss", "best_epoch", "weights")}

    def load_state_dict(self, state: State) -> None:
        """Set the best epoch, its loss and its weights."""
        for name, value in state.items():
            setattr(self, name, value)

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Compare the epoch with the best one."""
        loss = record["val_loss"]
        if loss is None:
            raise ArgumentError(
                "early stopping needs a validation loss, got None; give validation data, or leave "
                "out patience"
            )
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, trainer.epoch
            self.weights = trainer.get_weights(trainer.model)
        elif trainer.epoch - self.best_epoch >= self.patience:
            trainer.should_stop = True

    def on_fit_end(self, trainer: Trainer) -> None:
        """Restore the best weights."""
        if self.weights:
            trainer.set_weights(trainer.model, self.weights)


class SaveCheckpoint(Callback):
    """Saves the weights to a file after every epoch, replacing those of the previous one.

    The header contains the ``epoch`` and, for a custom model, the ``framework``: its weights have
    native names and load only in that framework.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Save the current weights."""
        header: dict[str, object] = {"epoch": record["epoch"]}
        if not isinstance(trainer.model, Portable):
            header["framework"] = trainer.framework
        checkpoint.save(self.path, trainer.get_weights(trainer.model), header)
