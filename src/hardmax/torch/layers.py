"""Builds an architecture from PyTorch layers, and gets and sets its weights."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from hardmax.errors import ArgumentError
from hardmax.networks.layers import (
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Ensemble,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Normalize,
    Pad,
    ParametricSELU,
    PeriodicEmbedding,
    PiecewiseLinear,
    Pool,
    Residual,
    Resize,
    Scale,
    Sequence,
)
from hardmax.networks.layouts import Portable, check_fit
from hardmax.networks.shapes import Shape, weight_shapes
from hardmax.torch import image_layers, table_layers
from hardmax.torch.batch_norm import LazyBatchNorm, LazyFrozenBatchNorm
from hardmax.torch.module import scratch_weights

__all__ = [
    "as_array",
    "build",
    "get_weights",
    "make_weights",
    "scale_dropout",
    "set_weights",
    "trained_weights",
]

ACTIVATIONS = {"relu": nn.ReLU, "relu6": nn.ReLU6, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def build(network: Network) -> nn.Sequential:
    """Return the network; its layers create their weights when they see their first inputs.

    The native names and layouts of its weights are the portable ones.
    """
    return nn.Sequential(*map(_layer, network))


def _layer(layer: Layer) -> nn.Module:
    match layer:
        case Resize(height, width):
            return image_layers.Resize(height, width)
        case Normalize(mean, std):
            return image_layers.Normalize(mean, std)
        case Pad(rows, columns):
            return nn.ZeroPad2d((*columns, *rows))
        case Flatten():
            return nn.Flatten()
        case Linear(outputs, bias):
            return nn.LazyLinear(outputs, bias)
        case Conv(outputs, kernel, stride, padding, groups, bias):
            return nn.LazyConv2d(outputs, kernel, stride, padding, groups=groups, bias=bias)
        case BatchNorm(epsilon, frozen):
            return LazyFrozenBatchNorm(epsilon) if frozen else LazyBatchNorm(epsilon)
        case Pool("max", size, stride, padding):
            return nn.MaxPool2d(size, stride, padding)
        case Pool("average", size, stride):
            return nn.AvgPool2d(size, stride)
        case GlobalPool():
            return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case Activation(function):
            return ACTIVATIONS[function]()
        case Dropout(rate, schedule):
            return nn.Dropout(rate) if schedule == "constant" else _ScheduledDropout(rate)
        case Scale():
            return table_layers.Scale()
        case PeriodicEmbedding(frequencies, outputs, features):
            return table_layers.PeriodicEmbedding(frequencies, outputs - 1, features)
        case PiecewiseLinear():
            return table_layers.PiecewiseLinear(layer)
        case ParametricSELU():
            return table_layers.ParametricSELU()
        case Sequence(layers):
            return build(layers)
        case Residual(body, shortcut):
            return _Residual(build(body), build(shortcut))
        case Concat(branches):
            return _Concat(map(build, branches))
        case Ensemble(member, count):
            return _Ensemble(build(member) for _ in range(count))
    raise AssertionError(layer)


class _ScheduledDropout(nn.Module):
    """Dropout whose probability ``scale_dropout`` sets.

    On CPUs, PyTorch's own layer takes several times as long to draw its mask.
    """

    def __init__(self, rate: float):
        super().__init__()
        self.rate = self.current = rate

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.current:
            return X
        return X * torch.rand_like(X).ge_(self.current).div_(1 - self.current)


class _Residual(nn.Module):
    def __init__(self, body: nn.Module, shortcut: nn.Module):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.body(X) + self.shortcut(X)


class _Concat(nn.ModuleList):
    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(X) for branch in self], dim=1)


class _Ensemble(nn.ModuleList):
    def forward(self, X: torch.Tensor) -> torch.Tensor:
        members = torch.stack([nn.functional.log_softmax(member(X), dim=1) for member in self])
        return members.logsumexp(dim=0) - math.log(len(self))


def make_weights(net: nn.Module, example_shape: Shape) -> None:
    """Create a network's weights for examples of shape (height, width, channels).

    Vectors have shape (features,). PyTorch's random state is unchanged.
    """
    *sides, channels = example_shape
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        net.eval()(torch.zeros(1, channels, *sides))
    net.train()
    if any(isinstance(module, nn.Conv2d) for module in net.modules()):
        # On CPUs steps take less time, and gradients of depthwise convolutions about a tenth.
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def scale_dropout(model: nn.Module, factor: float) -> None:
    """Multiply the probabilities of the scheduled Dropout layers by a factor."""
    for module in model.modules():
        if isinstance(module, _ScheduledDropout):
            module.current = factor * module.rate


def trained_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the trained weights of a model that is built from an architecture, by name."""
    return dict(model.get_submodule("net").named_parameters())


def get_weights(model: nn.Module) -> dict[str, np.ndarray]:
    """Return copies of all weights by name, including plain tensors that are trained.

    The names are portable for a model built from an architecture, and native otherwise.
    Raises ArgumentError if there are none.
    """
    return {name: as_array(value) for name, value in _weights(model).items()}


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """Return a copy of a tensor; of bfloat16, which NumPy lacks, in float32."""
    is_narrow = tensor.dtype == torch.bfloat16
    return (tensor.float() if is_narrow else tensor).detach().cpu().numpy().copy()


def set_weights(model: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Copy weights into a model in place.

    Raises RunError if a name or a shape does not match, before anything is changed.
    """
    current = _weights(model)
    # A lazy layer accepts any shape.
    lazy = (nn.UninitializedParameter, nn.UninitializedBuffer)
    shapes = {n: None if isinstance(v, lazy) else tuple(v.shape) for n, v in current.items()}
    check_fit(shapes, weights)
    with torch.no_grad():
        for name, value in current.items():
            if isinstance(value, lazy):
                value.materialize(weights[name].shape)
            value.copy_(torch.from_numpy(np.array(weights[name])))


def _weights(model: nn.Module) -> dict[str, torch.Tensor]:
    if isinstance(model, Portable):
        native = model.get_submodule("net").state_dict(keep_vars=True)
        return {name: native[name] for name in weight_shapes(model.network, model.example_shape)}
    weights = dict(model.state_dict(keep_vars=True))
    known = {id(value) for value in weights.values()}
    for prefix, module in model.named_modules():
        for name, value in scratch_weights(module):
            if id(value) not in known:
                weights[f"{prefix}.{name}" if prefix else name] = value
    if not weights:
        raise ArgumentError(
            f"{type(model).__name__} has no weights; keep them in its attributes, as "
            "parameters or as tensors with requires_grad=True"
        )
    return weights
