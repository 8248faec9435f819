"""Builds an architecture from PyTorch layers, and gets and sets its weights."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedParameter

from hardmax.errors import ArgumentError
from hardmax.networks.layers import (
    EPSILON,
    MOMENTUM,
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
    ParametricSELU,
    PeriodicEmbedding,
    PiecewiseLinear,
    Pool,
    Residual,
    Scale,
    Sequence,
)
from hardmax.networks.layouts import Portable, check_fit
from hardmax.networks.shapes import Shape, weight_shapes
from hardmax.torch.module import scratch_weights

__all__ = [
    "build",
    "get_weights",
    "make_weights",
    "scale_dropout",
    "set_weights",
    "trained_weights",
]

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def build(network: Network) -> nn.Sequential:
    """Return the network; its layers create their weights when they see their first inputs.

    The native names and layouts of its weights are the portable ones.
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
        case Dropout(rate, schedule):
            return nn.Dropout(rate) if schedule == "constant" else _ScheduledDropout(rate)
        case Scale():
            return _Scale()
        case PeriodicEmbedding(frequencies, outputs, features):
            return _PeriodicEmbedding(frequencies, outputs - 1, features)
        case PiecewiseLinear():
            return _PiecewiseLinear(layer)
        case ParametricSELU():
            return _ParametricSELU()
        case Sequence(layers):
            return build(layers)
        case Residual(body, shortcut):
            return _Residual(build(body), build(shortcut))
        case Concat(branches):
            return _Concat(map(build, branches))
        case Ensemble(member, count):
            return _Ensemble(build(member) for _ in range(count))
    raise AssertionError(layer)


class _BatchNorm(nn.BatchNorm2d):
    """Normalizes images or vectors; the running variance is biased.

    PyTorch's BatchNorm multiplies it by n / (n - 1), and rejects a batch of one.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        mean, var, weight, bias = self.running_mean, self.running_var, self.weight, self.bias
        if not self.training:
            return nn.functional.batch_norm(X, mean, var, weight, bias, eps=EPSILON)
        out, batch_mean, inv_std = torch.native_batch_norm(
            X, weight, bias, None, None, True, 0.0, EPSILON
        )
        with torch.no_grad():
            mean.lerp_(batch_mean, 1 - MOMENTUM)
            var.lerp_((inv_std**-2 - EPSILON).clamp_(0), 1 - MOMENTUM)
        return out


class _LazyBatchNorm(nn.LazyBatchNorm2d, _BatchNorm):
    cls_to_become = _BatchNorm


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


class _Scale(LazyModuleMixin, nn.Module):
    weight: UninitializedParameter | nn.Parameter

    def __init__(self) -> None:
        super().__init__()
        self.weight = UninitializedParameter()

    def initialize_parameters(self, X: torch.Tensor) -> None:
        if isinstance(self.weight, UninitializedParameter):
            with torch.no_grad():
                self.weight.materialize(X.shape[1:])
                nn.init.ones_(self.weight)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return X * self.weight


class _ParametricSELU(_Scale):
    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return torch.lerp(X, nn.functional.selu(X), self.weight)


class _PeriodicEmbedding(LazyModuleMixin, nn.Module):
    features: torch.Tensor | None

    def __init__(self, frequencies: int, functions: int, features: tuple[int, ...] | None):
        super().__init__()
        self.frequencies, self.functions = frequencies, functions
        positions = None if features is None else torch.tensor(features)
        self.register_buffer("features", positions, persistent=False)
        self.frequency, self.phase = UninitializedParameter(), UninitializedParameter()
        self.weight, self.bias = UninitializedParameter(), UninitializedParameter()

    def initialize_parameters(self, X: torch.Tensor) -> None:
        if not self.has_uninitialized_params():
            return
        features = self._chosen(X).shape[1]
        with torch.no_grad():
            for weight in (self.frequency, self.phase):
                weight.materialize((features, self.frequencies))
                nn.init.normal_(weight)
            self.weight.materialize((features, self.functions, self.frequencies))
            self.bias.materialize((features, self.functions))
            nn.init.normal_(self.weight)
            nn.init.zeros_(self.bias)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        # The features come first, so that each has one matrix product over the examples.
        columns = self._chosen(X).T[:, :, None]
        angles = torch.addcmul(self.phase[:, None], columns, 2 * torch.pi * self.frequency[:, None])
        functions = torch.baddbmm(self.bias[:, None], angles.cos(), self.weight.mT)
        return torch.cat([X, functions.permute(1, 0, 2).flatten(1)], dim=1)

    def _chosen(self, X: torch.Tensor) -> torch.Tensor:
        return X if self.features is None else X.index_select(1, self.features)


class _PiecewiseLinear(nn.Module):
    features: torch.Tensor
    lows: torch.Tensor
    slopes: torch.Tensor

    def __init__(self, layer: PiecewiseLinear):
        super().__init__()
        for name in ("features", "lows", "slopes"):
            values = torch.tensor(getattr(layer, name))
            self.register_buffer(name, values, persistent=False)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        bins = (X.index_select(1, self.features) - self.lows) * self.slopes
        return torch.cat([X, bins.clamp(0, 1)], dim=1)


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
    return {name: _array(value) for name, value in _weights(model).items()}


def _array(weight: torch.Tensor) -> np.ndarray:
    # NumPy has no bfloat16, and float32 has each of its values.
    is_narrow = weight.dtype == torch.bfloat16
    return (weight.float() if is_narrow else weight).detach().cpu().numpy().copy()


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
