"""Reference implementation of networks and training, in NumPy and float64."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from hardmax.networks.layers import (
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Ensemble,
    Flatten,
    GlobalPool,
    Linear,
    Normalize,
    Pad,
    ParametricSELU,
    PeriodicEmbedding,
    PiecewiseLinear,
    Pool,
    Residual,
    Resize,
    Scale,
    Sequence,
)
from hardmax.networks.table_layers import SELU_ALPHA, SELU_SCALE

FUNCTIONS = {
    "relu": lambda X: np.maximum(X, 0),
    "relu6": lambda X: np.clip(X, 0, 6),
    "sigmoid": lambda X: 1 / (1 + np.exp(-X)),
    "tanh": np.tanh,
}


def scores(network, weights, images):
    """Return a network's scores of images (n, height, width, channels) in evaluation mode."""
    return Forward(weights).run(network, np.moveaxis(images / 255, -1, 1))


class Forward:
    """A forward pass; in training, ``seen`` collects the batch statistics of BatchNorm."""

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
            case Resize(height, width):
                planes = [resized(plane, height, width) for image in X for plane in image]
                return np.reshape(planes, (*X.shape[:2], height, width))
            case Normalize(mean, std):
                mean, std = (np.reshape(values, (-1, 1, 1)) for values in (mean, std))
                return (X - mean) / std
            case Pad(rows, columns):
                return np.pad(X, ((0, 0), (0, 0), rows, columns))
            case Flatten():
                return X.reshape(len(X), -1)
            case Linear():
                return X @ self.weights[f"{name}weight"].T + self.bias(name)
            case Conv(_, kernel, stride, padding, groups):
                weight = self.weights[f"{name}weight"]
                products = convolved(windows(X, kernel, stride, padding), weight, groups)
                return np.moveaxis(products + self.bias(name), -1, 1)
            case BatchNorm(epsilon, frozen):
                return self.normalized(X, name, epsilon, frozen)
            case Pool("max", size, stride, padding):
                return windows(X, size, stride, padding, -np.inf).max((4, 5))
            case Pool("average", size, stride):
                return windows(X, size, stride, 0).mean((4, 5))
            case GlobalPool():
                return X.mean((2, 3))
            case Activation(function):
                return FUNCTIONS[function](X)
            case Dropout():
                assert not self.training, "Dropout is random in training"
                return X
            case Scale():
                return X * self.weights[f"{name}weight"]
            case PeriodicEmbedding(features=features):
                return self.embedded(X, name, features)
            case PiecewiseLinear(features, lows, highs):
                lows, highs = np.array(lows), np.array(highs)
                bins = np.clip((X[:, features] - lows) / (highs - lows), 0, 1)
                return np.concatenate([X, bins], 1)
            case ParametricSELU():
                a = self.weights[f"{name}weight"]
                return (1 - a) * X + a * selu(X)
            case Sequence(layers):
                return self.run(layers, X, name)
            case Residual(body, shortcut):
                other = self.run(shortcut, X, f"{name}shortcut.")
                return self.run(body, X, f"{name}body.") + other
            case Concat(branches):
                ends = [self.run(branch, X, f"{name}{i}.") for i, branch in enumerate(branches)]
                return np.concatenate(ends, 1)
            case Ensemble(member, count):
                ends = [self.run(member, X, f"{name}{i}.") for i in range(count)]
                return np.log(np.mean([softmax(end) for end in ends], 0))
        raise AssertionError(layer)

    def bias(self, name):
        return self.weights.get(f"{name}bias", 0.0)

    def embedded(self, X, name, features):
        kinds = ("frequency", "phase", "weight", "bias")
        frequency, phase, weight, bias = (self.weights[f"{name}{kind}"] for kind in kinds)
        columns = [X]
        for i, feature in enumerate(range(X.shape[1]) if features is None else features):
            waves = np.cos(2 * np.pi * np.outer(X[:, feature], frequency[i]) + phase[i])
            columns.append(waves @ weight[i].T + bias[i])
        return np.concatenate(columns, 1)

    def normalized(self, X, name, epsilon, frozen):
        axes = (0, *range(2, X.ndim))
        mean, var = self.weights[f"{name}running_mean"], self.weights[f"{name}running_var"]
        if self.training and not frozen:
            mean, var = X.mean(axes), X.var(axes)
            self.seen[f"{name}running_mean"], self.seen[f"{name}running_var"] = mean, var
        scale = self.weights[f"{name}weight"] / np.sqrt(var + epsilon)
        shift = self.weights[f"{name}bias"] - mean * scale
        sides = (1,) * (X.ndim - 2)
        return X * scale.reshape(-1, *sides) + shift.reshape(-1, *sides)


def resized(plane, height, width):
    """Return one channel of an image in another size, as Pillow scales it."""
    image = Image.fromarray(plane.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def windows(X, size, stride, padding, border=0.0):
    """Return all windows of images (n, channels, height, width), of shape (..., size, size)."""
    sides = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(X, sides, constant_values=border)
    return sliding_window_view(padded, (size, size), (2, 3))[:, :, ::stride, ::stride]


def convolved(seen, weight, groups):
    """Return the products of windows and weights, of shape (n, rows, columns, outputs)."""
    n, channels, rows, columns, *kernel = seen.shape
    seen = seen.reshape(n, groups, channels // groups, rows, columns, *kernel)
    seen = seen.transpose(1, 0, 3, 4, 2, 5, 6).reshape(groups, n * rows * columns, -1)
    products = seen @ weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)
    return np.moveaxis(products, 0, 1).reshape(n, rows, columns, -1)


def softmax(scores):
    powers = np.exp(scores)
    return powers / powers.sum(1, keepdims=True)


def selu(X):
    return SELU_SCALE * np.where(X > 0, X, SELU_ALPHA * (np.exp(X) - 1))


def cross_entropy(scores, labels, smoothing=0.0):
    """Return the mean cross-entropy of scores (n, classes), with smoothed labels."""
    shifted = scores - scores.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    classes = scores.shape[1]
    targets = (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes
    return -(targets * logs).sum(1).mean()


def gradients(network, weights, X, labels, smoothing):
    """Return the gradients of the loss of vectors, by central differences."""

    def loss(name, index, step):
        changed = {**weights, name: weights[name].copy()}
        changed[name][index] += step
        return cross_entropy(Forward(changed).run(network, X), labels, smoothing)

    step = 1e-5
    grads = {name: np.zeros(value.shape) for name, value in weights.items()}
    for name, grad in grads.items():
        for index in np.ndindex(grad.shape):
            grad[index] = (loss(name, index, step) - loss(name, index, -step)) / (2 * step)
    return grads


def train_by_adamw_ntk(recipe, network, weights, X, labels, epochs):
    """Return the weights of a network of vectors after one full-batch step per epoch.

    The recipe has the optimizer adamw-ntk; its formulas are in ``hardmax.training.recipes``.
    """
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    mean = {name: np.zeros(value.shape) for name, value in w.items()}
    square = {name: np.zeros(value.shape) for name, value in w.items()}
    for step, rate in enumerate(recipe.rates(1, epochs).astype(np.float64), 1):
        decay = recipe.weight_decay * (1 + np.cos(np.pi * max(0, (2 * step - 1) / epochs - 1))) / 2
        grads = gradients(network, w, X, labels, recipe.label_smoothing)
        for name, grad in grads.items():
            layer, kind = network[int(name.split(".")[0])], name.split(".")[1]
            factor = 0.1
            if isinstance(layer, Scale):
                factor = 6.0
            elif isinstance(layer, Linear) and kind == "weight":
                factor = 1 / np.sqrt(grad.shape[1])
                w[name] = (1 - rate * decay) * w[name]
            mean[name] = 0.9 * mean[name] + 0.1 * grad
            square[name] = 0.95 * square[name] + 0.05 * grad**2
            root = np.sqrt(square[name] / (1 - 0.95**step)) + 1e-8
            w[name] = w[name] - rate * factor * mean[name] / (1 - 0.9**step) / root
    return w


def train_softmax_regression(recipe, weights, images, labels, epochs, clip=0.0):
    """Return the weights of a softmax regression trained with one full-batch step per epoch.

    The recipe's formulas are in ``hardmax.training.recipes``.
    """
    X = np.moveaxis(images / 255, -1, 1).reshape(len(images), -1)
    targets = np.eye(weights["1.weight"].shape[0])[labels]
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    mean = {name: np.zeros(value.shape) for name, value in weights.items()}
    square = {name: np.zeros(value.shape) for name, value in weights.items()}
    for step, rate in enumerate(recipe.rates(1, epochs).astype(np.float64), 1):
        out = X @ w["1.weight"].T + w["1.bias"]
        odds = np.exp(out - out.max(1, keepdims=True))
        error = (odds / odds.sum(1, keepdims=True) - targets) / len(X)
        grads = {"1.weight": error.T @ X, "1.bias": error.sum(0)}
        norm = np.sqrt(sum((grad**2).sum() for grad in grads.values()))
        for name, grad in grads.items():
            grad = grad * min(1.0, clip / norm) if clip else grad
            decay = recipe.weight_decay if name == "1.weight" else 0.0
            if recipe.optimizer == "sgd":
                mean[name] = recipe.momentum * mean[name] + grad + decay * w[name]
                w[name] = w[name] - rate * mean[name]
                continue
            if recipe.optimizer == "adamw":
                w[name] = (1 - rate * decay) * w[name]
            else:
                grad = grad + decay * w[name]
            mean[name] = 0.9 * mean[name] + 0.1 * grad
            square[name] = 0.999 * square[name] + 0.001 * grad**2
            root = np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8
            w[name] = w[name] - rate * mean[name] / (1 - 0.9**step) / root
    return w
