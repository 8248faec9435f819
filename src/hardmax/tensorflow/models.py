"""The book's models, and the classifier that is built from an architecture."""

from functools import partial

import numpy as np
import tensorflow as tf

from hardmax.d2l.blocks import resnext_block
from hardmax.networks import convolutional
from hardmax.networks.initializers import SIGMA
from hardmax.networks.layers import Network
from hardmax.networks.layouts import Portable
from hardmax.networks.shapes import Shape
from hardmax.tensorflow import layers, optimizers
from hardmax.tensorflow.module import Classifier, Module
from hardmax.tensorflow.optimizers import SGD
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
    """Linear regression on plain variables; its loss is half the squared error."""

    def __init__(self, num_inputs: int, lr: float, sigma: float = 0.01):
        super().__init__()
        self.save_hyperparameters()
        self.w = tf.Variable(tf.random.normal((num_inputs, 1), stddev=sigma))
        self.b = tf.Variable(tf.zeros(1))

    def forward(self, X: tf.Tensor) -> tf.Tensor:
        """Return Xw + b, shape (examples, 1)."""
        return tf.matmul(X, self.w) + self.b

    def loss(self, y_hat: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Return the mean of half the squared errors."""
        return tf.reduce_mean((y_hat - tf.reshape(y, tf.shape(y_hat))) ** 2 / 2)

    def configure_optimizers(self) -> SGD:
        """Return minibatch SGD."""
        return SGD(self.lr)


class LinearRegression(Module):
    """Linear regression with Keras's layer; its loss is the squared error."""

    def __init__(self, lr: float):
        super().__init__()
        self.save_hyperparameters()
        normal = tf.keras.initializers.RandomNormal(stddev=SIGMA)
        self.net = tf.keras.layers.Dense(1, kernel_initializer=normal)

    def loss(self, y_hat: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Return the mean squared error."""
        return tf.reduce_mean((y_hat - tf.reshape(y, tf.shape(y_hat))) ** 2)

    def get_w_b(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights, shape (inputs, 1), and the bias, shape (1,), as arrays."""
        return self.get_weights()[0], self.get_weights()[1]


class SoftmaxRegressionScratch(Classifier):
    """Softmax regression on plain variables: W from N(0, sigma**2), b = 0, minibatch SGD.

    It returns scores, and computes the cross-entropy from them, stable even for scores in the
    thousands. ``softmax`` turns them into probabilities.
    """

    def __init__(self, num_inputs: int, num_outputs: int, lr: float, sigma: float = 0.01):
        super().__init__()
        self.save_hyperparameters()
        self.W = tf.Variable(tf.random.normal((num_inputs, num_outputs), stddev=sigma))
        self.b = tf.Variable(tf.zeros(num_outputs))

    def forward(self, X: tf.Tensor) -> tf.Tensor:
        """Return scores of shape (examples, num_outputs); X has ``num_inputs`` features."""
        return tf.matmul(tf.reshape(X, (-1, self.W.shape[0])), self.W) + self.b

    def configure_optimizers(self) -> SGD:
        """Return minibatch SGD."""
        return SGD(self.lr)


class SoftmaxRegression(Classifier):
    """Softmax regression with Keras's layers."""

    def __init__(self, num_outputs: int, lr: float):
        super().__init__()
        self.save_hyperparameters()
        self.net = tf.keras.Sequential(
            [tf.keras.layers.Flatten(), tf.keras.layers.Dense(num_outputs)]
        )


class LeNet(Classifier):
    """The book's LeNet-5 with Keras's layers, which are initialized by their first inputs."""

    def __init__(self, lr: float = 0.1, num_classes: int = 10):
        super().__init__()
        self.save_hyperparameters()
        self.net = layers.build(convolutional.lenet(num_classes))


class Residual(tf.keras.Model):
    """ResNet's block: two convolutions with ``num_channels`` channels each, and a shortcut."""

    def __init__(self, num_channels: int, use_1x1conv: bool = False, strides: int = 1):
        super().__init__()
        self.net = layers.build((convolutional.residual_block(num_channels, use_1x1conv, strides),))

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return (examples, height / strides, width / strides, num_channels)."""
        return self.net(X)


class ResNeXtBlock(tf.keras.Model):
    """ResNeXt's block: ``num_channels * bot_mul`` channels in groups of ``groups`` channels."""

    def __init__(
        self,
        num_channels: int,
        groups: int,
        bot_mul: float,
        use_1x1conv: bool = False,
        strides: int = 1,
    ):
        super().__init__()
        block = resnext_block(num_channels, groups, bot_mul, use_1x1conv, strides)
        self.net = layers.build((block,))

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return (examples, height / strides, width / strides, num_channels)."""
        return self.net(X)


class NetworkClassifier(Portable, Classifier):
    """A classifier built from an architecture, and trained by a recipe.

    ``precision`` is that of the forward and backward passes of training.
    """

    recipe: Recipe

    def __init__(
        self,
        network: Network,
        example_shape: Shape,
        recipe: Recipe,
        precision: str = FLOAT32,
    ):
        check_precision(precision, "tensorflow")
        super().__init__()
        self.save_hyperparameters()
        self.net = layers.build(network)
        layers.make_weights(self.net, example_shape)

    def forward(self, X: tf.Tensor) -> tf.Tensor:
        """Return scores of shape (examples, classes)."""
        if self.precision == FLOAT32:
            return super().forward(X)
        layers.set_precision(self.net, self.precision if self.training else FLOAT32)
        return tf.cast(super().forward(X), tf.float32)

    def configure_optimizers(self) -> tf.keras.optimizers.Optimizer:
        """Return the recipe's optimizer."""
        weights = layers.trained_weights(self)
        return optimizers.make(self.recipe, weights, UpdatePlan.of(self))

    @step_hook
    def loss(self, Y_hat: tf.Tensor, Y: tf.Tensor, averaged: bool = True) -> tf.Tensor:
        """Return the cross-entropy as ``Classifier`` does, in training with smoothed labels.

        Labels may have weights, with which their losses are multiplied.
        """
        cross_entropy = partial(super().loss, Y_hat)
        smoothing = self.recipe.label_smoothing if self.training else 0.0

        def smoothed(labels: tf.Tensor, at_once: bool) -> tf.Tensor:
            losses = cross_entropy(labels, at_once)
            if not smoothing:
                return losses
            uniform = -tf.reduce_mean(tf.nn.log_softmax(Y_hat), axis=-1)
            uniform = tf.reduce_mean(uniform) if at_once else uniform
            return (1 - smoothing) * losses + smoothing * uniform

        return weighted(smoothed, Y, LOSS, tf.reduce_mean if averaged else None)

    @step_hook
    def accuracy(self, Y_hat: tf.Tensor, Y: tf.Tensor, averaged: bool = True) -> tf.Tensor:
        """Return the accuracy as ``Classifier`` does; labels with weights count with those."""
        correct = partial(super().accuracy, Y_hat)
        return weighted(correct, Y, CORRECT, tf.reduce_mean if averaged else None)
