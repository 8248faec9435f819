"""The book's loops over batches, in terms of what a backend does with one batch."""

from collections.abc import Callable, Iterable
from typing import Generic, SupportsFloat, TypeVar

import numpy as np

from hardmax.d2l.functional import show_predictions, train_and_draw
from hardmax.evaluation.totals import Meter
from hardmax.plotting.pyplot import on_host

__all__ = ["Batches", "Loops"]

Tensor = TypeVar("Tensor", bound=SupportsFloat)
Updater = TypeVar("Updater")

Batches = Iterable[tuple[Tensor, Tensor]]


class Loops(Generic[Tensor, Updater]):
    """The book's functions that loop over batches (X, y); a backend defines the other methods.

    ``y``: integer labels of shape (examples,), for which ``net(X)`` returns scores of shape
    (examples, classes). An ``updater`` is one of the framework's optimizers, or a function that
    takes the batch size and takes a step on summed losses.
    """

    def evaluate_accuracy(
        self,
        net: Callable[..., Tensor],
        data_iter: Iterable[tuple[Tensor | list[Tensor], Tensor]],
    ) -> float:
        """Return a network's accuracy on a dataset; the inputs of a batch may be a list."""
        meter = Meter()
        for X, y in data_iter:
            meter.add(*self.correct(self.outputs(net, X), y))
        return meter.mean()

    def evaluate_loss(
        self,
        net: Callable[..., Tensor],
        data_iter: Batches[Tensor],
        loss: Callable[[Tensor, Tensor], Tensor],
    ) -> float:
        """Return a network's mean loss on a dataset.

        ``loss`` returns the losses of a batch, float, in the shape of ``net(X)``, to which ``y`` is
        reshaped. In TensorFlow it may be a Keras loss.
        """
        meter = Meter()
        for X, y in data_iter:
            meter.add(*self.summed(self.losses(loss, self.outputs(net, X), y), y))
        return meter.mean()

    def train_epoch_ch3(
        self,
        net: Callable[..., Tensor],
        train_iter: Batches[Tensor],
        loss: Callable[[Tensor, Tensor], Tensor],
        updater: Updater,
    ) -> tuple[float, float]:
        """Train for an epoch, and return the mean loss and the accuracy over its examples.

        ``loss`` returns one loss per example. In TensorFlow it may be a Keras loss, and an
        ``updater`` takes the batch size and the gradients with respect to its ``params``.
        """
        losses, correct = Meter(), Meter()
        for X, y in train_iter:
            y_hat, l = self.step(net, (X, y), loss, updater)
            losses.add(*self.summed(l, y))
            correct.add(*self.correct(y_hat, y))
        return losses.mean(), correct.mean()

    def train_ch3(
        self,
        net: Callable[..., Tensor],
        train_iter: Batches[Tensor],
        test_iter: Batches[Tensor],
        loss: Callable[[Tensor, Tensor], Tensor],
        num_epochs: int,
        updater: Updater,
    ) -> None:
        """Train for ``num_epochs``, and plot the training loss and both accuracies.

        Warns if the result is worse than expected of softmax regression on Fashion-MNIST.
        """
        train_and_draw(
            num_epochs,
            lambda: self.train_epoch_ch3(net, train_iter, loss, updater),
            lambda: self.evaluate_accuracy(net, test_iter),
        )

    def predict_ch3(
        self, net: Callable[..., Tensor], test_iter: Batches[Tensor], n: int = 6
    ) -> None:
        """Show the first ``n`` images of Fashion-MNIST with their true and predicted labels."""
        X, y = next(iter(test_iter))
        predictions = on_host(self.outputs(net, X)).argmax(axis=1)
        show_predictions([np.squeeze(x) for x in on_host(X)], y, predictions, n)

    # What a backend does with one batch

    def outputs(self, net: Callable[..., Tensor], X: Tensor | list[Tensor]) -> Tensor:
        """Return a network's outputs in evaluation mode, without gradients."""
        raise NotImplementedError

    def losses(self, loss: Callable[[Tensor, Tensor], Tensor], y_hat: Tensor, y: Tensor) -> Tensor:
        """Return the losses of outputs, with ``y`` in their shape."""
        raise NotImplementedError

    def summed(self, losses: Tensor, y: Tensor) -> tuple[Tensor, int]:
        """Return the sum of a batch's losses, or of its mean loss, and the number of examples."""
        raise NotImplementedError

    def correct(self, y_hat: Tensor, y: Tensor) -> tuple[Tensor, int]:
        """Return the number of correct predictions and the number of labels."""
        raise NotImplementedError

    def step(
        self,
        net: Callable[..., Tensor],
        batch: tuple[Tensor, Tensor],
        loss: Callable[[Tensor, Tensor], Tensor],
        updater: Updater,
    ) -> tuple[Tensor, Tensor]:
        """Take a training step on a batch; return its outputs and its losses."""
        raise NotImplementedError
