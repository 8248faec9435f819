"""The book's functional edition: functions that take networks, iterators and updaters."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import mxnet as mx
from mxnet import autograd, gluon, init, np, npx

from hardmax.d2l.functional import (
    get_dataloader_workers,
    get_fashion_mnist_labels,
    image_size,
    train_and_print,
)
from hardmax.d2l.loops import Loops
from hardmax.evaluation.totals import Collected, Steps
from hardmax.mxnet.data import FashionMNIST, Loader
from hardmax.mxnet.engine import fetch
from hardmax.mxnet.module import CROSS_ENTROPY
from hardmax.training.labels import check_pair, check_range, check_shape, label_range

__all__ = [
    "accuracy",
    "corr2d",
    "cross_entropy",
    "evaluate_accuracy",
    "evaluate_accuracy_gpu",
    "evaluate_loss",
    "get_dataloader_workers",
    "get_fashion_mnist_labels",
    "linreg",
    "load_array",
    "load_data_fashion_mnist",
    "predict_ch3",
    "sgd",
    "softmax",
    "squared_loss",
    "synthetic_data",
    "train_ch3",
    "train_ch6",
    "train_epoch_ch3",
]

Net = Callable[[np.ndarray], np.ndarray]
Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]
Batches = Iterable[Sequence[np.ndarray]]
Updater: TypeAlias = gluon.Trainer | Callable[[int], object]

# Models and losses


def linreg(X: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return Xw + b, shape (examples, 1), of X (examples, inputs), w (inputs, 1) and b (1,)."""
    return np.dot(X, w) + b


def softmax(X: np.ndarray) -> np.ndarray:
    """Return the softmax of each row of scores (examples, classes), stable for large scores."""
    return npx.softmax(X, axis=1)


def cross_entropy(y_hat: np.ndarray, y: np.ndarray, from_logits: bool = False) -> np.ndarray:
    """Return the negative log-probability of the true class, float of shape (examples,).

    ``y_hat``: probabilities of shape (examples, classes), or scores if ``from_logits``, which is
    exact for large scores; ``y``: integer labels of shape (examples,) or (examples, 1).
    Raises ArgumentError if they are not from 0 to classes - 1.
    """
    check_pair(y_hat, y)
    logs = npx.log_softmax(y_hat, axis=1) if from_logits else np.log(y_hat)
    return -npx.pick(logs, y.reshape(-1), axis=1)


def squared_loss(y_hat: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return half the squared errors, in the shape of ``y_hat``."""
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


def corr2d(X: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Return the cross-correlation of an image X (H, W) and a kernel K (h, w).

    The result has shape (H - h + 1, W - w + 1).
    """
    (height, width), (h, w) = X.shape, K.shape
    bottom, right = height - h + 1, width - w + 1
    return sum(K[i, j] * X[i : i + bottom, j : j + right] for i in range(h) for j in range(w))


def sgd(params: Iterable[np.ndarray], lr: float, batch_size: int) -> None:
    """Take a minibatch SGD step on summed losses."""
    for param in params:
        param[:] = param - lr * param.grad / batch_size


# Data


def synthetic_data(w: np.ndarray, b: float, num_examples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return X of shape (num_examples, len(w)) and y = Xw + b + noise, (num_examples, 1).

    Float32; X is drawn from N(0, 1), the noise from N(0, 0.01**2).
    """
    X = np.random.normal(0, 1, (num_examples, len(w)))
    y = np.dot(X, w.reshape(-1, 1)) + b
    return X, y + np.random.normal(0, 0.01, y.shape)


def load_array(data_arrays: Sequence[np.ndarray], batch_size: int, is_train: bool = True) -> Loader:
    """Return batches of the arrays' examples, shuffled for training.

    All arrays have the same length along their first axis.
    """
    return Loader(data_arrays, batch_size, shuffle=is_train)


def load_data_fashion_mnist(
    batch_size: int, resize: int | tuple[int, int] | None = None
) -> tuple[Loader, Loader]:
    """Return batches of Fashion-MNIST's training set and of its test set.

    Images are float32 (examples, 1, height, width) in [0, 1], labels int32 (examples,). Raises the
    errors of ``FashionMNIST``.
    """
    data = FashionMNIST(batch_size, image_size(resize))
    return data.train_dataloader(), data.val_dataloader()


# Evaluation


def accuracy(y_hat: np.ndarray, y: np.ndarray) -> float:
    """Return the number of correct predictions.

    ``y_hat``: scores of shape (examples, classes), or predictions in the shape of ``y``.
    """
    return float(_correct(y_hat, y))


def _correct(y_hat: np.ndarray, y: np.ndarray) -> np.ndarray:
    if y_hat.ndim > 1 and y_hat.shape[1] > 1:
        check_range(label_range(y), y_hat.shape[1])
        y_hat = y_hat.argmax(axis=1)
    check_shape(y_hat.shape, y.shape)
    same = y_hat.reshape(-1).astype("float64") == y.reshape(-1).astype("float64")
    # A sum of bytes would overflow, and float32 counts to 2**24.
    return same.astype("int32").sum()


class _Loops(Loops[np.ndarray, Updater]):
    def outputs(
        self, net: Callable[..., np.ndarray], X: np.ndarray | list[np.ndarray]
    ) -> np.ndarray:
        return net(X)

    def losses(self, loss: Loss, y_hat: np.ndarray, y: np.ndarray) -> np.ndarray:
        return loss(y_hat, y.reshape(y_hat.shape))

    def summed(self, losses: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, int]:
        if losses.ndim:
            return losses.sum(), losses.size
        return losses * y.size, y.size

    def correct(self, y_hat: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, int]:
        return _correct(y_hat, y), y.size

    def step(
        self,
        net: Callable[..., np.ndarray],
        batch: tuple[np.ndarray, np.ndarray],
        loss: Loss,
        updater: Updater,
    ) -> tuple[np.ndarray, np.ndarray]:
        X, y = batch
        with autograd.record():
            y_hat = net(X)
            l = loss(y_hat, y)
        l.backward()
        step = updater.step if isinstance(updater, gluon.Trainer) else updater
        step(X.shape[0])
        return y_hat, l


_loops = _Loops()
evaluate_accuracy = _loops.evaluate_accuracy
evaluate_loss = _loops.evaluate_loss
train_epoch_ch3 = _loops.train_epoch_ch3
train_ch3 = _loops.train_ch3
predict_ch3 = _loops.predict_ch3


def evaluate_accuracy_gpu(
    net: gluon.Block, data_iter: Batches, device: mx.Context | None = None
) -> float:
    """Return ``evaluate_accuracy`` with the batches on ``device``, by default the network's."""
    if device is None:
        device = next(iter(net.collect_params().values())).list_ctx()[0]
    moved = ((X.as_in_ctx(device), y.as_in_ctx(device)) for X, y in data_iter)
    return evaluate_accuracy(net, moved)


# Training


def train_ch6(
    net: gluon.Block,
    train_iter: Batches,
    test_iter: Batches,
    num_epochs: int,
    lr: float,
    device: mx.Context,
) -> None:
    """Train a network by SGD with Xavier initialization; plot and print its metrics.

    The loss is the cross-entropy of ``net(X)``, scores of shape (examples, classes).
    """
    net.initialize(init.Xavier(), ctx=device, force_reinit=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": lr})

    def train(chunk: Batches) -> Steps:
        collected = Collected(_is_correct, fetch)
        for X, y in chunk:
            X, y = X.as_in_ctx(device), y.as_in_ctx(device)
            with autograd.record():
                y_hat = net(X)
                loss = CROSS_ENTROPY(y_hat, y).mean()
            loss.backward()
            trainer.step(1)
            collected.add(loss.detach(), y_hat, y)
        return collected.steps()

    def test() -> float:
        return evaluate_accuracy_gpu(net, test_iter, device)

    train_and_print(num_epochs, train_iter, train, test, device)


def _is_correct(y_hat: np.ndarray, y: np.ndarray, averaged: bool) -> np.ndarray:
    """Return whether each prediction is correct."""
    return (y_hat.argmax(axis=1) == y.astype("int64")).astype("int32")
