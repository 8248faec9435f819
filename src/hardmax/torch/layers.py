"""Builds an architecture from PyTorch's own layers, and carries weights in and out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from hardmax.errors import ArgumentError
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
from hardmax.networks.layouts import check_fit
from hardmax.networks.shapes import Shape, weight_shapes
from hardmax.torch.module import scratch_weights

__all__ = ["build", "get_weights", "make_weights", "set_weights"]

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def build(network: Network) -> nn.Sequential:
    """Return the network, whose layers make their weights when they see their first inputs.

    The native names of its weights are the portable ones, and so are their layouts.
    """
    return nn.Sequential(*map(_layer, network))


def _layer(layer: Layer) -> nn.Module:
    match layer:
        case Flatten():
            return nn.Flatten()
        case Linear(outputs, bias):
            return nn.LazyLinear(outputs, bias)
        case Conv(outputs, kernel, stride, padding, groups, bias):
            return nn.LazyConv2d(outputs, kernel, stride, padding, groups=groups, bias=bias)
        case BatchNorm():
            return _LazyBatchNorm(EPSILON)
        case Pool("max", size, stride, padding):
            return nn.MaxPool2d(size, stride, padding)
        case Pool("average", size, stride):
            return nn.AvgPool2d(size, stride)
        case GlobalPool():
            return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case Activation(function):
            return ACTIVATIONS[function]()
        case Dropout(rate):
            return nn.Dropout(rate)
        case Sequence(layers):
            return build(layers)
        case Residual(body, shortcut):
            return _Residual(build(body), build(shortcut))
        case Concat(branches):
            return _Concat(map(build, branches))
    raise AssertionError(layer)


def _normalized(layer: Any, X: torch.Tensor) -> torch.Tensor:
    """Normalize pictures or vectors; the running variance is that of the batches.

    PyTorch's own multiplies it by n / (n - 1), and refuses a batch of one.
    """
    mean, var = layer.running_mean, layer.running_var
    scale = (layer.weight, layer.bias)
    if not layer.training:
        return nn.functional.batch_norm(X, mean, var, *scale, eps=EPSILON)
    out, own_mean, root = torch.native_batch_norm(X, *scale, None, None, True, 0.0, EPSILON)
    with torch.no_grad():
        mean.lerp_(own_mean, 1 - MOMENTUM)
        var.lerp_((root**-2 - EPSILON).clamp_(0), 1 - MOMENTUM)
    return out


class _BatchNorm(nn.BatchNorm2d):
    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return _normalized(self, X)


class _LazyBatchNorm(nn.LazyBatchNorm2d):
    cls_to_become = _BatchNorm

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return _normalized(self, X)


class _Residual(nn.Module):
    def __init__(self, body: nn.Module, shortcut: nn.Module):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.body(X) + self.shortcut(X)


class _Concat(nn.ModuleList):
    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(X) for branch in self], dim=1)


def make_weights(net: nn.Module, example_shape: Shape) -> None:
    """Have a network make its weights for examples of a shape (height, width, channels).

    Vectors have the shape (entries,). PyTorch's random numbers stay as they were.
    """
    *sides, channels = example_shape
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        net.eval()(torch.zeros(1, channels, *sides))
    net.train()


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
        native = model.net.state_dict(keep_vars=True)
        return {name: native[name] for name in weight_shapes(model.network, model.example_shape)}
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
