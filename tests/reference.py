"""Networks and training by the formulas, in NumPy and float64: what every framework should give."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hardmax.networks.layers import (
    EPSILON,
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    Pool,
    Residual,
    Sequence,
)

FUNCTIONS = {
    "relu": lambda X: np.maximum(X, 0),
    "sigmoid": lambda X: 1 / (1 + np.exp(-X)),
    "tanh": np.tanh,
}


def scores(network, weights, pictures):
    """Return what a network that is not trained makes of pictures (n, height, width, channels)."""
    return Forward(weights).run(network, np.moveaxis(pictures / 255, -1, 1))


class Forward:
    """A pass through a network; in training, ``seen`` gets the statistics of each batch."""

    def __init__(self, weights, training=False):
        self.weights = {name: value.astype(np.float64) for name, value in weights.items()}
        self.training = training
        self.seen = {}

    def run(self, network, X, prefix=""):
        for position, layer in enumerate(network):
            X = self.layer(layer, X, f"{prefix}{position}.")
        return X

    def layer(self, layer, X, name):
        match layer:
            case Flatten():
                return X.reshape(len(X), -1)
            case Linear():
                return X @ self.weights[f"{name}weight"].T + self.bias(name)
            case Conv(_, kernel, stride, padding, groups):
                weight = self.weights[f"{name}weight"]
                parts = zip(np.split(X, groups, 1), np.split(weight, groups), strict=True)
                axes = ((1, 4, 5), (1, 2, 3))
                found = [
                    np.tensordot(windows(x, kernel, stride, padding), w, axes) for x, w in parts
                ]
                return np.moveaxis(np.concatenate(found, -1) + self.bias(name), -1, 1)
            case BatchNorm():
                return self.normalized(X, name)
            case Pool("max", size, stride, padding):
                return windows(X, size, stride, padding, -np.inf).max((4, 5))
            case Pool("average", size, stride):
                return windows(X, size, stride, 0).mean((4, 5))
            case GlobalPool():
                return X.mean((2, 3))
            case Activation(function):
                return FUNCTIONS[function](X)
            case Dropout():
                assert not self.training, "what Dropout does in training is a matter of chance"
                return X
            case Sequence(layers):
                return self.run(layers, X, name)
            case Residual(body, shortcut):
                other = self.run(shortcut, X, f"{name}shortcut.")
                return self.run(body, X, f"{name}body.") + other
            case Concat(branches):
                ends = [self.run(branch, X, f"{name}{i}.") for i, branch in enumerate(branches)]
                return np.concatenate(ends, 1)
        raise AssertionError(layer)

    def bias(self, name):
        return self.weights.get(f"{name}bias", 0.0)

    def normalized(self, X, name):
        axes = (0, *range(2, X.ndim))
        mean, var = self.weights[f"{name}running_mean"], self.weights[f"{name}running_var"]
        if self.training:
            mean, var = X.mean(axes), X.var(axes)
            self.seen[f"{name}running_mean"], self.seen[f"{name}running_var"] = mean, var
        scale = self.weights[f"{name}weight"] / np.sqrt(var + EPSILON)
        shift = self.weights[f"{name}bias"] - mean * scale
        sides = (1,) * (X.ndim - 2)
        return X * scale.reshape(-1, *sides) + shift.reshape(-1, *sides)


def windows(X, size, stride, padding, border=0.0):
    """Return the windows of pictures (n, channels, height, width), of shape (..., size, size)."""
    sides = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(X, sides, constant_values=border)
    return sliding_window_view(padded, (size, size), (2, 3))[:, :, ::stride, ::stride]


def cross_entropy(scores, labels):
    """Return the mean cross-entropy of scores (n, classes)."""
    shifted = scores - scores.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return -logs[np.arange(len(labels)), labels].mean()


def train_softmax_regression(recipe, weights, pictures, labels, epochs, clip=0.0):
    """Return the weights of a softmax regression after a step of a recipe on all pictures an epoch.

    What the recipe computes is written down in ``hardmax.training.recipes``.
    """
    X = np.moveaxis(pictures / 255, -1, 1).reshape(len(pictures), -1)
    wanted = np.eye(weights["1.weight"].shape[0])[labels]
    held = {name: value.astype(np.float64) for name, value in weights.items()}
    mean = {name: np.zeros(value.shape) for name, value in weights.items()}
    square = {name: np.zeros(value.shape) for name, value in weights.items()}
    for step, rate in enumerate(recipe.rates(1, epochs).astype(np.float64), 1):
        out = X @ held["1.weight"].T + held["1.bias"]
        odds = np.exp(out - out.max(1, keepdims=True))
        error = (odds / odds.sum(1, keepdims=True) - wanted) / len(X)
        grads = {"1.weight": error.T @ X, "1.bias": error.sum(0)}
        norm = np.sqrt(sum((grad**2).sum() for grad in grads.values()))
        for name, grad in grads.items():
            grad = grad * min(1.0, clip / norm) if clip else grad
            decay = recipe.weight_decay if name == "1.weight" else 0.0
            if recipe.optimizer == "sgd":
                mean[name] = recipe.momentum * mean[name] + grad + decay * held[name]
                held[name] = held[name] - rate * mean[name]
                continue
            if recipe.optimizer == "adamw":
                held[name] = (1 - rate * decay) * held[name]
            else:
                grad = grad + decay * held[name]
            mean[name] = 0.9 * mean[name] + 0.1 * grad
            square[name] = 0.999 * square[name] + 0.001 * grad**2
            root = np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8
            held[name] = held[name] - rate * mean[name] / (1 - 0.9**step) / root
    return held
