"""Builds an architecture from Gluon's own layers, and carries weights in and out."""

from collections.abc import Mapping
from typing import Any

import numpy as onp
from mxnet import gluon, np
from mxnet.gluon import nn

from hardmax.architectures import Activation, Flatten, Linear, Network, weight_shapes
from hardmax.errors import ArgumentError
from hardmax.layouts import check_fit
from hardmax.mxnet.module import scratch_weights

__all__ = ["build", "get_weights", "set_weights"]


def build(network: Network, input_shape: tuple[int, int, int]) -> nn.HybridSequential:
    """Return the network for pictures of ``input_shape`` (height, width, channels).

    The native names of its weights are the portable ones, and so are their layouts.
    """
    shapes = weight_shapes(network, input_shape)
    net = nn.HybridSequential()
    for position, layer in enumerate(network):
        match layer:
            case Flatten():
                net.add(nn.Flatten())
            case Linear(outputs):
                inputs = shapes[f"{position}.weight"][1]
                net.add(nn.Dense(outputs, in_units=inputs, flatten=False))
            case Activation("relu"):
                net.add(nn.Activation("relu"))
    net.initialize()
    return net


def get_weights(model: gluon.Block) -> dict[str, onp.ndarray]:
    """Return copies of all weights by name, bare arrays that are trained included.

    A model that is made from an architecture has portable names, any other its native ones.
    Raises ArgumentError where there are none yet.
    """
    try:
        return {name: _array(value).asnumpy() for name, value in _weights(model).items()}
    except gluon.parameter.DeferredInitializationError as error:
        raise ArgumentError(
            f"{type(model).__name__} has no weights yet; call it on a batch, so that its layers "
            "make them"
        ) from error


def set_weights(model: gluon.Block, weights: Mapping[str, onp.ndarray]) -> None:
    """Copy weights into a model in place.

    Raises RunError where a name or a shape does not fit, before anything is changed.
    """
    own = _weights(model)
    # A lazy layer takes whatever comes.
    lazy = {name for name, value in own.items() if min(value.shape, default=1) < 1}
    shapes = {name: None if name in lazy else value.shape for name, value in own.items()}
    check_fit(shapes, weights)
    for name, value in own.items():
        array = np.array(weights[name], dtype=value.dtype)
        if isinstance(value, gluon.Parameter):
            value.set_data(array)
        else:
            value[:] = array


def _array(value: Any) -> np.ndarray:
    return value.data() if isinstance(value, gluon.Parameter) else value


def _weights(model: Any) -> dict[str, Any]:
    if getattr(model, "is_portable", False):
        model = model.net
    weights = model._collect_params_with_prefix() | dict(scratch_weights(model))
    if not weights:
        raise ArgumentError(
            f"{type(model).__name__} has no weights that can be found; keep them in blocks, or as "
            "arrays with gradients attached, in its attributes"
        )
    return weights
