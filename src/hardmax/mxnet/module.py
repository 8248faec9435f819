"""The base classes of models: Module and Classifier."""

from collections.abc import Iterator
from typing import Any

import mxnet as mx
from mxnet import autograd, gluon, np
from mxnet.gluon import nn

from hardmax.mxnet.optimizers import SGD
from hardmax.plotting.board import ProgressBoard
from hardmax.training import module
from hardmax.training.dispatch import step_hook

__all__ = ["Classifier", "Module", "nn_Module", "scratch_weights"]

nn_Module = nn.Block

#: Compiled once for all models; without static memory, which the next loss would be written to.
CROSS_ENTROPY = gluon.loss.SoftmaxCrossEntropyLoss()
CROSS_ENTROPY.hybridize()


class Module(module.Module, nn.Block):
    """A network, its loss and its optimizer."""

    net: Any

    def __init__(self, plot_train_per_epoch: int = 2, plot_valid_per_epoch: int = 1):
        super().__init__()
        self.save_hyperparameters()
        self.board = ProgressBoard()

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Return the output of ``self.net``; a subclass without one defines its own."""
        if not hasattr(self, "net"):
            raise NotImplementedError(
                f"{type(self).__name__} must set self.net or define forward(X)"
            )
        return self.net(X)

    @step_hook
    def plot(self, key: str, value: Any, train: bool) -> None:
        """Plot a batch mean without holding on to the graph that it came from."""
        super().plot(key, value.detach() if isinstance(value, np.ndarray) else value, train)

    @step_hook
    def training_step(self, batch: Any) -> np.ndarray:
        """Return the mean loss of a batch (inputs..., labels), and plot it."""
        self._count(batch)
        l = self.loss(self(*batch[:-1]), batch[-1])
        with autograd.pause():
            self.plot("loss", l, train=True)
        return l

    @step_hook
    def validation_step(self, batch: Any) -> None:
        """Plot the mean loss of a batch (inputs..., labels)."""
        self._count(batch)
        self.plot("loss", self.loss(self(*batch[:-1]), batch[-1]), train=False)

    def configure_optimizers(self) -> Any:
        """Return plain SGD with the learning rate ``self.lr``."""
        params = self.parameters()
        if isinstance(params, list):
            return SGD(params, self.lr)
        return gluon.Trainer(params, "sgd", {"learning_rate": self.lr})

    def get_scratch_params(self) -> list[np.ndarray]:
        """Return the bare arrays of the module and of those within it.

        The book attaches gradients to what this returns: it need not have any yet.
        """
        return [array for _, array in scratch_arrays(self)]

    def parameters(self) -> Any:
        """Return Gluon's dict of parameters where there are any, else the trained bare arrays."""
        params = self.collect_params()
        in_gluon = isinstance(params, gluon.parameter.ParameterDict) and len(params.keys())
        return params if in_gluon else [a for a in self.get_scratch_params() if a.grad is not None]

    def set_scratch_params_device(self, device: mx.Context) -> None:
        """Move the bare arrays that are trained to a device."""
        for name, value in [*vars(self).items()]:
            if isinstance(value, np.ndarray) and value.grad is not None and value.ctx != device:
                moved = value.as_in_ctx(device)
                moved.attach_grad()
                setattr(self, name, moved)
        for child in self._children.values():
            if isinstance(child, Module):
                child.set_scratch_params_device(device)

    def to(self, device: mx.Context) -> None:
        """Move all weights to a device."""
        nn.Block.collect_params(self).reset_ctx(device)  # a reader's own may return a list
        self.set_scratch_params_device(device)


def scratch_arrays(model: Any, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, array) of a block's bare arrays, and of those of the blocks within it."""
    for name, value in vars(model).items():
        held = {name: value}
        if isinstance(value, list | tuple):
            held = {f"{name}.{i}": item for i, item in enumerate(value)}
        for path, array in held.items():
            if isinstance(array, np.ndarray):
                yield prefix + path, array
    for name, child in model._children.items():
        yield from scratch_arrays(child, f"{prefix}{name}.")


def scratch_weights(model: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield those of the bare arrays that want a gradient.

    The book's models from scratch keep their weights in these, where Gluon does not see them.
    """
    return (pair for pair in scratch_arrays(model) if pair[1].grad is not None)


class Classifier(Module):
    """A module whose outputs are scores, one a class, of which the highest decides."""

    @step_hook
    def validation_step(self, batch: Any) -> None:
        """Plot the mean loss and the accuracy of a batch (inputs..., labels)."""
        self._count(batch)
        Y_hat = self(*batch[:-1])
        self.plot("loss", self.loss(Y_hat, batch[-1]), train=False)
        self.plot("acc", self.accuracy(Y_hat, batch[-1]), train=False)

    def loss(self, Y_hat: np.ndarray, Y: np.ndarray, averaged: bool = True) -> np.ndarray:
        """Return the cross-entropy of scores (..., classes) for labels (...), from the scores.

        The mean over all labels, or one loss for each of them, float of shape (labels,).
        """
        if Y_hat.ndim != 2:
            Y_hat, Y = Y_hat.reshape(-1, Y_hat.shape[-1]), Y.reshape(-1)
        losses = CROSS_ENTROPY(Y_hat, Y)
        return losses.mean() if averaged else losses

    def accuracy(self, Y_hat: np.ndarray, Y: np.ndarray, averaged: bool = True) -> np.ndarray:
        """Return the share of labels (...) that the scores (..., classes) decide rightly.

        Not ``averaged``: 1 for each label decided rightly and 0 for the others, float32 of
        shape (labels,).
        """
        if Y_hat.ndim != 2:
            Y_hat, Y = Y_hat.reshape(-1, Y_hat.shape[-1]), Y.reshape(-1)
        right = (Y_hat.argmax(axis=1).astype(Y.dtype) == Y).astype("float32")
        return right.mean() if averaged else right

    def layer_summary(self, X_shape: tuple[int, ...]) -> None:
        """Print the output shape of every layer of ``self.net`` for inputs of ``X_shape``.

        Lazy layers are made; apart from that the model stays as it is.
        """
        X = np.zeros(X_shape)
        for layer in self.net:
            X = layer(X)
            print(layer.__class__.__name__, "output shape:\t", X.shape)
