"""What every framework's Module has in common."""

from typing import Any

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.hyperparameters import HyperParameters
from hardmax.plotting.board import ProgressBoard
from hardmax.training.dispatch import step_hook
from hardmax.training.loaders import stretch_bounds
from hardmax.training.trainer import Trainer

__all__ = ["Module"]


class Module(HyperParameters):
    """A model that knows its loss and its optimizer, and plots how it does on its board."""

    plot_train_per_epoch = 2
    plot_valid_per_epoch = 1
    board: ProgressBoard
    lr: float
    trainer: Any = None
    #: Whether the weights are those of an architecture, and go by its portable names.
    is_portable = False

    def loss(self, y_hat: Any, y: Any) -> Any:
        """Return the mean loss of a batch; a subclass says which."""
        raise NotImplementedError(f"{type(self).__name__} must define loss(y_hat, y)")

    def configure_optimizers(self) -> Any:
        """Return the optimizer that trains this model; a subclass says which."""
        raise NotImplementedError(f"{type(self).__name__} must define configure_optimizers()")

    def _count(self, batch: Any) -> None:
        """Tell the trainer of how many examples the next means are, whoever drives the step."""
        if isinstance(self.trainer, Trainer):
            self.trainer.examples = len(batch[-1])

    @step_hook
    def plot(self, key: str, value: Any, train: bool) -> None:
        """Plot the mean ``value`` of a batch on the curve ``train_KEY`` or ``val_KEY``.

        A curve gets ``plot_train_per_epoch`` or ``plot_valid_per_epoch`` points an epoch, each
        the mean over the examples since the last; none where that number is 0. Raises
        ArgumentError where no trainer is fitting the module.
        """
        trainer = self.trainer
        if trainer is None:
            raise ArgumentError("plot() needs a trainer: it is called while Trainer.fit runs")
        label, batch, batches, parts = self._progress(key, train)
        examples = trainer.observe(label, value) if isinstance(trainer, Trainer) else 1
        if parts < 1:
            return
        start, stop = stretch_bounds(batch % batches, batches, parts)
        x = batch / batches if train else trainer.epoch + 1
        self.board.xlabel = "epoch"
        self.board.draw(x, value, label, every_n=stop - start, weight=examples)

    def plot_stretch(self, means: dict[str, np.ndarray], examples: np.ndarray, train: bool) -> None:
        """Plot what ``plot`` would have plotted of a stretch of batches, one point a curve.

        ``means``: by key, the batches' means, float of shape (batches,); ``examples``: how many
        examples each had, int64 of that shape.
        """
        for key, values in means.items():
            label, batch, batches, parts = self._progress(key, train)
            if parts < 1 or not len(values):
                continue
            middle = batch + (len(values) - 1) / 2
            x = middle / batches if train else self.trainer.epoch + 1
            self.board.xlabel = "epoch"
            self.board.draw(x, np.average(values, weights=examples), label)

    def _progress(self, key: str, train: bool) -> tuple[str, int, int, int]:
        """Return a curve's label, the batch it is at, the batches an epoch, its points an epoch."""
        at = self.trainer
        if train:
            label, parts = f"train_{key}", self.plot_train_per_epoch
            return label, at.train_batch_idx, at.num_train_batches, parts
        return f"val_{key}", at.val_batch_idx, at.num_val_batches, self.plot_valid_per_epoch
