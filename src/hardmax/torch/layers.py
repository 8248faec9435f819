"""Builds an architecture from PyTorch's own layers, and carries weights in and out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from hardmax.architectures import Activation, Flatten, Linear, Network, weight_shapes
from hardmax.errors import ArgumentError
from hardmax.layouts import check_fit
from hardmax.torch.module import scratch_weights

__all__ = ["build", "get_weights", "set_weights"]


def build(network: Network, input_shape: tuple[int, int, int]) -> nn.Sequential:
    """Return the network for pictures of ``input_shape`` (height, width, channels).

    The native names of its weights are the portable ones, and so are their layouts.
    """
    shapes = weight_shapes(network, input_shape)
    layers: list[nn.Module] = []
    for position, layer in enumerate(network):
        match layer:
            case Flatten():
                layers.append(nn.Flatten())
            case Linear(outputs):
                layers.append(nn.Linear(shapes[f"{position}.weight"][1], outputs))
            case Activation("relu"):
                layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def get_weights(model: nn.Module) -> dict[str, np.ndarray]:
    """Return copies of all weights by name, plain tensors that are trained included.

    A model that is made from an architecture has portable names, any other its native ones.
    Raises ArgumentError where none are found.
    """
    return {name: value.detach().cpu().numpy().copy() for name, value in _weights(model).items()}


def set_weights(model: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Copy weights into a model in place.

    Raises RunError where a name or a shape does not fit, before anything is changed.
    """
    own = _weights(model)
    # A lazy layer takes whatever comes.
    lazy = (nn.UninitializedParameter, nn.UninitializedBuffer)
    shapes = {n: None if isinstance(v, lazy) else tuple(v.shape) for n, v in own.items()}
    check_fit(shapes, weights)
    with torch.no_grad():
        for name, value in own.items():
            if isinstance(value, lazy):
                value.materialize(weights[name].shape)
            value.copy_(torch.from_numpy(np.array(weights[name])))


def _weights(model: Any) -> dict[str, torch.Tensor]:
    if getattr(model, "is_portable", False):
        model = model.net
    weights = dict(model.state_dict(keep_vars=True))
    known = {id(value) for value in weights.values()}
    for prefix, module in model.named_modules():
        for name, value in scratch_weights(module):
            if id(value) not in known:
                weights[f"{prefix}.{name}" if prefix else name] = value
    if not weights:
        raise ArgumentError(
            f"{type(model).__name__} has no weights that can be found; keep them as parameters, "
            "or as tensors that want gradients, in its attributes"
        )
    return weights
