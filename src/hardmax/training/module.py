"""The framework-independent parts of Module."""

from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.hyperparameters import HyperParameters
from hardmax.plotting.board import ProgressBoard
from hardmax.plotting.curves import Point
from hardmax.training.dispatch import step_hook
from hardmax.training.loaders import chunk_bounds
from hardmax.training.trainer import Trainer

__all__ = ["Classifier", "Module"]

Tensor = TypeVar("Tensor", bound=Sized)


class Module(HyperParameters, Generic[Tensor]):
    """Base class of models: defines the loss and the optimizer, and plots the training."""

    plot_train_per_epoch = 2
    plot_valid_per_epoch = 1
    board: ProgressBoard
    lr: float
    trainer: Any = None
    __call__: Callable[..., Any]

    @step_hook
    def training_step(self, batch: Sequence[Tensor]) -> Tensor:
        """Return the mean loss of a batch (inputs..., labels), and plot it."""
        self._count(batch)
        l = self.loss(self(*batch[:-1]), batch[-1])
        self.plot("loss", l, train=True)
        return l

    @step_hook
    def validation_step(self, batch: Sequence[Tensor]) -> None:
        """Plot the mean loss of a batch (inputs..., labels)."""
        self._count(batch)
        self.plot("loss", self.loss(self(*batch[:-1]), batch[-1]), train=False)

    def loss(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of a batch; a subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} must define loss(y_hat, y)")

    def configure_optimizers(self) -> object:
        """Return the optimizer that trains this model; a subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} must define configure_optimizers()")

    def _count(self, batch: Sequence[Tensor]) -> None:
        """Set the trainer's ``examples``, the weight of the batch means that are plotted next."""
        if isinstance(self.trainer, Trainer):
            self.trainer.examples = len(batch[-1])

    @step_hook
    def plot(self, key: str, value: Any, train: bool) -> None:
        """Plot the mean ``value`` of a batch on the curve ``train_KEY`` or ``val_KEY``.

        A curve gets ``plot_train_per_epoch`` or ``plot_valid_per_epoch`` points per epoch, each
        the mean over the examples since the previous one; 0 plots nothing. Raises ArgumentError
        outside of ``Trainer.fit``.
        """
        trainer = self.trainer
        if trainer is None:
            raise ArgumentError("plot() needs a trainer; call it only during Trainer.fit")
        label, batch, batches, parts = self._progress(key, train)
        examples = trainer.observe(label, value) if isinstance(trainer, Trainer) else 1
        if parts < 1:
            return
        start, stop = chunk_bounds(batch % batches, batches, parts)
        x = self.board.epochs + (batch / batches if train else trainer.epoch + 1)
        self.board.xlabel = "epoch"
        self.board.draw(x, value, label, every_n=stop - start, weight=examples)

    def plot_chunk(
        self, means: Mapping[str, np.ndarray], examples: np.ndarray, train: bool
    ) -> None:
        """Plot a chunk of batches as ``plot`` would, one point per curve; it is not shown yet.

        ``means``: for each key the batch means, float of shape (batches,); ``examples``: the batch
        sizes, int64 of the same shape.
        """
        for key, values in means.items():
            label, batch, batches, parts = self._progress(key, train)
            if parts < 1 or not len(values):
                continue
            middle = batch + (len(values) - 1) / 2
            x = self.board.epochs + (middle / batches if train else self.trainer.epoch + 1)
            self.board.xlabel = "epoch"
            self.board.add(label, Point(x, float(np.average(values, weights=examples))))

    def _progress(self, key: str, train: bool) -> tuple[str, int, int, int]:
        """Return a curve's label, its current batch, and its batches and points per epoch."""
        trainer = self.trainer
        if train:
            label, parts = f"train_{key}", self.plot_train_per_epoch
            return label, trainer.train_batch_idx, trainer.num_train_batches, parts
        label, parts = f"val_{key}", self.plot_valid_per_epoch
        return label, trainer.val_batch_idx, trainer.num_val_batches, parts


class Classifier(Module[Tensor]):
    """Base class of models whose outputs are scores, one per class."""

    @step_hook
    def validation_step(self, batch: Sequence[Tensor]) -> None:
        """Plot the mean loss and the accuracy of a batch (inputs..., labels)."""
        self._count(batch)
        Y_hat = self(*batch[:-1])
        self.plot("loss", self.loss(Y_hat, batch[-1]), train=False)
        self.plot("acc", self.accuracy(Y_hat, batch[-1]), train=False)

    def accuracy(self, Y_hat: Tensor, Y: Tensor, averaged: bool = True) -> Tensor:
        """Return the accuracy of scores for labels; each backend defines it."""
        raise NotImplementedError
