"""The base classes of models: Module and Classifier."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import torch
from torch import nn
from torch.nn import functional as F

from hardmax.plotting.board import ProgressBoard
from hardmax.training import module
from hardmax.training.dispatch import step_hook
from hardmax.training.labels import check_batch

__all__ = ["Classifier", "Module", "evaluating", "nn_Module", "scratch_weights"]

nn_Module = nn.Module


class Module(nn.Module, module.Module[torch.Tensor]):
    """A network, its loss and its optimizer."""

    net: Any

    def __init__(self, plot_train_per_epoch: int = 2, plot_valid_per_epoch: int = 1):
        super().__init__()
        self.save_hyperparameters()
        self.board = ProgressBoard()

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the output of ``self.net``; a subclass without ``net`` overrides this."""
        try:
            net = self.net
        except AttributeError:
            raise NotImplementedError(
                f"{type(self).__name__} must set self.net or define forward(X)"
            ) from None
        return net(X)

    @step_hook
    def plot(self, key: str, value: object, train: bool) -> None:
        """Plot a batch mean, detached from its graph."""
        super().plot(key, value.detach() if torch.is_tensor(value) else value, train)

    def configure_optimizers(self) -> object:
        """Return plain SGD with the learning rate ``self.lr``."""
        return torch.optim.SGD(self.parameters(), lr=self.lr)

    def apply_init(
        self, inputs: Sequence[torch.Tensor], init: Callable[[nn.Module], None] | None = None
    ) -> None:
        """Run the network on ``inputs`` to initialize lazy layers, then apply ``init``."""
        self.forward(*inputs)
        if init is not None:
            self.net.apply(init)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        """Apply ``fn``, such as a move to a device, to plain tensors with gradients too."""
        super()._apply(fn, recurse)
        for _, weight in scratch_weights(self):
            weight.data = fn(weight.data)
            if weight.grad is not None:
                weight.grad = fn(weight.grad)
        return self


def scratch_weights(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield (name, tensor) of a module's plain tensors that require gradients.

    The book's models from scratch keep their weights in these, which nn.Module does not track.
    """
    for name, value in vars(model).items():
        tensors = {name: value}
        if isinstance(value, list | tuple):
            tensors = {f"{name}.{i}": item for i, item in enumerate(value)}
        for path, weight in tensors.items():
            if torch.is_tensor(weight) and weight.is_leaf and weight.requires_grad:
                yield path, weight


@contextlib.contextmanager
def evaluating(model: object) -> Iterator[None]:
    """Put a model in evaluation mode without gradients in a block, then restore each layer's mode.

    A plain function has no mode.
    """
    modules = model.modules() if isinstance(model, nn.Module) else ()
    training = {module: module.training for module in modules}
    try:
        for module in training:
            module.training = False
        with torch.no_grad():
            yield
    finally:
        for module, mode in training.items():
            module.training = mode


class Classifier(module.Classifier[torch.Tensor], Module):
    """A module whose outputs are scores, one per class; the highest score is the prediction."""

    @step_hook
    def loss(self, Y_hat: torch.Tensor, Y: torch.Tensor, averaged: bool = True) -> torch.Tensor:
        """Return the cross-entropy of scores (..., classes) for labels (...).

        ``averaged``: the mean over all labels; otherwise one loss per label, float of shape
        (labels,).
        """
        check_batch(self, self.loss, Y_hat, Y)
        Y_hat, Y = _flat(Y_hat, Y)
        return F.cross_entropy(Y_hat, Y.long(), reduction="mean" if averaged else "none")

    @step_hook
    def accuracy(self, Y_hat: torch.Tensor, Y: torch.Tensor, averaged: bool = True) -> torch.Tensor:
        """Return the accuracy of scores (..., classes) for labels (...).

        ``averaged``: the mean over all labels; otherwise 1 for each correct prediction and 0 for
        the others, float32 of shape (labels,).
        """
        check_batch(self, self.accuracy, Y_hat, Y)
        Y_hat, Y = _flat(Y_hat, Y)
        correct = (Y_hat.argmax(dim=1) == Y).float()
        return correct.mean() if averaged else correct

    def layer_summary(self, X_shape: tuple[int, ...]) -> None:
        """Print the output shape of every layer of ``self.net`` for inputs of ``X_shape``.

        Initializes lazy layers; weights, mode and random state are otherwise unchanged.
        """
        with evaluating(self), torch.random.fork_rng(devices=[]):
            weight = next(self.parameters(), torch.zeros(()))
            X = torch.randn(*X_shape).to(weight.device)
            for layer in self.net:
                X = layer(X)
                print(layer.__class__.__name__, "output shape:\t", X.shape)


def _flat(Y_hat: torch.Tensor, Y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scores (labels, classes) and labels (labels,)."""
    if Y_hat.dim() == 2 and Y.dim() == 1:
        return Y_hat, Y
    return Y_hat.reshape(-1, Y_hat.shape[-1]), Y.reshape(-1)
