"""Initial weights from a seed, identical in every framework."""

from collections.abc import Callable
from math import prod, sqrt
from typing import TYPE_CHECKING

from hardmax.checks import check_choice
from hardmax.networks.layers import Network
from hardmax.networks.shapes import Shape, weight_shapes

if TYPE_CHECKING:
    import numpy as np

__all__ = ["INITIALIZERS", "SIGMA", "initial_weights"]

#: The standard deviation of the book's initial weights.
SIGMA = 0.01


def _normal(generator: "np.random.Generator", shape: Shape) -> "np.ndarray":
    return SIGMA * generator.standard_normal(shape)


def _xavier(generator: "np.random.Generator", shape: Shape) -> "np.ndarray":
    pixels = prod(shape[2:])
    limit = sqrt(6 / (shape[0] * pixels + shape[1] * pixels))
    return generator.uniform(-limit, limit, shape)


def _he(generator: "np.random.Generator", shape: Shape) -> "np.ndarray":
    return sqrt(2 / prod(shape[1:])) * generator.standard_normal(shape)


#: The initializers: ``normal`` is the book's N(0, 0.01**2); ``xavier`` uniform with the
#: variance 2 / (inputs + outputs) (X. Glorot and Y. Bengio, AISTATS 2010); ``he`` normal with the
#: variance 2 / inputs (K. He et al., ICCV 2015). Inputs and outputs are a layer's fan-in and
#: fan-out.
INITIALIZERS: "dict[str, Callable[[np.random.Generator, Shape], np.ndarray]]" = {
    "normal": _normal,
    "xavier": _xavier,
    "he": _he,
}

#: Constant initial values: biases and BatchNorm's statistics.
CONSTANTS = {"bias": 0.0, "running_mean": 0.0, "running_var": 1.0}


def initial_weights(
    network: Network, input_shape: Shape, seed: int, init: str = "normal"
) -> "dict[str, np.ndarray]":
    """Return initial weights, float32, by portable name.

    Weights of Linear and Conv layers are drawn by ``INITIALIZERS[init]``; they depend only on
    ``seed``, their name and their shape. Biases are 0 and BatchNorm is the identity. Raises
    ArgumentError for an unknown ``init``.
    """
    check_choice("initializer", init, INITIALIZERS)
    return {
        name: _initial(name, shape, seed, init)
        for name, shape in weight_shapes(network, input_shape).items()
    }


def _initial(name: str, shape: Shape, seed: int, init: str) -> "np.ndarray":
    import numpy as np

    if len(shape) == 1:
        return np.full(shape, CONSTANTS.get(name.rpartition(".")[2], 1.0), np.float32)
    generator = np.random.default_rng([seed, *name.encode()])
    return INITIALIZERS[init](generator, shape).astype(np.float32)
