"""The book's models, and the classifier that is built from an architecture."""

from functools import partial
from typing import Any

from mxnet import autograd, gluon, init, np, npx
from mxnet.gluon import nn

from hardmax.d2l.blocks import resnext_block
from hardmax.mxnet import layers, optimizers
from hardmax.mxnet.module import Classifier, Module
from hardmax.mxnet.optimizers import SGD
from hardmax.networks import convolutional
from hardmax.networks.initializers import SIGMA
from hardmax.networks.layers import Network
from hardmax.networks.layouts import Portable
from hardmax.networks.shapes import Shape
from hardmax.training.dispatch import step_hook
from hardmax.training.precision import FLOAT32, check_precision
from hardmax.training.recipes import Recipe
from hardmax.training.updates import UpdatePlan
from hardmax.training.weights import CORRECT, LOSS, weighted

__all__ = [
    "LeNet",
    "LinearRegression",
    "LinearRegressionScratch",
    "NetworkClassifier",
    "ResNeXtBlock",
    "Residual",
    "SoftmaxRegression",
    "SoftmaxRegressionScratch",
]


class LinearRegressionScratch(Module):
    """Linear regression on plain arrays; its loss is half the squared error."""

    def __init__(self, num_inputs: int, lr: float, sigma: float = 0.01):
        super().__init__()
        self.save_hyperparameters()
        self.w = np.random.normal(0, sigma, (num_inputs, 1))
        self.b = np.zeros(1)
        self.w.attach_grad()
        self.b.attach_grad()

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Return Xw + b, shape (examples, 1)."""
        return np.dot(X, self.w) + self.b

    def loss(self, y_hat: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the mean of half the squared errors."""
        return ((y_hat - y.reshape(y_hat.shape)) ** 2 / 2).mean()

    def configure_optimizers(self) -> SGD:
        """Return minibatch SGD."""
        return SGD([self.w, self.b], self.lr)


class LinearRegression(Module):
    """Linear regression with Gluon's layer; its loss is half the squared error, as in Gluon."""

    def __init__(self, lr: float):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Dense(1)
        self.net.initialize(init.Normal(sigma=SIGMA))

    def loss(self, y_hat: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the mean of half the squared errors."""
        return ((y_hat - y.reshape(y_hat.shape)) ** 2 / 2).mean()

    def get_w_b(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights, shape (1, inputs), and the bias, shape (1,)."""
        return self.net.weight.data(), self.net.bias.data()


class SoftmaxRegressionScratch(Classifier):
    """Softmax regression on plain arrays: W from N(0, sigma**2), b = 0, minibatch SGD.

    It returns scores, and computes the cross-entropy from them, stable even for scores in the
    thousands. ``softmax`` turns them into probabilities.
    """

    def __init__(self, num_inputs: int, num_outputs: int, lr: float, sigma: float = 0.01):
        super().__init__()
        self.save_hyperparameters()
        self.W = np.random.normal(0, sigma, (num_inputs, num_outputs))
        self.b = np.zeros(num_outputs)
        self.W.attach_grad()
        self.b.attach_grad()

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Return scores of shape (examples, num_outputs); X has ``num_inputs`` features."""
        return np.dot(X.reshape(-1, self.W.shape[0]), self.W) + self.b


class SoftmaxRegression(Classifier):
    """Softmax regression with Gluon's layers."""

    def __init__(self, num_outputs: int, lr: float):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.HybridSequential()
        self.net.add(nn.Flatten(), nn.Dense(num_outputs))
        self.net.initialize()


class LeNet(Classifier):
    """The book's LeNet-5 with Gluon's layers, which are initialized by their first inputs."""

    def __init__(self, lr: float = 0.1, num_classes: int = 10):
        super().__init__()
        self.save_hyperparameters()
        self.net = layers.build(convolutional.lenet(num_classes))
        self.net.initialize(init.Xavier())


class Residual(nn.Block):
    """ResNet's block: two convolutions with ``num_channels`` channels each, and a shortcut."""

    def __init__(
        self, num_channels: int, use_1x1conv: bool = False, strides: int = 1, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.net = layers.build((convolutional.residual_block(num_channels, use_1x1conv, strides),))

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Return (examples, num_channels, height / strides, width / strides)."""
        return self.net(X)


class ResNeXtBlock(nn.Block):
    """ResNeXt's block: ``num_channels * bot_mul`` channels in groups of ``groups`` channels."""

    def __init__(
        self,
        num_channels: int,
        groups: int,
        bot_mul: float,
        use_1x1conv: bool = False,
        strides: int = 1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        block = resnext_block(num_channels, groups, bot_mul, use_1x1conv, strides)
        self.net = layers.build((block,))

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Return (examples, num_channels, height / strides, width / strides)."""
        return self.net(X)


class NetworkClassifier(Portable, Classifier):
    """A classifier built from an architecture, and trained by a recipe.

    ``precision`` is that of the forward and backward passes of training,
    which MXNet 1.9.1 computes in float32 only.
    """

    recipe: Recipe

    def __init__(
        self,
        network: Network,
        example_shape: Shape,
        recipe: Recipe,
        precision: str = FLOAT32,
    ):
        check_precision(precision, "mxnet")
        super().__init__()
        self.save_hyperparameters()
        self.net = layers.build(network)
        layers.make_weights(self.net, example_shape)

    def configure_optimizers(self) -> gluon.Trainer:
        """Return the recipe's optimizer."""
        weights = layers.trained_weights(self)
        return optimizers.make(self.recipe, weights, UpdatePlan.of(self))

    @step_hook
    def loss(self, Y_hat: np.ndarray, Y: np.ndarray, averaged: bool = True) -> np.ndarray:
        """Return the cross-entropy as ``Classifier`` does, in training with smoothed labels.

        Labels may have weights, with which their losses are multiplied.
        """
        cross_entropy = partial(super().loss, Y_hat)
        smoothing = self.recipe.label_smoothing if autograd.is_training() else 0.0

        def smoothed(labels: np.ndarray, at_once: bool) -> np.ndarray:
            losses = cross_entropy(labels, at_once)
            if not smoothing:
                return losses
            uniform = -npx.log_softmax(Y_hat, axis=-1).mean(axis=-1)
            uniform = uniform.mean() if at_once else uniform
            return (1 - smoothing) * losses + smoothing * uniform

        return weighted(smoothed, Y, LOSS, np.mean if averaged else None)

    @step_hook
    def accuracy(self, Y_hat: np.ndarray, Y: np.ndarray, averaged: bool = True) -> np.ndarray:
        """Return the accuracy as ``Classifier`` does; labels with weights count with those."""
        correct = partial(super().accuracy, Y_hat)
        return weighted(correct, Y, CORRECT, np.mean if averaged else None)
