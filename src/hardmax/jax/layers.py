"""Builds an architecture from Flax's own layers, and carries weights in and out."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import optax
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import numpy as jnp

from hardmax.architectures import Activation, Flatten, Linear, Network, weight_shapes
from hardmax.errors import ArgumentError
from hardmax.jax.engine import TrainState
from hardmax.jax.tensors import get_key
from hardmax.layouts import check_fit, from_channels_last, to_channels_last

__all__ = ["build", "flatten", "get_weights", "set_variables", "set_weights"]

#: Flax's names of what the portable weights call weight and bias.
KERNELS = {"weight": "kernel", "bias": "bias"}


def build(network: Network, input_shape: tuple[int, int, int]) -> nn.Sequential:
    """Return the network for pictures of ``input_shape`` (height, width, channels).

    Its layer number i has the portable weights whose names begin with ``i.``.
    """
    layers: list[Any] = []
    for layer in network:
        match layer:
            case Flatten():
                layers.append(flatten)
            case Linear(outputs):
                layers.append(nn.Dense(outputs))
            case Activation("relu"):
                layers.append(nn.relu)
    return nn.Sequential(layers)


def flatten(X: jax.Array) -> jax.Array:
    """Return each example as a vector: shape (examples, ...) becomes (examples, entries)."""
    return X.reshape(len(X), -1)


def get_weights(model: Any) -> dict[str, np.ndarray]:
    """Return copies of all weights by name.

    A model that is made from an architecture has portable names, any other its native ones.
    Raises ArgumentError where it has none yet.
    """
    state = model.train_state
    if state is None:
        raise ArgumentError(
            f"{type(model).__name__} has no weights yet; fit it, or give it some with set_weights"
        )
    if not model.is_portable:
        variables = {"params": state.params, "batch_stats": state.batch_stats}
        return {name: np.array(value) for name, value in flatten_dict(variables, sep=".").items()}
    native = flatten_dict(state.params["net"])
    found = {
        name: np.asarray(native[_path(name)])
        for name in weight_shapes(model.network, model.input_shape)
    }
    return from_channels_last(model.network, model.input_shape, found)


def set_weights(model: Any, weights: Mapping[str, np.ndarray]) -> None:
    """Give a model weights.

    Raises RunError where a name or a shape does not fit, before anything is changed. A model of
    the reader's own that has no weights yet takes any.
    """
    if model.is_portable:
        check_fit(weight_shapes(model.network, model.input_shape), weights)
        turned = to_channels_last(model.network, model.input_shape, weights)
        net = unflatten_dict({_path(name): value for name, value in turned.items()})
        set_variables(model, {"params": {"net": net}})
        return
    if model.train_state is not None:
        check_fit({name: own.shape for name, own in get_weights(model).items()}, weights)
    set_variables(model, unflatten_dict(dict(weights), sep="."))


def set_variables(model: Any, variables: Mapping[str, Any], dropout_rng: Any = None) -> None:
    """Give a model Flax's variables; an optimizer that trains it stays what it is."""
    arrays = jax.tree.map(jnp.array, variables)
    given = {"params": arrays["params"], "batch_stats": arrays.get("batch_stats", {})}
    if dropout_rng is not None or model.train_state is None:
        given["dropout_rng"] = get_key() if dropout_rng is None else dropout_rng
    if model.train_state is None:
        idle = optax.set_to_zero()
        model.train_state = TrainState.create(apply_fn=model.apply, tx=idle, **given)
    else:
        model.train_state = model.train_state.replace(**given)


def _path(name: str) -> tuple[str, str]:
    """Return where Flax's Sequential keeps a portable weight."""
    position, kind = name.split(".")
    return f"layers_{position}", KERNELS[kind]
