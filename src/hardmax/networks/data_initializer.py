"""Initial weights that depend on the training examples: every unit is active for some of them.

The ``std`` weights and the ``he+5`` biases of D. Holzmueller, L. Grinsztajn and I. Steinwart,
"Better by default", NeurIPS 2024. A convolution is scaled in the same way over all positions, as in
D. Mishkin and J. Matas, "All you need is a good init", ICLR 2016.
"""

from collections.abc import Callable
from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hardmax.data.datasets import SCALE
from hardmax.errors import ArgumentError
from hardmax.networks.draws import drawn, generator_of
from hardmax.networks.layers import (
    Activation,
    Concat,
    Conv,
    Dropout,
    Ensemble,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    ParametricSELU,
    PeriodicEmbedding,
    PiecewiseLinear,
    Pool,
    Residual,
    Scale,
    Sequence,
)
from hardmax.networks.shapes import Place, Shape, walk
from hardmax.networks.table_layers import SELU_ALPHA, SELU_SCALE

__all__ = ["data_weights"]

#: The largest number of rows that are looked at, and the number of rows that a bias depends on.
ROWS, MIXED = 4096, 5

#: Of images so many are looked at that the largest output of a layer has about OUTPUTS elements,
#: but at least FEWEST. So many outputs are needed to divide by their standard deviation.
OUTPUTS, FEWEST = 2**20, 16

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda X: np.maximum(X, 0),
    "sigmoid": lambda X: (1 + np.tanh(X / 2)) / 2,
    "tanh": np.tanh,
}


def data_weights(
    network: Network, input_shape: Shape, seed: int, inputs: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Return initial weights, float64, by portable name.

    ``inputs`` are the training rows, of shape (examples, features), or images, uint8 of shape
    (examples, height, width, channels); some of them are used, which ``seed`` chooses. A Linear or
    Conv layer's weights are normal, divided by the standard deviation of their output over the
    rows, or over the images and positions. Its bias is the negative of a random mean, with weights
    from a flat Dirichlet distribution, of MIXED of these outputs. Raises ArgumentError if the
    network has BatchNorm or parallel layers, or if there are no examples.
    """
    if inputs is None or not len(inputs):
        raise ArgumentError("the initializer data needs the training examples, got none")
    _check_chain(network)
    places = walk(network, input_shape)
    chosen = generator_of("rows", seed).permutation(len(inputs))[: _count(places, input_shape)]
    X = inputs[np.sort(chosen)] if inputs.ndim > 2 else inputs[chosen]
    X = X.astype(np.float64) * (SCALE if X.dtype == np.uint8 else 1)
    weights: dict[str, np.ndarray] = {}
    for place in places:
        own = {kind: drawn(place, kind, seed, _normal) for kind in place.weights}
        if isinstance(place.layer, Linear | Conv):
            own, X = _scaled(place, seed, own["weight"], X)
        else:
            X = _outputs(place, own, X)
        weights |= {f"{place.name}.{kind}": value for kind, value in own.items()}
    return weights


def _check_chain(network: Network) -> None:
    for layer in network:
        if isinstance(layer, Residual | Concat | Ensemble):
            raise _refusal(layer)
        if isinstance(layer, Sequence):
            _check_chain(layer.layers)


def _count(places: list[Place], input_shape: Shape) -> int:
    """Return how many examples are looked at."""
    if len(input_shape) == 1:
        return ROWS
    largest = max(prod(place.outputs) for place in places)
    return min(ROWS, max(OUTPUTS // largest, FEWEST))


def _normal(generator: np.random.Generator, shape: Shape) -> np.ndarray:
    return generator.standard_normal(shape)


def _scaled(
    place: Place, seed: int, weight: np.ndarray, X: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the scaled weight of a Linear or Conv layer, its bias if it has one, and its outputs.

    The outputs of a Conv layer have the shape (images, height, width, channels).
    """
    outputs = _products(place, weight, X)
    deviations = outputs.std(axis=0)
    # That for standardized inputs, if the outputs are constant or too few.
    expected = np.sqrt(weight[0].size)
    deviations = np.where((deviations > 0) & (len(outputs) >= FEWEST), deviations, expected)
    outputs /= deviations
    weights = {"weight": weight / deviations.reshape(-1, *(1,) * (weight.ndim - 1))}
    if "bias" in place.weights:
        generator = generator_of(f"{place.name}.bias", seed)
        units = np.arange(outputs.shape[1])
        rows = generator.integers(len(outputs), size=(MIXED, len(units)))
        shares = generator.dirichlet(np.ones(MIXED), len(units)).T
        weights["bias"] = -(shares * outputs[rows, units]).sum(axis=0)
        outputs += weights["bias"]
    return weights, outputs.reshape(len(X), *place.outputs)


def _products(place: Place, weight: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Return a layer's outputs without the bias, shape (rows or images x positions, units)."""
    flat = weight.reshape(len(weight), -1).T
    if not isinstance(place.layer, Conv):
        outputs: np.ndarray = X @ flat
        return outputs
    layer = place.layer
    if layer.groups > 1:
        raise _refusal(layer)
    sides = (layer.padding, layer.padding)
    windows = _windows(np.pad(X, ((0, 0), sides, sides, (0, 0))), layer.kernel, layer.stride)
    # Image by image, so that few copies of windows are in memory.
    return np.concatenate([image.reshape(-1, len(flat)) @ flat for image in windows])


def _windows(X: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Return a view of the windows of images, shape (n, rows, columns, channels, size, size)."""
    return sliding_window_view(X, (size, size), (1, 2))[:, ::stride, ::stride]


def _pooled(layer: Pool, X: np.ndarray) -> np.ndarray:
    """Return pooled images."""
    if layer.padding:
        raise _refusal(layer)
    windows = _windows(X, layer.size, layer.stride)
    pooled: np.ndarray = windows.max((-2, -1)) if layer.kind == "max" else windows.mean((-2, -1))
    return pooled


def _outputs(place: Place, weights: dict[str, np.ndarray], X: np.ndarray) -> np.ndarray:
    """Return the outputs of another layer for rows or images, in evaluation mode."""
    match place.layer:
        case Flatten():
            # The portable order of the features is that of channels first.
            return np.moveaxis(X, -1, 1).reshape(len(X), -1)
        case Dropout() | Scale():  # the initial weights of Scale are 1
            return X
        case Pool():
            return _pooled(place.layer, X)
        case GlobalPool():
            means: np.ndarray = X.mean((1, 2))
            return means
        case Activation(function):
            return ACTIVATIONS[function](X)
        case ParametricSELU():  # so are those of ParametricSELU
            return _selu(X)
        case PeriodicEmbedding():
            return _embedded(X, place.layer.features, **weights)
        case PiecewiseLinear(features, lows):
            bins = (X[:, features] - np.array(lows)) * np.array(place.layer.slopes)
            return np.concatenate([X, np.clip(bins, 0, 1)], axis=1)
    raise _refusal(place.layer)


def _selu(X: np.ndarray) -> np.ndarray:
    """Return the SELU of each element."""
    outputs: np.ndarray = SELU_SCALE * np.where(X > 0, X, SELU_ALPHA * np.expm1(np.minimum(X, 0)))
    return outputs


def _embedded(
    X: np.ndarray,
    features: tuple[int, ...] | None,
    frequency: np.ndarray,
    phase: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
) -> np.ndarray:
    """Return the output of a PeriodicEmbedding, shape (examples, outputs)."""
    columns = X if features is None else X[:, features]
    waves = np.cos(2 * np.pi * columns[:, :, None] * frequency + phase)
    functions = np.einsum("nfk,fok->nfo", waves, weight, optimize=True) + bias
    return np.concatenate([X, functions.reshape(len(X), -1)], axis=1)


def _refusal(layer: Layer) -> ArgumentError:
    return ArgumentError(
        "the initializer data is for chains of simple layers such as realmlp and lenet, not for "
        f"a {type(layer).__name__} layer; choose another one"
    )
