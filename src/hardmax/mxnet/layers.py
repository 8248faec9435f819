"""Builds an architecture from Gluon layers, and gets and sets its weights."""

from collections.abc import Iterable, Mapping
from types import ModuleType

import numpy as onp
from mxnet import gluon, np
from mxnet.gluon import nn

from hardmax.errors import ArgumentError
from hardmax.mxnet import image_layers, table_layers
from hardmax.mxnet.module import Module, scratch_weights
from hardmax.networks.layers import (
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

__all__ = [
    "build",
    "get_weights",
    "make_weights",
    "scale_dropout",
    "set_weights",
    "trained_weights",
]

#: The portable names of BatchNorm's weights.
SCALES = {"gamma": "weight", "beta": "bias"}


def build(network: Network) -> nn.HybridSequential:
    """Return the network; its layers create their weights when they see their first inputs.

    The native names and layouts of its weights are the portable ones, except BatchNorm's names.
    """
    net = nn.HybridSequential()
    net.add(*map(_layer, network))
    return net


def _layer(layer: Layer) -> gluon.HybridBlock:
    match layer:
        case Resize(height, width):
            return image_layers.Resize(height, width)
        case Normalize(mean, std):
            return image_layers.Normalize(mean, std)
        case Pad(rows, columns):
            return image_layers.Pad((*rows, *columns))
        case Flatten():
            return nn.Flatten()
        case Linear(outputs, bias):
            return nn.Dense(outputs, use_bias=bias, flatten=False)
        case Conv(outputs, kernel, stride, padding, groups, bias):
            return nn.Conv2D(outputs, kernel, stride, padding, groups=groups, use_bias=bias)
        case BatchNorm(epsilon, frozen):
            return nn.BatchNorm(momentum=MOMENTUM, epsilon=epsilon, use_global_stats=frozen)
        case Pool("max", size, stride, padding):
            return nn.MaxPool2D(size, stride, padding)
        case Pool("average", size, stride):
            return nn.AvgPool2D(size, stride)
        case GlobalPool():
            pool = nn.HybridSequential()
            pool.add(nn.GlobalAvgPool2D(), nn.Flatten())
            return pool
        case Activation("relu6"):
            return _ReLU6()
        case Activation(function):
            return nn.Activation(function)
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


class _ReLU6(gluon.HybridBlock):
    def hybrid_forward(self, F: ModuleType, X: np.ndarray) -> np.ndarray:
        return F.np.clip(X, 0, 6)


class _ScheduledDropout(nn.Dropout):
    """Dropout whose probability ``scale_dropout`` sets."""

    def __init__(self, rate: float):
        super().__init__(rate)
        self.highest = rate


class _Residual(gluon.HybridBlock):
    def __init__(self, body: gluon.HybridBlock, shortcut: gluon.HybridBlock):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def hybrid_forward(self, F: ModuleType, X: np.ndarray) -> np.ndarray:
        return self.body(X) + self.shortcut(X)


class _Concat(gluon.HybridBlock):
    def __init__(self, branches: Iterable[gluon.HybridBlock]):
        super().__init__()
        for i, branch in enumerate(branches):
            self.register_child(branch, str(i))

    def hybrid_forward(self, F: ModuleType, X: np.ndarray) -> np.ndarray:
        return F.np.concatenate([branch(X) for branch in self._children.values()], axis=1)


class _Ensemble(_Concat):
    def hybrid_forward(self, F: ModuleType, X: np.ndarray) -> np.ndarray:
        members = [F.npx.log_softmax(member(X)) for member in self._children.values()]
        highest = members[0]
        for scores in members[1:]:
            highest = F.np.maximum(highest, scores)
        total = sum(F.np.exp(scores - highest) for scores in members)
        return highest + F.np.log(total / len(members))


def make_weights(net: gluon.HybridBlock, example_shape: Shape) -> None:
    """Create a network's weights for examples of shape (height, width, channels).

    Vectors have shape (features,).
    """
    *sides, channels = example_shape
    net.initialize()
    net(np.zeros((1, channels, *sides)))


def scale_dropout(model: Module, factor: float) -> None:
    """Multiply the probabilities of the scheduled Dropout layers by a factor."""
    changed = []

    def scale(block: gluon.Block) -> None:
        if isinstance(block, _ScheduledDropout) and block._rate != factor * block.highest:
            block._rate = factor * block.highest
            changed.append(block)

    model.net.apply(scale)
    if changed:
        # The probability is part of the compiled network.
        model.net.hybridize(static_alloc=True, static_shape=True)


def trained_weights(model: Module) -> dict[str, gluon.Parameter]:
    """Return the trained weights of a model that is built from an architecture, by name."""
    return {name: value for name, value in _weights(model).items() if value.grad_req != "null"}


def get_weights(model: Module) -> dict[str, onp.ndarray]:
    """Return copies of all weights by name, including plain arrays that are trained.

    The names are portable for a model built from an architecture, and native otherwise.
    Raises ArgumentError if there are none yet.
    """
    try:
        return {name: _array(value).asnumpy() for name, value in _weights(model).items()}
    except gluon.parameter.DeferredInitializationError as error:
        raise ArgumentError(
            f"{type(model).__name__} has no weights yet; call it on a batch, so that its layers "
            "create them"
        ) from error


def set_weights(model: Module, weights: Mapping[str, onp.ndarray]) -> None:
    """Copy weights into a model in place.

    Raises RunError if a name or a shape does not match, before anything is changed.
    """
    current = _weights(model)
    # A lazy layer accepts any shape.
    lazy = {name for name, value in current.items() if min(value.shape, default=1) < 1}
    shapes = {name: None if name in lazy else value.shape for name, value in current.items()}
    check_fit(shapes, weights)
    for name, value in current.items():
        array = np.array(weights[name], dtype=value.dtype)
        if isinstance(value, gluon.Parameter):
            value.set_data(array)
        else:
            value[:] = array


def _array(value: gluon.Parameter | np.ndarray) -> np.ndarray:
    return value.data() if isinstance(value, gluon.Parameter) else value


def _weights(model: Module) -> dict[str, gluon.Parameter | np.ndarray]:
    if isinstance(model, Portable):
        native = model.net._collect_params_with_prefix()
        portable = {_portable(name): value for name, value in native.items()}
        return {name: portable[name] for name in weight_shapes(model.network, model.example_shape)}
    weights = model._collect_params_with_prefix() | dict(scratch_weights(model))
    if not weights:
        raise ArgumentError(
            f"{type(model).__name__} has no weights; keep them in its attributes, as blocks "
            "or as arrays with gradients attached"
        )
    return weights


def _portable(name: str) -> str:
    path, dot, kind = name.rpartition(".")
    return f"{path}{dot}{SCALES.get(kind, kind)}"
