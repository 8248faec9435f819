"""Builds an architecture from Keras's own layers, and carries weights in and out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from hardmax.architectures import Activation, Flatten, Linear, Network, weight_shapes
from hardmax.errors import ArgumentError
from hardmax.layouts import check_fit, from_channels_last, to_channels_last
from hardmax.tensorflow.module import scratch_weights

__all__ = ["build", "get_weights", "seed_generators", "set_weights"]

#: Keras's names of what the portable weights call weight and bias.
KERNELS = {"weight": "kernel", "bias": "bias"}


def build(network: Network, input_shape: tuple[int, int, int]) -> tf.keras.Sequential:
    """Return the network for pictures of ``input_shape`` (height, width, channels).

    Its layer number i has the portable weights whose names begin with ``i.``.
    """
    layers: list[Any] = [tf.keras.Input(input_shape)]
    for layer in network:
        match layer:
            case Flatten():
                layers.append(tf.keras.layers.Flatten())
            case Linear(outputs):
                layers.append(tf.keras.layers.Dense(outputs))
            case Activation("relu"):
                layers.append(tf.keras.layers.ReLU())
    return tf.keras.Sequential(layers)


def get_weights(model: Any) -> dict[str, np.ndarray]:
    """Return copies of all weights by name, plain variables that are trained included.

    A model that is made from an architecture has portable names; in any other, Keras's weights are
    numbered in Keras's order. Raises ArgumentError where there are none yet.
    """
    found = {name: value.numpy().copy() for name, value in _weights(model).items()}
    if not model.is_portable:
        return found
    return from_channels_last(model.network, model.input_shape_of_pictures, found)


def set_weights(model: Any, weights: Mapping[str, np.ndarray]) -> None:
    """Copy weights into a model in place.

    Raises RunError where a name or a shape does not fit, before anything is changed.
    """
    own = _weights(model)
    if model.is_portable:
        shape = model.input_shape_of_pictures
        check_fit(weight_shapes(model.network, shape), weights)
        weights = to_channels_last(model.network, shape, weights)
    else:
        check_fit({name: tuple(value.shape) for name, value in own.items()}, weights)
    for name, value in own.items():
        value.assign(weights[name])


def _weights(model: Any) -> dict[str, Any]:
    if model.is_portable:
        names = weight_shapes(model.network, model.input_shape_of_pictures)
        return {name: _portable(model.net, name) for name in names}
    weights = {f"keras.{i}.{value.name}": value for i, value in enumerate(model.weights)}
    weights |= dict(scratch_weights(model))
    if not weights:
        raise ArgumentError(
            f"{type(model).__name__} has no weights yet; call it on a batch, so that its layers "
            "make them, or keep them as variables in its attributes"
        )
    return weights


def _portable(net: tf.keras.Sequential, name: str) -> Any:
    """Return the variable that has a portable name."""
    position, kind = name.split(".")
    return getattr(net.layers[int(position)], KERNELS[kind])


def seed_generators(model: Any, seed: int) -> None:
    """Seed what Keras's layers, such as Dropout, draw their random numbers from."""
    generators = [v for v in model.variables if v.name == "seed_generator_state"]
    for i, state in enumerate(generators):
        numbers = np.random.default_rng([seed, i]).integers(2**31, size=state.shape)
        state.assign(numbers)
