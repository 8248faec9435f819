"""Starting weights from a seed, the same numbers for every framework."""

from collections.abc import Callable
from math import prod, sqrt

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.networks.layers import Network
from hardmax.networks.shapes import Shape, weight_shapes

__all__ = ["SIGMA", "STARTS", "check_start", "starting_weights"]

#: The standard deviation of the book's starting weights.
SIGMA = 0.01


def _normal(generator: np.random.Generator, shape: Shape) -> np.ndarray:
    return SIGMA * generator.standard_normal(shape)


def _xavier(generator: np.random.Generator, shape: Shape) -> np.ndarray:
    pixels = prod(shape[2:])
    limit = sqrt(6 / (shape[0] * pixels + shape[1] * pixels))
    return generator.uniform(-limit, limit, shape)


def _he(generator: np.random.Generator, shape: Shape) -> np.ndarray:
    return sqrt(2 / prod(shape[1:])) * generator.standard_normal(shape)


#: How weights may start: ``normal`` is the book's N(0, 0.01**2); ``xavier`` uniform with the
#: variance 2 / (inputs + outputs) (X. Glorot and Y. Bengio, AISTATS 2010); ``he`` normal with the
#: variance 2 / inputs (K. He et al., ICCV 2015). Inputs and outputs are those that a weight joins.
STARTS: dict[str, Callable[[np.random.Generator, Shape], np.ndarray]] = {
    "normal": _normal,
    "xavier": _xavier,
    "he": _he,
}

#: What is not drawn: biases, and how BatchNorm begins.
CONSTANTS = {"bias": 0.0, "running_mean": 0.0, "running_var": 1.0}


def check_start(start: str) -> None:
    """Raise ArgumentError where weights cannot start in that way."""
    if start not in STARTS:
        raise ArgumentError(f"unknown start {start!r} of weights; known are {', '.join(STARTS)}")


def starting_weights(
    network: Network, input_shape: Shape, seed: int, start: str = "normal"
) -> dict[str, np.ndarray]:
    """Return starting weights, float32, by portable name.

    Those of Linear and Conv layers are drawn as ``STARTS`` says; their numbers depend on ``seed``
    and their own name alone. Biases are 0, BatchNorm changes nothing. Raises ArgumentError for an
    unknown ``start``.
    """
    check_start(start)
    return {
        name: _starting(name, shape, seed, start)
        for name, shape in weight_shapes(network, input_shape).items()
    }


def _starting(name: str, shape: Shape, seed: int, start: str) -> np.ndarray:
    if len(shape) == 1:
        return np.full(shape, CONSTANTS.get(name.rpartition(".")[2], 1.0), np.float32)
    generator = np.random.default_rng([seed, *name.encode()])
    return STARTS[start](generator, shape).astype(np.float32)
