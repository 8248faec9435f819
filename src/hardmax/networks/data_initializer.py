"""Initial weights that depend on the training rows, so that every unit is active for some of them.

The ``std`` weights and the ``he+5`` biases of D. Holzmueller, L. Grinsztajn and I. Steinwart,
"Better by default", NeurIPS 2024.
"""

from collections.abc import Callable

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.networks.draws import drawn, generator_of
from hardmax.networks.layers import (
    Activation,
    Dropout,
    Flatten,
    Linear,
    Network,
    ParametricSELU,
    PeriodicEmbedding,
    PiecewiseLinear,
    Scale,
)
from hardmax.networks.shapes import Place, Shape, walk
from hardmax.networks.table_layers import SELU_ALPHA, SELU_SCALE

__all__ = ["data_weights"]

#: The largest number of rows that are looked at, and the number of rows that a bias depends on.
ROWS, MIXED = 4096, 5

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda X: np.maximum(X, 0),
    "sigmoid": lambda X: (1 + np.tanh(X / 2)) / 2,
    "tanh": np.tanh,
}


def data_weights(
    network: Network, input_shape: Shape, seed: int, inputs: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Return initial weights, float64, by portable name.

    ``inputs`` are the training rows, of shape (examples, features); no more than ROWS of them are
    used, which ``seed`` chooses. A Linear layer's weights are normal, divided by the standard
    deviation of their output over the rows. Its bias is the negative of a random mean, with
    weights from a flat Dirichlet distribution, of its outputs for MIXED rows. Raises ArgumentError
    if the network has layers of images or BatchNorm, or if there are no rows.
    """
    if len(input_shape) != 1:
        raise _refusal(f"inputs of {input_shape}")
    if inputs is None or not len(inputs):
        raise ArgumentError("the initializer data needs the training rows, got none")
    chosen = generator_of("rows", seed).permutation(len(inputs))[:ROWS]
    X = inputs[chosen].astype(np.float64)
    weights: dict[str, np.ndarray] = {}
    for place in walk(network, input_shape):
        own = {kind: drawn(place, kind, seed, _normal) for kind in place.weights}
        if isinstance(place.layer, Linear):
            own = _linear(place, seed, own["weight"], X)
        X = _outputs(place, own, X)
        weights |= {f"{place.name}.{kind}": value for kind, value in own.items()}
    return weights


def _normal(generator: np.random.Generator, shape: Shape) -> np.ndarray:
    return generator.standard_normal(shape)


def _linear(place: Place, seed: int, weight: np.ndarray, X: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scaled weight of a Linear layer, and its bias if it has one."""
    deviations = (X @ weight.T).std(axis=0)
    # Constant rows leave a weight as it was drawn.
    weight = weight / np.where(deviations > 0, deviations, 1)[:, None]
    if "bias" not in place.weights:
        return {"weight": weight}
    outputs = X @ weight.T
    generator = generator_of(f"{place.name}.bias", seed)
    units = np.arange(outputs.shape[1])
    rows = generator.integers(len(X), size=(MIXED, len(units)))
    shares = generator.dirichlet(np.ones(MIXED), len(units)).T
    return {"weight": weight, "bias": -(shares * outputs[rows, units]).sum(axis=0)}


def _outputs(place: Place, weights: dict[str, np.ndarray], X: np.ndarray) -> np.ndarray:
    """Return a layer's outputs for rows, in evaluation mode."""
    match place.layer:
        case Flatten() | Dropout() | Scale():  # the initial weights of Scale are 1
            return X
        case Linear():
            outputs: np.ndarray = X @ weights["weight"].T + weights.get("bias", 0)
            return outputs
        case Activation(function):
            return ACTIVATIONS[function](X)
        case ParametricSELU():  # so are those of ParametricSELU
            return _selu(X)
        case PeriodicEmbedding():
            return _embedded(X, place.layer.features, **weights)
        case PiecewiseLinear(features, lows):
            bins = (X[:, features] - np.array(lows)) * np.array(place.layer.slopes)
            return np.concatenate([X, np.clip(bins, 0, 1)], axis=1)
    raise _refusal(f"a {type(place.layer).__name__} layer")


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


def _refusal(what: str) -> ArgumentError:
    return ArgumentError(
        f"the initializer data is for networks of vectors such as realmlp, not for {what}; choose "
        "another one"
    )
