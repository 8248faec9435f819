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
from hardmax.training.labels import check_batch

__all__ = ["Classifier", "Module", "nn_Module", "scratch_weights"]

nn_Module = nn.Block

#: Compiled once for all models; without static memory, which the next loss would overwrite.
CROSS_ENTROPY = gluon.loss.SoftmaxCrossEntropyLoss()
CROSS_ENTROPY.hybridize()


class Module(module.Module[np.ndarray], nn.Block):
    """A network, its loss and its optimizer."""

    net: Any

    def __init__(self, plot_train_per_epoch: int = 2, plot_valid_per_epoch: int = 1):
        super().__init__()
        self.save_hyperparameters()
        self.board = ProgressBoard()

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Return the output of ``self.net``; a subclass without ``net`` overrides this."""
        if not hasattr(self, "net"):
            raise NotImplementedError(
                f"{type(self).__name__} must set self.net or define forward(X)"
            )
        return self.net(X)

    @step_hook
    def plot(self, key: str, value: object, train: bool) -> None:
        """Plot a batch mean, detached from its graph."""
        with autograd.pause():
            super().plot(key, value.detach() if isinstance(value, np.ndarray) else value, train)

    def configure_optimizers(self) -> object:
        """Return plain SGD with the learning rate ``self.lr``."""
        params = self.parameters()
        if isinstance(params, list):
            return SGD(params, self.lr)
        return gluon.Trainer(params, "sgd", {"learning_rate": self.lr})

    def get_scratch_params(self) -> list[np.ndarray]:
        """Return the plain arrays of the module and its submodules, with or without gradients.

        The book attaches gradients to what this returns.
        """
        return [array for _, array in scratch_arrays(self)]

    def parameters(self) -> gluon.parameter.ParameterDict | list[np.ndarray]:
        """Return Gluon's dict of parameters if it has any, else the plain arrays with gradients."""
        params = self.collect_params()
        in_gluon = isinstance(params, gluon.parameter.ParameterDict) and len(params.keys())
        return params if in_gluon else [a for a in self.get_scratch_params() if a.grad is not None]

    def set_scratch_params_device(self, device: mx.Context) -> None:
        """Move the plain arrays with gradients to a device."""
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
        nn.Block.collect_params(self).reset_ctx(device)  # an override may return a list
        self.set_scratch_params_device(device)


def scratch_arrays(model: gluon.Block, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, array) of the plain arrays of a block and its child blocks."""
    for name, value in vars(model).items():
        arrays = {name: value}
        if isinstance(value, list | tuple):
            arrays = {f"{name}.{i}": item for i, item in enumerate(value)}
        for path, array in arrays.items():
            if isinstance(array, np.ndarray):
                yield prefix + path, array
    for name, child in model._children.items():
        yield from scratch_arrays(child, f"{prefix}{name}.")


def scratch_weights(model: gluon.Block) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, array) of a block's plain arrays with gradients.

    The book's models from scratch keep their weights in these, which Gluon does not track.
    """
    return (pair for pair in scratch_arrays(model) if pair[1].grad is not None)


class Classifier(module.Classifier[np.ndarray], Module):
    """A module whose outputs are scores, one per class; the highest score is the prediction."""

    @step_hook
    def loss(self, Y_hat: np.ndarray, Y: np.ndarray, averaged: bool = True) -> np.ndarray:
        """Return the cross-entropy of scores (..., classes) for labels (...).

        ``averaged``: the mean over all labels; otherwise one loss per label, float of shape
        (labels,).
        """
        check_batch(self, self.loss, Y_hat, Y)
        Y_hat, Y = _flat(Y_hat, Y)
        losses = CROSS_ENTROPY(Y_hat, Y)
        return losses.mean() if averaged else losses

    @step_hook
    def accuracy(self, Y_hat: np.ndarray, Y: np.ndarray, averaged: bool = True) -> np.ndarray:
        """Return the accuracy of scores (..., classes) for labels (...).

        ``averaged``: the mean over all labels; otherwise 1 for each correct prediction and 0 for
        the others, float32 of shape (labels,).
        """
        check_batch(self, self.accuracy, Y_hat, Y)
        Y_hat, Y = _flat(Y_hat, Y)
        correct = (Y_hat.argmax(axis=1) == Y.astype("int64")).astype("float32")
        return correct.mean() if averaged else correct

    def layer_summary(self, X_shape: tuple[int, ...]) -> None:
        """Print the output shape of every layer of ``self.net`` for inputs of ``X_shape``.

        Initializes lazy layers; the model is otherwise unchanged.
        """
        X = np.zeros(X_shape)
        for layer in self.net:
            X = layer(X)
            print(layer.__class__.__name__, "output shape:\t", X.shape)


def _flat(Y_hat: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scores (labels, classes) and labels (labels,)."""
    if Y_hat.ndim == 2 and Y.ndim == 1:
        return Y_hat, Y
    return Y_hat.reshape(-1, Y_hat.shape[-1]), Y.reshape(-1)
