"""The book's functional edition: functions that take networks, iterators and updaters."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import nn

from hardmax.d2l.functional import (
    get_dataloader_workers,
    get_fashion_mnist_labels,
    image_size,
    train_and_print,
)
from hardmax.d2l.loops import Loops
from hardmax.evaluation.totals import Collected, Steps
from hardmax.torch.data import FashionMNIST, Loader
from hardmax.torch.engine import fetch
from hardmax.torch.module import evaluating
from hardmax.torch.optimizers import gradient
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
    "init_cnn",
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

Net = Callable[..., torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Batches = Iterable[Sequence[torch.Tensor]]
Inputs = torch.Tensor | list[torch.Tensor]
Updater = torch.optim.Optimizer | Callable[[int], object]

# Models and losses


def linreg(X: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return Xw + b, shape (examples, 1), of X (examples, inputs), w (inputs, 1) and b (1,)."""
    return X @ w + b


def softmax(X: torch.Tensor) -> torch.Tensor:
    """Return the softmax of each row of scores (examples, classes), stable for large scores."""
    return X.log_softmax(dim=1).exp()


def cross_entropy(y_hat: torch.Tensor, y: torch.Tensor, from_logits: bool = False) -> torch.Tensor:
    """Return the negative log-probability of the true class, float of shape (examples,).

    ``y_hat``: probabilities of shape (examples, classes), or scores if ``from_logits``, which is
    exact for large scores; ``y``: integer labels of shape (examples,) or (examples, 1).
    Raises ArgumentError if they are not from 0 to classes - 1.
    """
    check_pair(y_hat, y)
    logs = y_hat.log_softmax(dim=1) if from_logits else y_hat.log()
    return -logs.gather(1, y.long().reshape(-1, 1)).reshape(-1)


def squared_loss(y_hat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return half the squared errors, in the shape of ``y_hat``."""
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


def corr2d(X: torch.Tensor, K: torch.Tensor) -> torch.Tensor:
    """Return the cross-correlation of an image X (H, W) and a kernel K (h, w).

    The result has shape (H - h + 1, W - w + 1).
    """
    windows = X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1)
    return (windows * K).sum((2, 3))


def sgd(params: Iterable[torch.Tensor], lr: float, batch_size: int) -> None:
    """Take a minibatch SGD step on summed losses, and zero the gradients."""
    with torch.no_grad():
        for param in params:
            grad = gradient(param)
            param -= lr * grad / batch_size
            grad.zero_()


# Data


def synthetic_data(
    w: torch.Tensor, b: float, num_examples: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return X of shape (num_examples, len(w)) and y = Xw + b + noise, (num_examples, 1).

    Float32; X is drawn from N(0, 1), the noise from N(0, 0.01**2).
    """
    X = torch.randn(num_examples, len(w))
    y = X @ w.reshape(-1, 1) + b
    return X, y + 0.01 * torch.randn_like(y)


def load_array(
    data_arrays: Sequence[torch.Tensor], batch_size: int, is_train: bool = True
) -> Loader:
    """Return batches of the tensors' examples, shuffled for training.

    All tensors have the same length along their first axis.
    """
    return Loader(data_arrays, batch_size, shuffle=is_train)


def load_data_fashion_mnist(
    batch_size: int, resize: int | tuple[int, int] | None = None
) -> tuple[Loader, Loader]:
    """Return batches of Fashion-MNIST's training set and of its test set.

    Images are float32 (examples, 1, height, width) in [0, 1], labels int64 (examples,). Raises the
    errors of ``FashionMNIST``.
    """
    data = FashionMNIST(batch_size, image_size(resize))
    return data.train_dataloader(), data.val_dataloader()


# Evaluation


def accuracy(y_hat: torch.Tensor, y: torch.Tensor) -> float:
    """Return the number of correct predictions.

    ``y_hat``: scores of shape (examples, classes), or predictions in the shape of ``y``.
    """
    return float(_correct(y_hat, y))


def _correct(y_hat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if y_hat.dim() > 1 and y_hat.shape[1] > 1:
        check_range(label_range(y), y_hat.shape[1])
        y_hat = y_hat.argmax(dim=1)
    check_shape(y_hat.shape, y.shape)
    return (y_hat.reshape(-1) == y.reshape(-1)).sum()


class _Loops(Loops[torch.Tensor, Updater]):
    def outputs(
        self, net: Callable[..., torch.Tensor], X: torch.Tensor | list[torch.Tensor]
    ) -> torch.Tensor:
        with evaluating(net):
            return net(X)

    def losses(self, loss: Loss, y_hat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return loss(y_hat, y.reshape(y_hat.shape))

    def summed(self, losses: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, int]:
        if losses.dim():
            return losses.sum(), losses.numel()
        return losses * y.numel(), y.numel()

    def correct(self, y_hat: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, int]:
        return _correct(y_hat, y), y.numel()

    def step(
        self,
        net: Callable[..., torch.Tensor],
        batch: tuple[torch.Tensor, torch.Tensor],
        loss: Loss,
        updater: Updater,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        X, y = batch
        if isinstance(net, nn.Module):
            net.train()
        y_hat = net(X)
        l = loss(y_hat, y)
        if isinstance(updater, torch.optim.Optimizer):
            updater.zero_grad()
            l.mean().backward()
            updater.step()
        else:
            l.sum().backward()
            updater(X.shape[0])
        return y_hat.detach(), l.detach()


_loops = _Loops()
evaluate_accuracy = _loops.evaluate_accuracy
evaluate_loss = _loops.evaluate_loss
train_epoch_ch3 = _loops.train_epoch_ch3
train_ch3 = _loops.train_ch3
predict_ch3 = _loops.predict_ch3


def evaluate_accuracy_gpu(
    net: Net,
    data_iter: Batches | Iterable[tuple[Inputs, torch.Tensor]],
    device: torch.device | str | None = None,
) -> float:
    """Return ``evaluate_accuracy`` with the batches on ``device``, by default the network's.

    The inputs of a batch may be a list of tensors.
    """
    if device is None and isinstance(net, nn.Module):
        device = next(net.parameters()).device
    return evaluate_accuracy(net, ((_moved(X, device), y.to(device)) for X, y in data_iter))


def _moved(X: Inputs, device: torch.device | str | None) -> Inputs:
    return [x.to(device) for x in X] if isinstance(X, list) else X.to(device)


# Training


def train_ch6(
    net: nn.Module,
    train_iter: Batches,
    test_iter: Batches,
    num_epochs: int,
    lr: float,
    device: torch.device | str,
) -> None:
    """Train a network by SGD with Xavier initialization; plot and print its metrics.

    The loss is the cross-entropy of ``net(X)``, scores of shape (examples, classes).
    """
    net.apply(init_cnn)
    net.to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)

    def train(chunk: Batches) -> Steps:
        net.train()
        collected = Collected(_is_correct, fetch)
        for X, y in chunk:
            X, y = X.to(device), y.to(device)
            y_hat = net(X)
            loss = nn.functional.cross_entropy(y_hat, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            collected.add(loss.detach(), y_hat.detach(), y)
        return collected.steps()

    def test() -> float:
        return evaluate_accuracy_gpu(net, test_iter, device)

    train_and_print(num_epochs, train_iter, train, test, device)


def init_cnn(module: nn.Module) -> None:
    """Initialize a module with Xavier's uniform if it is a Linear or Conv2d layer."""
    if type(module) is nn.Linear or type(module) is nn.Conv2d:
        nn.init.xavier_uniform_(module.weight)


def _is_correct(y_hat: torch.Tensor, y: torch.Tensor, averaged: bool) -> torch.Tensor:
    """Return whether each prediction is correct."""
    return y_hat.argmax(dim=1) == y
