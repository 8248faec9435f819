"""What every framework's Module has in common."""

from typing import Any

from hardmax.batches import stretch_bounds
from hardmax.board import ProgressBoard
from hardmax.errors import ArgumentError
from hardmax.hyperparameters import HyperParameters
from hardmax.roads import step_hook
from hardmax.trainer import Trainer

__all__ = ["Module"]


class Module(HyperParameters):
    """A model that knows its loss and its optimizer, and plots how it does on its board."""

    plot_train_per_epoch = 2
    plot_valid_per_epoch = 1
    board: ProgressBoard
    trainer: Any = None

    def loss(self, y_hat: Any, y: Any) -> Any:
        """Return the mean loss of a batch; a subclass says which."""
        raise NotImplementedError(f"{type(self).__name__} must define loss(y_hat, y)")

    def configure_optimizers(self) -> Any:
        """Return the optimizer that trains this model; a subclass says which."""
        raise NotImplementedError(f"{type(self).__name__} must define configure_optimizers()")

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
        label = ("train_" if train else "val_") + key
        if train:
            batch, batches = trainer.train_batch_idx, trainer.num_train_batches
            parts, x = self.plot_train_per_epoch, batch / batches
        else:
            batch, batches = trainer.val_batch_idx, trainer.num_val_batches
            parts, x = self.plot_valid_per_epoch, trainer.epoch + 1
        examples = trainer.observe(label, value) if isinstance(trainer, Trainer) else 1
        if parts < 1:
            return
        start, stop = stretch_bounds(batch % batches, batches, parts)
        self.board.xlabel = "epoch"
        self.board.draw(x, value, label, every_n=stop - start, weight=examples)
