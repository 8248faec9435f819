"""Networks as values: tuples of layer records.

``catalog.py`` has the named networks, ``shapes.py`` infers shapes and weights, and each
framework's ``layers.py`` builds the native network.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import get_args

from hardmax.checks import check_whole
from hardmax.errors import ArgumentError, RunError
from hardmax.json_values import Json, entries, members

__all__ = [
    "ACTIVATIONS",
    "EPSILON",
    "MOMENTUM",
    "POOLS",
    "Activation",
    "BatchNorm",
    "Concat",
    "Conv",
    "Dropout",
    "Flatten",
    "GlobalPool",
    "Layer",
    "Linear",
    "Network",
    "Pool",
    "Residual",
    "Sequence",
    "from_json",
    "parts",
    "to_json",
]

ACTIVATIONS = ("relu", "sigmoid", "tanh")
POOLS = ("average", "max")

#: BatchNorm updates its statistics to MOMENTUM * old + (1 - MOMENTUM) * batch, with the batch's
#: mean and biased variance; EPSILON is added to the variance before the square root.
MOMENTUM, EPSILON = 0.9, 1e-5


@dataclass(frozen=True)
class Flatten:
    """Flattens each example into a vector, channels first."""


@dataclass(frozen=True)
class Linear:
    """Returns Wx + b for vectors x, with ``outputs`` features."""

    outputs: int
    bias: bool = True

    def __post_init__(self) -> None:
        check_whole("outputs of a Linear layer", self.outputs, 1)
        _check(self, bias=(False, True))


@dataclass(frozen=True)
class Conv:
    """Cross-correlates images with ``outputs`` square kernels and adds a bias.

    ``kernel``, ``stride`` and ``padding`` (zeros on every side) are in pixels. Input and output
    channels are divided into ``groups`` that are convolved separately.
    """

    outputs: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    bias: bool = True

    def __post_init__(self) -> None:
        for name in ("outputs", "kernel", "stride", "groups"):
            check_whole(f"{name} of a Conv layer", getattr(self, name), 1)
        check_whole("padding of a Conv layer", self.padding, 0, self.kernel - 1)
        _check(self, bias=(False, True))
        if self.outputs % self.groups:
            raise ArgumentError(
                f"outputs of a Conv layer must be divisible by groups, got {self.outputs} outputs "
                f"and {self.groups} groups"
            )


@dataclass(frozen=True)
class BatchNorm:
    """Normalizes each channel (or feature) to mean 0 and variance 1, then scales and shifts it.

    It uses the batch's mean and variance in training, running averages otherwise. S. Ioffe and
    C. Szegedy, "Batch normalization", ICML 2015.
    """


@dataclass(frozen=True)
class Pool:
    """Returns the ``max`` or the ``average`` of each square window of ``size`` pixels.

    Max pooling ignores the ``padding``; average pooling cannot have any. Windows that extend
    beyond the padded image are left out.
    """

    kind: str
    size: int
    stride: int
    padding: int = 0

    def __post_init__(self) -> None:
        _check(self, kind=POOLS)
        check_whole("size of a Pool layer", self.size, 1)
        check_whole("stride of a Pool layer", self.stride, 1)
        most = self.size // 2 if self.kind == "max" else 0
        check_whole(f"padding of a {self.kind} Pool layer", self.padding, 0, most)


@dataclass(frozen=True)
class GlobalPool:
    """Returns each channel's mean, turning images into vectors."""


@dataclass(frozen=True)
class Activation:
    """Applies a function to every element: ``relu``, ``sigmoid`` or ``tanh``."""

    function: str

    def __post_init__(self) -> None:
        _check(self, function=ACTIVATIONS)


@dataclass(frozen=True)
class Dropout:
    """In training, sets elements to 0 with probability ``rate`` and scales the others up."""

    rate: float

    def __post_init__(self) -> None:
        if isinstance(self.rate, bool) or not isinstance(self.rate, int | float):
            raise ArgumentError(f"rate of a Dropout layer must be a number, got {self.rate!r}")
        if not 0 <= self.rate < 1:
            raise ArgumentError(
                f"rate of a Dropout layer must be at least 0 and below 1, got {self.rate}"
            )


@dataclass(frozen=True)
class Sequence:
    """Layers applied one after the other, as a block."""

    layers: "Network"

    def __post_init__(self) -> None:
        _check_layers(self.layers)


@dataclass(frozen=True)
class Residual:
    """Returns body(x) + shortcut(x); the shortcut () is the identity."""

    body: "Network"
    shortcut: "Network" = ()

    def __post_init__(self) -> None:
        _check_layers(self.body)
        _check_layers(self.shortcut)


@dataclass(frozen=True)
class Concat:
    """Concatenates the outputs of all branches along the channels; () is the identity."""

    branches: tuple["Network", ...]

    def __post_init__(self) -> None:
        if not isinstance(self.branches, tuple) or len(self.branches) < 2:
            raise ArgumentError(
                f"branches of a Concat layer must be a tuple of two or more, got {self.branches!r}"
            )
        for branch in self.branches:
            _check_layers(branch)


Layer = (
    Flatten
    | Linear
    | Conv
    | BatchNorm
    | Pool
    | GlobalPool
    | Activation
    | Dropout
    | Sequence
    | Residual
    | Concat
)
Network = tuple[Layer, ...]

LAYERS: dict[str, type] = {layer.__name__: layer for layer in get_args(Layer)}

#: Limits on JSON input: the number of layers, and their nesting depth.
MAX_LAYERS, MAX_DEPTH = 2000, 12


def _check(layer: object, **allowed: tuple[object, ...]) -> None:
    """Raise ArgumentError unless each setting equals an allowed value of the same type."""
    for name, values in allowed.items():
        value = getattr(layer, name)
        if not any(type(value) is type(option) and value == option for option in values):
            kind = type(layer).__name__
            options = ", ".join(str(option) for option in values)
            raise ArgumentError(
                f"unknown {name} {value!r} of a {kind} layer; choose one of {options}"
            )


def _check_layers(network: object) -> None:
    if not isinstance(network, tuple) or not all(isinstance(layer, Layer) for layer in network):
        raise ArgumentError(f"a network must be a tuple of layers, got {network!r}")


def parts(layer: Layer) -> dict[str, Network]:
    """Return the networks inside a layer, keyed by the suffix they add to its weights' names."""
    match layer:
        case Sequence(layers):
            return {"": layers}
        case Residual(body, shortcut):
            return {"body.": body, "shortcut.": shortcut}
        case Concat(branches):
            return {f"{i}.": branch for i, branch in enumerate(branches)}
    return {}


def to_json(network: Network) -> list[dict[str, Json]]:
    """Return a network as JSON: a list of layers with their types and settings."""
    return [_layer_to_json(layer) for layer in network]


def _layer_to_json(layer: Layer) -> dict[str, Json]:
    settings = {field.name: _setting_to_json(getattr(layer, field.name)) for field in fields(layer)}
    return {"layer": type(layer).__name__, **settings}


def _setting_to_json(
    setting: bool | int | float | str | tuple[Layer | Network, ...] | None,
) -> Json:
    if not isinstance(setting, tuple):
        return setting
    return [to_json(part) if isinstance(part, tuple) else _layer_to_json(part) for part in setting]


def from_json(layers: object) -> Network:
    """Return the network that ``to_json`` described. Raises RunError for invalid JSON."""
    try:
        return _network(layers, MAX_DEPTH, itertools.count(1))
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"not a description of a network: {error}") from error


def _network(layers: object, max_depth: int, count: Iterator[int]) -> Network:
    """Return a network nested at most ``max_depth`` deep; ``count`` numbers all of its layers."""
    if not isinstance(layers, list):
        raise TypeError(f"expected a list of layers, got {type(layers).__name__}")
    if max_depth == 0:
        raise ValueError(f"layers are nested more than {MAX_DEPTH} deep")
    return tuple(_layer(layer, max_depth - 1, count) for layer in layers)


def _layer(value: object, max_depth: int, count: Iterator[int]) -> Layer:
    if next(count) > MAX_LAYERS:
        raise ValueError(f"at most {MAX_LAYERS} layers are allowed")
    settings = {**members(value)}
    kind = settings.pop("layer", None)
    if not isinstance(kind, str):
        raise TypeError(f"a layer needs the name of its type, got {kind!r}")
    for name, setting in settings.items():
        if name == "branches":
            branches = entries(setting)
            if len(branches) > MAX_LAYERS:
                raise ValueError(f"at most {MAX_LAYERS} branches are allowed, got {len(branches)}")
            settings[name] = tuple(_network(branch, max_depth, count) for branch in branches)
        elif name in ("layers", "body", "shortcut"):
            settings[name] = _network(setting, max_depth, count)
    layer: Layer = LAYERS[kind](**settings)
    return layer
