"""Builds an architecture from Flax layers, and gets and sets its weights."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import lax
from jax import numpy as jnp

from hardmax.errors import ArgumentError
from hardmax.jax.engine import TrainState
from hardmax.jax.tensors import get_key
from hardmax.networks.layers import (
    EPSILON,
    MOMENTUM,
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Pool,
    Residual,
    Sequence,
)
from hardmax.networks.layouts import check_fit, from_channels_last, to_channels_last
from hardmax.networks.shapes import STATISTICS, Place, walk, weight_shapes

__all__ = ["build", "flatten", "get_weights", "set_variables", "set_weights"]

ACTIVATIONS = {"relu": nn.relu, "sigmoid": nn.sigmoid, "tanh": nn.tanh}

#: Flax's names of portable weights, where they differ.
NAMES = {"weight": "kernel", "running_mean": "mean", "running_var": "var"}

#: The largest kernel for which a convolution is computed as a sum of shifted images.
LARGEST_SUM = 5


def build(network: Network, training: bool, **initializers: Any) -> Any:
    """Return the network, in training mode or not; its i-th layer is named ``layers_i``.

    ``initializers``: arguments of Flax's Dense and Conv layers.
    """
    layers = [_layer(layer, training, initializers) for layer in network]
    return nn.Sequential(layers) if layers else _same


def _layer(layer: Layer, training: bool, initializers: dict[str, Any]) -> Any:
    match layer:
        case Flatten():
            return flatten
        case Linear(outputs, bias):
            return nn.Dense(outputs, bias, **initializers)
        case Conv(outputs, kernel, stride, padding, groups, bias):
            settings = {**initializers, "feature_group_count": groups, "use_bias": bias}
            if stride == 1 and kernel <= LARGEST_SUM:
                settings["conv_general_dilated"] = _convolve
            return nn.Conv(outputs, (kernel, kernel), (stride, stride), padding, **settings)
        case BatchNorm():
            # The fast variance, E[x^2] - E[x]^2, loses digits.
            return nn.BatchNorm(
                not training, momentum=MOMENTUM, epsilon=EPSILON, use_fast_variance=False
            )
        case Pool(kind, size, stride, padding):
            pool = nn.max_pool if kind == "max" else nn.avg_pool
            window: dict[str, Any] = {"window_shape": (size,) * 2, "strides": (stride,) * 2}
            return partial(pool, **window, padding=((padding, padding),) * 2)
        case GlobalPool():
            return partial(jnp.mean, axis=(1, 2))
        case Activation(function):
            return ACTIVATIONS[function]
        case Dropout(rate):
            return nn.Dropout(rate, deterministic=not training)
        case Sequence(layers):
            return build(layers, training, **initializers)
        case Residual(body, shortcut):
            return _Residual(
                build(body, training, **initializers), build(shortcut, training, **initializers)
            )
        case Concat(branches):
            return _Concat([build(branch, training, **initializers) for branch in branches])
    raise AssertionError(layer)


def flatten(X: jax.Array) -> jax.Array:
    """Return each example as a vector: shape (examples, ...) becomes (examples, features)."""
    return X.reshape(len(X), -1)


def _convolve(
    X: jax.Array, kernel: jax.Array, strides: Any, padding: Any, **settings: Any
) -> jax.Array:
    """Return ``lax.conv_general_dilated``, computed faster for one channel on CPUs.

    There XLA's convolution takes about ten times as long as a sum of shifted images.
    """
    convolve = partial(
        lax.conv_general_dilated, window_strides=strides, padding=padding, **settings
    )
    if X.shape[-1] != 1:
        return convolve(X, kernel)
    return lax.platform_dependent(
        X, kernel, cpu=partial(_shifted_sum, padding=padding), default=convolve
    )


def _shifted_sum(X: jax.Array, kernel: jax.Array, padding: Any) -> jax.Array:
    X = jnp.pad(X, ((0, 0), *padding, (0, 0)))
    rows, columns = kernel.shape[:2]
    height, width = X.shape[1] - rows + 1, X.shape[2] - columns + 1
    terms = [
        X[:, i : i + height, j : j + width] @ kernel[i, j]
        for i in range(rows)
        for j in range(columns)
    ]
    return sum(terms[1:], start=terms[0])


def _same(X: jax.Array) -> jax.Array:
    return X


class _Residual(nn.Module):
    body: Any
    shortcut: Any

    def __call__(self, X: jax.Array) -> jax.Array:
        return self.body(X) + self.shortcut(X)


class _Concat(nn.Module):
    layers: Any

    def __call__(self, X: jax.Array) -> jax.Array:
        return jnp.concatenate([branch(X) for branch in self.layers], axis=-1)


def get_weights(model: Any) -> dict[str, np.ndarray]:
    """Return copies of all weights by name.

    The names are portable for a model built from an architecture, and native otherwise.
    Raises ArgumentError if there are none yet.
    """
    state = model.train_state
    if state is None:
        raise ArgumentError(
            f"{type(model).__name__} has no weights yet; fit it, or set them with set_weights"
        )
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    if not model.is_portable:
        return {name: np.array(value) for name, value in flatten_dict(variables, sep=".").items()}
    native = flatten_dict(variables)
    weights = {name: np.asarray(native[path]) for name, path in _paths(model).items()}
    return from_channels_last(model.network, model.example_shape, weights)


def set_weights(model: Any, weights: Mapping[str, np.ndarray]) -> None:
    """Set the weights of a model.

    Raises RunError if a name or a shape does not match, before anything is changed. A custom
    model without weights accepts any.
    """
    if model.is_portable:
        check_fit(weight_shapes(model.network, model.example_shape), weights)
        native = to_channels_last(model.network, model.example_shape, weights)
        paths = _paths(model)
        set_variables(model, unflatten_dict({paths[name]: native[name] for name in native}))
        return
    if model.train_state is not None:
        check_fit({name: value.shape for name, value in get_weights(model).items()}, weights)
    set_variables(model, unflatten_dict(dict(weights), sep="."))


def set_variables(model: Any, variables: Mapping[str, Any], dropout_rng: Any = None) -> None:
    """Set a model's Flax variables, and keep its optimizer."""
    arrays = jax.tree.map(jnp.array, variables)
    given = {"params": arrays["params"], "batch_stats": arrays.get("batch_stats", {})}
    if dropout_rng is not None or model.train_state is None:
        given["dropout_rng"] = get_key() if dropout_rng is None else dropout_rng
    if model.train_state is None:
        idle = optax.set_to_zero()
        model.train_state = TrainState.create(apply_fn=model.apply, tx=idle, **given)
    else:
        model.train_state = model.train_state.replace(**given)


def _paths(model: Any) -> dict[str, tuple[str, ...]]:
    """Return Flax's path of each portable weight of a model."""
    return {
        f"{place.name}.{kind}": _path(place, kind)
        for place in walk(model.network, model.example_shape)
        for kind in place.weights
    }


def _path(place: Place, kind: str) -> tuple[str, ...]:
    parts = place.name.split(".")
    path = (f"layers_{part}" if part.isdigit() else part for part in parts)
    name = NAMES.get(kind, kind)
    if isinstance(place.layer, BatchNorm) and kind == "weight":
        name = "scale"
    return ("batch_stats" if kind in STATISTICS else "params", "net", *path, name)
