"""A network is a value: records of layers.

``networks.py`` has the networks that are known by name, ``shapes.py`` what follows from a network
and the shape of its inputs, and each framework's ``layers.py`` builds the native network.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, get_args

from hardmax.checks import check_whole
from hardmax.errors import ArgumentError, RunError

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

#: BatchNorm's statistics move by ``1 - MOMENTUM`` of the way to a batch's mean and (biased)
#: variance, to which EPSILON is added before the square root is taken.
MOMENTUM, EPSILON = 0.9, 1e-5


@dataclass(frozen=True)
class Flatten:
    """Turns each example into a vector, channels first."""


@dataclass(frozen=True)
class Linear:
    """Returns Wx + b for vectors x, with ``outputs`` entries for each example."""

    outputs: int
    bias: bool = True

    def __post_init__(self) -> None:
        check_whole("outputs of a Linear layer", self.outputs, 1)
        _check(self, bias=(False, True))


@dataclass(frozen=True)
class Conv:
    """Cross-correlates pictures with ``outputs`` square kernels, and adds a bias.

    ``kernel``, ``stride`` and ``padding`` (zeros on every side) are pixels. With ``groups`` the
    channels in and out are divided into so many groups that do not see each other.
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
                f"a Conv layer of {self.outputs} outputs cannot have {self.groups} groups; their "
                "number must divide the outputs"
            )


@dataclass(frozen=True)
class BatchNorm:
    """Gives each channel (or entry) mean 0 and variance 1 in a batch, then scales and shifts it.

    Outside of training it goes by running means of both. S. Ioffe and C. Szegedy, "Batch
    normalization", ICML 2015.
    """


@dataclass(frozen=True)
class Pool:
    """Returns the ``max`` or the ``average`` of every square window of ``size`` pixels.

    ``padding`` is what no maximum sees; averages have none. A window that would reach beyond the
    picture is left out.
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
    """Returns each channel's mean: pictures become vectors."""


@dataclass(frozen=True)
class Activation:
    """Applies a function to every element: ``relu``, ``sigmoid`` or ``tanh``."""

    function: str

    def __post_init__(self) -> None:
        _check(self, function=ACTIVATIONS)


@dataclass(frozen=True)
class Dropout:
    """In training sets a share ``rate`` of the elements to 0 and scales the others up."""

    rate: float

    def __post_init__(self) -> None:
        if isinstance(self.rate, bool) or not isinstance(self.rate, int | float):
            raise ArgumentError(f"rate of a Dropout layer must be a number, got {self.rate!r}")
        if not 0 <= self.rate < 1:
            raise ArgumentError(f"rate of a Dropout layer must be 0 to below 1, got {self.rate}")


@dataclass(frozen=True)
class Sequence:
    """Layers one behind the other, taken together."""

    layers: "Network"

    def __post_init__(self) -> None:
        _check_layers(self.layers)


@dataclass(frozen=True)
class Residual:
    """Returns the sum of what ``body`` and ``shortcut`` make of the inputs; () changes nothing."""

    body: "Network"
    shortcut: "Network" = ()

    def __post_init__(self) -> None:
        _check_layers(self.body)
        _check_layers(self.shortcut)


@dataclass(frozen=True)
class Concat:
    """Returns what each branch makes of the inputs, side by side as channels; () is the inputs."""

    branches: tuple["Network", ...]

    def __post_init__(self) -> None:
        if not isinstance(self.branches, tuple) or len(self.branches) < 2:
            raise ArgumentError("a Concat layer needs two or more branches in a tuple")
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

#: More layers than this, or so many within each other, are no network that anybody means.
MOST_LAYERS, DEEPEST = 2000, 12


def _check(layer: Any, **allowed: tuple) -> None:
    """Raise ArgumentError unless each setting is one of those allowed, and of their type."""
    for name, values in allowed.items():
        value = getattr(layer, name)
        if not any(type(value) is type(one) and value == one for one in values):
            kind = type(layer).__name__
            known = ", ".join(str(one) for one in values)
            raise ArgumentError(f"unknown {name} {value!r} of a layer {kind}; known are {known}")


def _check_layers(network: Any) -> None:
    if not isinstance(network, tuple) or not all(isinstance(one, Layer) for one in network):
        raise ArgumentError(f"a network is a tuple of layers, got {network!r}")


def parts(layer: Layer) -> dict[str, Network]:
    """Return the networks within a layer, by what follows its name in the names of weights."""
    match layer:
        case Sequence(layers):
            return {"": layers}
        case Residual(body, shortcut):
            return {"body.": body, "shortcut.": shortcut}
        case Concat(branches):
            return {f"{i}.": branch for i, branch in enumerate(branches)}
    return {}


def to_json(network: Network) -> list[dict[str, Any]]:
    """Return a network as JSON has it: a list of layers with their kinds and settings."""
    return [
        {
            "layer": type(layer).__name__,
            **{field.name: _plain(getattr(layer, field.name)) for field in fields(layer)},
        }
        for layer in network
    ]


def _plain(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    if value and isinstance(value[0], tuple):
        return [to_json(branch) for branch in value]
    return to_json(value)


def from_json(layers: Any) -> Network:
    """Return the network that ``to_json`` described. Raises RunError where it is none."""
    try:
        network = _network(layers, DEEPEST)
        count = sum(1 for _ in _all(network))
        if count > MOST_LAYERS:
            raise ValueError(f"{count} layers, and at most {MOST_LAYERS} are allowed")
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"not a description of a network: {error}") from error
    return network


def _network(layers: Any, deepest: int) -> Network:
    if not isinstance(layers, list):
        raise TypeError(f"a list of layers is wanted, got {type(layers).__name__}")
    if deepest == 0:
        raise ValueError(f"layers lie more than {DEEPEST} deep within each other")
    if len(layers) > MOST_LAYERS:
        raise ValueError(f"{len(layers)} layers, and at most {MOST_LAYERS} are allowed")
    return tuple(_layer(deepest - 1, **layer) for layer in layers)


def _layer(deepest: int, layer: str, **settings: Any) -> Layer:
    for name, value in settings.items():
        if name == "branches":
            settings[name] = tuple(_network(branch, deepest) for branch in value)
        elif name in ("layers", "body", "shortcut"):
            settings[name] = _network(value, deepest)
    return LAYERS[layer](**settings)


def _all(network: Network) -> Iterator[Layer]:
    for layer in network:
        yield layer
        for inner in parts(layer).values():
            yield from _all(inner)
