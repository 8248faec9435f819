"""The book's models, and the classifier that is built from an architecture."""

from functools import partial

import torch
from torch import nn

from hardmax.d2l.blocks import resnext_block
from hardmax.networks import convolutional
from hardmax.networks.initializers import SIGMA
from hardmax.networks.layers import Network
from hardmax.networks.layouts import Portable
from hardmax.networks.shapes import Shape
from hardmax.torch import layers, optimizers
from hardmax.torch.module import Classifier, Module
from hardmax.torch.optimizers import SGD
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
    """Linear regression on plain tensors; its loss is half the squared error."""

    def __init__(self, num_inputs: int, lr: float, sigma: float = 0.01):
        super().__init__()
        self.save_hyperparameters()
        self.w = torch.normal(0, sigma, (num_inputs, 1), requires_grad=True)
        self.b = torch.zeros(1, requires_grad=True)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return Xw + b, shape (examples, 1)."""
        return X @ self.w + self.b

    def loss(self, y_hat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the mean of half the squared errors."""
        return ((y_hat - y.reshape(y_hat.shape)) ** 2 / 2).mean()

    def configure_optimizers(self) -> SGD:
        """Return minibatch SGD."""
        return SGD([self.w, self.b], self.lr)


class _SmallLinear(nn.LazyLinear):
    """A lazy layer whose initial weights are drawn from N(0, 0.01**2)."""

    def reset_parameters(self) -> None:
        if not self.has_uninitialized_params() and self.in_features:
            nn.init.normal_(self.weight, std=SIGMA)
            nn.init.zeros_(self.bias)


class LinearRegression(Module):
    """Linear regression with PyTorch's layer; its loss is the squared error."""

    def __init__(self, lr: float):
        super().__init__()
        self.save_hyperparameters()
        self.net = _SmallLinear(1)

    def loss(self, y_hat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the mean squared error."""
        return nn.functional.mse_loss(y_hat, y.reshape(y_hat.shape))

    def get_w_b(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the weights, shape (1, inputs), and the bias, shape (1,)."""
        return self.net.weight.data, self.net.bias.data


class SoftmaxRegressionScratch(Classifier):
    """Softmax regression on plain tensors: W from N(0, sigma**2), b = 0, minibatch SGD.

    It returns scores, and computes the cross-entropy from them, stable even for scores in the
    thousands. ``softmax`` turns them into probabilities.
    """

    def __init__(self, num_inputs: int, num_outputs: int, lr: float, sigma: float = 0.01):
        super().__init__()
        self.save_hyperparameters()
        self.W = torch.normal(0, sigma, (num_inputs, num_outputs), requires_grad=True)
        self.b = torch.zeros(num_outputs, requires_grad=True)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return scores of shape (examples, num_outputs); X has ``num_inputs`` features."""
        return X.reshape(-1, self.W.shape[0]) @ self.W + self.b

    def parameters(self, recurse: bool = True) -> list[torch.Tensor]:  # type: ignore[override]
        """Return the two tensors."""
        return [self.W, self.b]

    def configure_optimizers(self) -> SGD:
        """Return minibatch SGD."""
        return SGD(self.parameters(), self.lr)


class SoftmaxRegression(Classifier):
    """Softmax regression with PyTorch's layers."""

    def __init__(self, num_outputs: int, lr: float):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Flatten(), nn.LazyLinear(num_outputs))


class LeNet(Classifier):
    """The book's LeNet-5 with PyTorch's layers, which are initialized by their first inputs."""

    def __init__(self, lr: float = 0.1, num_classes: int = 10):
        super().__init__()
        self.save_hyperparameters()
        self.net = layers.build(convolutional.lenet(num_classes))


class Residual(nn.Module):
    """ResNet's block: two convolutions with ``num_channels`` channels each, and a shortcut."""

    def __init__(self, num_channels: int, use_1x1conv: bool = False, strides: int = 1):
        super().__init__()
        self.net = layers.build((convolutional.residual_block(num_channels, use_1x1conv, strides),))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return (examples, num_channels, height / strides, width / strides)."""
        return self.net(X)


class ResNeXtBlock(nn.Module):
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

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return (examples, num_channels, height / strides, width / strides)."""
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
        check_precision(precision, "torch")
        super().__init__()
        self.save_hyperparameters()
        self.net = layers.build(network)
        layers.make_weights(self.net, example_shape)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return scores of shape (examples, classes)."""
        if not self.training or self.precision == FLOAT32:
            return super().forward(X)
        with torch.autocast(X.device.type, torch.bfloat16):
            return super().forward(X).float()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the recipe's optimizer."""
        weights = layers.trained_weights(self)
        return optimizers.make(self.recipe, weights, UpdatePlan.of(self))

    @step_hook
    def loss(self, Y_hat: torch.Tensor, Y: torch.Tensor, averaged: bool = True) -> torch.Tensor:
        """Return the cross-entropy as ``Classifier`` does, in training with smoothed labels.

        Labels may have weights, with which their losses are multiplied.
        """
        cross_entropy = partial(super().loss, Y_hat)
        smoothing = self.recipe.label_smoothing if self.training else 0.0

        def smoothed(labels: torch.Tensor, at_once: bool) -> torch.Tensor:
            losses = cross_entropy(labels, at_once)
            if not smoothing:
                return losses
            uniform = -nn.functional.log_softmax(Y_hat, dim=-1).mean(dim=-1)
            return torch.lerp(losses, uniform.mean() if at_once else uniform, smoothing)

        return weighted(smoothed, Y, LOSS, torch.mean if averaged else None)

    @step_hook
    def accuracy(self, Y_hat: torch.Tensor, Y: torch.Tensor, averaged: bool = True) -> torch.Tensor:
        """Return the accuracy as ``Classifier`` does; labels with weights count with those."""
        correct = partial(super().accuracy, Y_hat)
        return weighted(correct, Y, CORRECT, torch.mean if averaged else None)
