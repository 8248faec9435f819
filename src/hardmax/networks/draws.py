"""Random initial weights of single layers, drawn by (seed, name)."""

from collections.abc import Callable
from math import prod, sqrt
from typing import TYPE_CHECKING

from hardmax.networks.layers import PeriodicEmbedding
from hardmax.networks.shapes import Place, Shape

if TYPE_CHECKING:
    import numpy as np

__all__ = ["DRAWN", "SIGMA", "drawn", "generator_of"]

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
DRAWN: "dict[str, Callable[[np.random.Generator, Shape], np.ndarray]]" = {
    "normal": _normal,
    "xavier": _xavier,
    "he": _he,
}

#: Constant initial values: biases and BatchNorm's statistics.
CONSTANTS = {"bias": 0.0, "running_mean": 0.0, "running_var": 1.0}

#: The standard deviation of the initial frequencies of a PeriodicEmbedding.
FREQUENCY = 0.1


def drawn(
    place: Place, kind: str, seed: int, draw: "Callable[[np.random.Generator, Shape], np.ndarray]"
) -> "np.ndarray":
    """Return the initial weight of a layer, float64; ``draw`` draws that of a Linear or a Conv."""
    import numpy as np

    shape = place.weights[kind]
    generator = generator_of(f"{place.name}.{kind}", seed)
    if isinstance(place.layer, PeriodicEmbedding):
        if kind == "frequency":
            return FREQUENCY * generator.standard_normal(shape)
        limit = np.pi if kind == "phase" else 1 / sqrt(place.layer.frequencies)
        return generator.uniform(-limit, limit, shape)
    if len(shape) == 1:
        return np.full(shape, CONSTANTS.get(kind, 1.0))
    return draw(generator, shape)


def generator_of(name: str, seed: int) -> "np.random.Generator":
    """Return the random generator of a weight."""
    import numpy as np

    return np.random.default_rng([seed, *name.encode()])
