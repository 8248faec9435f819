"""Networks as values: tuples of layer records.

``catalog.py`` has the named networks, ``descriptions.py`` their JSON, ``shapes.py`` infers shapes
and weights, and each framework's ``layers.py`` builds the native network.
"""

from dataclasses import dataclass

from hardmax.checks import check_whole, is_finite_float
from hardmax.errors import ArgumentError
from hardmax.networks.table_layers import (
    ParametricSELU,
    PeriodicEmbedding,
    PiecewiseLinear,
    Scale,
)

__all__ = [
    "ACTIVATIONS",
    "DROPOUT_SCHEDULES",
    "EPSILON",
    "MOMENTUM",
    "POOLS",
    "Activation",
    "BatchNorm",
    "Concat",
    "Conv",
    "Dropout",
    "Ensemble",
    "Flatten",
    "GlobalPool",
    "Layer",
    "Linear",
    "Network",
    "Normalize",
    "Pad",
    "ParametricSELU",
    "PeriodicEmbedding",
    "PiecewiseLinear",
    "Pool",
    "Residual",
    "Resize",
    "Scale",
    "Sequence",
    "parts",
]

ACTIVATIONS = ("relu", "relu6", "sigmoid", "tanh")
POOLS = ("average", "max")
DROPOUT_SCHEDULES = ("constant", "flat-cos")

#: The largest height and width of a Resize layer, and the most zeros on a side.
MAX_SIDE, MAX_ZEROS = 1024, 64

#: The largest mean and standard deviation of a Normalize layer, which float32 has room for.
LARGEST = 1e6

#: BatchNorm updates its statistics to MOMENTUM * old + (1 - MOMENTUM) * batch, with the batch's
#: mean and biased variance; EPSILON, or its own epsilon, is added to the variance before the square
#: root.
MOMENTUM, EPSILON = 0.9, 1e-5


@dataclass(frozen=True)
class Resize:
    """Scales images to ``height`` x ``width`` pixels by bilinear interpolation, as Pillow does.

    Images that become smaller are antialiased; see ``hardmax.networks.interpolation``.
    """

    height: int
    width: int

    def __post_init__(self) -> None:
        check_whole("height of a Resize layer", self.height, 1, MAX_SIDE)
        check_whole("width of a Resize layer", self.width, 1, MAX_SIDE)


@dataclass(frozen=True)
class Normalize:
    """Returns (x - mean) / std for images x; ``mean`` and ``std`` have a number for each channel.

    They are not trained.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.mean or len(self.mean) != len(self.std):
            raise ArgumentError(
                "a Normalize layer needs a mean and a std for each channel, got "
                f"{len(self.mean)} and {len(self.std)}"
            )
        numbers = (*self.mean, *self.std)
        if not all(map(is_finite_float, numbers)) or not all(
            abs(mean) <= LARGEST and 1 / LARGEST <= std <= LARGEST
            for mean, std in zip(self.mean, self.std, strict=True)
        ):
            raise ArgumentError(
                f"mean and std of a Normalize layer must be floats of at most {LARGEST:g}, std at "
                f"least {1 / LARGEST:g}, got {self.mean} and {self.std}"
            )


@dataclass(frozen=True)
class Pad:
    """Adds ``rows`` of zeros (above, below) and ``columns`` (left, right) to images.

    A Conv layer's own padding is the same on all sides.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]

    def __post_init__(self) -> None:
        for name in ("rows", "columns"):
            sides = getattr(self, name)
            if not isinstance(sides, tuple) or len(sides) != 2:
                raise ArgumentError(f"{name} of a Pad layer must be two integers, got {sides!r}")
            for side in sides:
                check_whole(f"{name} of a Pad layer", side, 0, MAX_ZEROS)


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

    It uses the batch's mean and variance in training, running averages otherwise; if it is
    ``frozen``, always its running averages, which then stay as they are. ``epsilon`` is added to
    the variance. S. Ioffe and C. Szegedy, "Batch normalization", ICML 2015.
    """

    epsilon: float = EPSILON
    frozen: bool = False

    def __post_init__(self) -> None:
        _check(self, frozen=(False, True))
        if not is_finite_float(self.epsilon) or self.epsilon <= 0:
            raise ArgumentError(
                f"epsilon of a BatchNorm layer must be a finite float above 0, got {self.epsilon!r}"
            )


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
    """Applies a function to every element: ``relu``, ``relu6``, ``sigmoid`` or ``tanh``.

    ``relu6`` is min(max(x, 0), 6).
    """

    function: str

    def __post_init__(self) -> None:
        _check(self, function=ACTIVATIONS)


@dataclass(frozen=True)
class Dropout:
    """In training, sets elements to 0 with probability ``rate`` and scales the others up.

    With the ``schedule`` ``flat-cos`` the probability decreases during the second half of the
    training; see ``hardmax.training.schedules.flat_cosine``.
    """

    rate: float
    schedule: str = "constant"

    def __post_init__(self) -> None:
        _check(self, schedule=DROPOUT_SCHEDULES)
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


@dataclass(frozen=True)
class Ensemble:
    """Averages the class probabilities of ``count`` networks that differ in their weights.

    Each is a ``member``, which returns scores, one per class. The output is the logarithm of the
    mean of their softmax, so that it has the averages as its softmax.
    """

    member: "Network"
    count: int

    def __post_init__(self) -> None:
        _check_layers(self.member)
        check_whole("count of an Ensemble layer", self.count, 1)


Layer = (
    Resize
    | Normalize
    | Pad
    | Flatten
    | Linear
    | Conv
    | BatchNorm
    | Pool
    | GlobalPool
    | Activation
    | Dropout
    | Scale
    | PeriodicEmbedding
    | PiecewiseLinear
    | ParametricSELU
    | Sequence
    | Residual
    | Concat
    | Ensemble
)
Network = tuple[Layer, ...]


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
        case Ensemble(member, count):
            return {f"{i}.": member for i in range(count)}
    return {}
