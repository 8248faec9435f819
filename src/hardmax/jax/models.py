"""The book's models, and the classifier that is built from an architecture."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import optax
from flax import linen as nn
from jax import numpy as jnp
from jax.nn.initializers import Initializer

from hardmax.d2l.blocks import resnext_block
from hardmax.jax import layers, optimizers
from hardmax.jax.engine import TrainState
from hardmax.jax.module import Aux, Classifier, Module
from hardmax.jax.optimizers import SGD
from hardmax.jax.program import Batch
from hardmax.networks import convolutional
from hardmax.networks.initializers import SIGMA
from hardmax.networks.layers import Network
from hardmax.networks.layouts import Portable
from hardmax.networks.shapes import Shape
from hardmax.training.dispatch import step_hook
from hardmax.training.precision import BFLOAT16, FLOAT32, check_precision
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


#: The new values of BatchNorm's statistics.
Statistics = Mapping[str, object]


class LinearRegressionScratch(Module):
    """Linear regression on plain parameters; its loss is half the squared error."""

    num_inputs: int
    lr: float
    sigma: float = 0.01

    def setup(self) -> None:
        """Create the parameters."""
        normal = nn.initializers.normal(self.sigma)
        self.w = self.param("w", normal, (self.num_inputs, 1))
        self.b = self.param("b", nn.initializers.zeros, (1,))

    def forward(self, X: jax.Array) -> jax.Array:
        """Return Xw + b, shape (examples, 1)."""
        return X @ self.w + self.b

    @nn.nowrap
    def loss(
        self, params: optax.Params, X: tuple[jax.Array, ...], y: jax.Array, state: TrainState
    ) -> jax.Array | tuple[jax.Array, Statistics]:
        """Return the mean of half the squared errors; ``X`` is a tuple of inputs."""
        y_hat, updates = self.outputs(params, X, state)
        return _with((((y_hat - y.reshape(y_hat.shape)) ** 2) / 2).mean(), updates)

    @nn.nowrap
    def configure_optimizers(self) -> SGD:
        """Return minibatch SGD."""
        return SGD(self.lr)


class LinearRegression(Module):
    """Linear regression with Flax's layer; its loss is half the squared error, as in Optax."""

    lr: float

    def setup(self) -> None:
        """Create the layer."""
        self.net = nn.Dense(1, kernel_init=nn.initializers.normal(SIGMA))

    @nn.nowrap
    def loss(
        self, params: optax.Params, X: tuple[jax.Array, ...], y: jax.Array, state: TrainState
    ) -> jax.Array | tuple[jax.Array, Statistics]:
        """Return the mean of half the squared errors; ``X`` is a tuple of inputs."""
        y_hat, updates = self.outputs(params, X, state)
        return _with(optax.l2_loss(y_hat, y.reshape(y_hat.shape)).mean(), updates)

    @nn.nowrap
    def get_w_b(self, state: TrainState) -> tuple[jax.Array, jax.Array]:
        """Return the weights, shape (inputs, 1), and the bias, shape (1,), of a state."""
        net = state.params["net"]
        return net["kernel"], net["bias"]


def _with(loss: jax.Array, updates: Statistics) -> jax.Array | tuple[jax.Array, Statistics]:
    """Return a loss, together with BatchNorm's statistics if there are any."""
    return (loss, updates) if updates else loss


class SoftmaxRegressionScratch(Classifier):
    """Softmax regression on plain parameters: W from N(0, sigma**2), b = 0, minibatch SGD.

    It returns scores, and computes the cross-entropy from them, stable even for scores in the
    thousands. ``softmax`` turns them into probabilities.
    """

    num_inputs: int
    num_outputs: int
    lr: float
    sigma: float = 0.01

    def setup(self) -> None:
        """Create the parameters."""
        normal = nn.initializers.normal(self.sigma)
        self.W = self.param("W", normal, (self.num_inputs, self.num_outputs))
        self.b = self.param("b", nn.initializers.zeros, (self.num_outputs,))

    def forward(self, X: jax.Array) -> jax.Array:
        """Return scores of shape (examples, num_outputs); X has ``num_inputs`` features."""
        return X.reshape(-1, self.num_inputs) @ self.W + self.b

    @nn.nowrap
    def configure_optimizers(self) -> SGD:
        """Return minibatch SGD."""
        return SGD(self.lr)


class SoftmaxRegression(Classifier):
    """Softmax regression with Flax's layers."""

    num_outputs: int
    lr: float

    def setup(self) -> None:
        """Create the layers."""
        self.net = nn.Sequential([layers.flatten, nn.Dense(self.num_outputs)])


class LeNet(Classifier):
    """The book's LeNet-5 with Flax's layers; ``kernel_init`` returns the weight initializer."""

    lr: float = 0.1
    num_classes: int = 10
    kernel_init: Callable[[], Initializer] = nn.initializers.xavier_uniform

    def setup(self) -> None:
        """Create the layers."""
        lenet = convolutional.lenet(self.num_classes)
        self.net = layers.build(lenet, training=True, kernel_init=self.kernel_init())


class Residual(nn.Module):
    """ResNet's block: two convolutions with ``num_channels`` channels each, and a shortcut.

    BatchNorm uses its running statistics unless ``training``.
    """

    num_channels: int
    use_1x1conv: bool = False
    strides: tuple[int, int] = (1, 1)
    training: bool = True

    def setup(self) -> None:
        """Create the layers."""
        block = convolutional.residual_block(self.num_channels, self.use_1x1conv, self.strides[0])
        self.net = layers.build((block,), self.training)

    def __call__(self, X: jax.Array) -> jax.Array:
        """Return (examples, height / strides, width / strides, num_channels)."""
        return self.net(X)


class ResNeXtBlock(nn.Module):
    """ResNeXt's block: ``num_channels * bot_mul`` channels in groups of ``groups`` channels.

    BatchNorm uses its running statistics unless ``training``.
    """

    num_channels: int
    groups: int
    bot_mul: float
    use_1x1conv: bool = False
    strides: tuple[int, int] = (1, 1)
    training: bool = True

    def setup(self) -> None:
        """Create the layers."""
        block = resnext_block(
            self.num_channels, self.groups, self.bot_mul, self.use_1x1conv, self.strides[0]
        )
        self.net = layers.build((block,), self.training)

    def __call__(self, X: jax.Array) -> jax.Array:
        """Return (examples, height / strides, width / strides, num_channels)."""
        return self.net(X)


class NetworkClassifier(Portable, Classifier):
    """A classifier built from an architecture, and trained by a recipe.

    ``precision`` is that of the forward and backward passes of training.
    """

    network: Network
    example_shape: Shape
    recipe: Recipe
    precision: str = FLOAT32
    training: bool = True

    def __post_init__(self, *arguments: Any) -> None:
        """Check the precision."""
        check_precision(self.precision, "jax")
        super().__post_init__(*arguments)

    def setup(self) -> None:
        """Create the layers."""
        is_narrow = self.training and self.precision == BFLOAT16
        dtype = jnp.bfloat16 if is_narrow else None
        self.net = layers.build(self.network, self.training, dtype=dtype)

    def forward(self, X: jax.Array) -> jax.Array:
        """Return scores of shape (examples, classes)."""
        scores = super().forward(X)
        return scores.astype(jnp.float32) if scores.dtype == jnp.bfloat16 else scores

    @nn.nowrap
    def configure_optimizers(self) -> optax.GradientTransformation:
        """Return the recipe's optimizer."""
        plan = UpdatePlan.of(self)
        decays = {name: name in plan.decaying for name in plan.factors}
        factors, decaying = (layers.parameter_tree(self, v) for v in (plan.factors, decays))
        return optimizers.make(self.recipe, factors, decaying, plan)

    @step_hook
    @nn.nowrap
    def loss(
        self, params: optax.Params, X: Batch, Y: jax.Array, state: TrainState, averaged: bool = True
    ) -> tuple[jax.Array, Aux]:
        """Return the cross-entropy as ``Classifier`` does, in training with smoothed labels.

        Labels may have weights, with which their losses are multiplied.
        """
        Y_hat, updates = self.outputs(params, X, state)
        smoothing = self.recipe.label_smoothing if self.training else 0.0

        def smoothed(labels: jax.Array, at_once: bool) -> jax.Array:
            losses = self.cross_entropy(Y_hat, labels)
            if smoothing:
                uniform = -jax.nn.log_softmax(Y_hat).mean(axis=-1)
                losses = (1 - smoothing) * losses + smoothing * uniform
            return losses.mean() if at_once else losses

        return weighted(smoothed, Y, LOSS, jnp.mean if averaged else None), updates

    @step_hook
    @nn.nowrap
    def accuracy(
        self, params: optax.Params, X: Batch, Y: jax.Array, state: TrainState, averaged: bool = True
    ) -> jax.Array:
        """Return the accuracy as ``Classifier`` does; labels with weights count with those."""
        accuracy = super().accuracy

        def correct(labels: jax.Array, at_once: bool) -> jax.Array:
            return accuracy(params, X, labels, state, at_once)

        return weighted(correct, Y, CORRECT, jnp.mean if averaged else None)
