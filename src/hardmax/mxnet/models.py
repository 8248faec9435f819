"""The book's models, and the one that is built from an architecture."""

from typing import Any

from mxnet import init, np
from mxnet.gluon import nn

from hardmax.architectures import Network
from hardmax.hyperparameters import HyperParameters
from hardmax.initializers import SIGMA
from hardmax.mxnet import layers
from hardmax.mxnet.module import Classifier, Module

__all__ = [
    "SGD",
    "LinearRegression",
    "LinearRegressionScratch",
    "NetworkClassifier",
    "SoftmaxRegression",
    "SoftmaxRegressionScratch",
]


class SGD(HyperParameters):
    """Minibatch stochastic gradient descent on a list of arrays."""

    params: list[Any]
    lr: float

    def __init__(self, params: list[np.ndarray], lr: float):
        self.save_hyperparameters()

    def step(self, _: int) -> None:
        """Take ``lr`` times its gradient off every array; the argument is Gluon's batch size."""
        for param in self.params:
            param -= self.lr * param.grad


class LinearRegressionScratch(Module):
    """Linear regression on bare arrays; half the squared error is its loss."""

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
    """Linear regression with Gluon's layer; half the squared error is its loss, as in Gluon."""

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
    """Softmax regression on bare arrays: W from N(0, sigma**2), b = 0, minibatch SGD.

    It returns scores, and takes the cross-entropy from them: scores in the thousands do no
    harm. ``softmax`` makes probabilities of them.
    """

    def __init__(self, num_inputs: int, num_outputs: int, lr: float, sigma: float = 0.01):
        super().__init__()
        self.save_hyperparameters()
        self.W = np.random.normal(0, sigma, (num_inputs, num_outputs))
        self.b = np.zeros(num_outputs)
        self.W.attach_grad()
        self.b.attach_grad()

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Return scores of shape (examples, num_outputs); X has ``num_inputs`` an example."""
        return np.dot(X.reshape(-1, self.W.shape[0]), self.W) + self.b


class SoftmaxRegression(Classifier):
    """Softmax regression with Gluon's layers."""

    def __init__(self, num_outputs: int, lr: float):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.HybridSequential()
        self.net.add(nn.Flatten(), nn.Dense(num_outputs))
        self.net.initialize()


class NetworkClassifier(Classifier):
    """The classifier that an architecture describes, trained by SGD.

    ``network`` is for pictures of ``input_shape`` (height, width, channels).
    """

    is_portable = True

    def __init__(self, network: Network, input_shape: tuple[int, int, int], lr: float):
        super().__init__()
        self.save_hyperparameters()
        self.net = layers.build(network, input_shape)
