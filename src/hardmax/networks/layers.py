"""Networks as values: tuples of layer records.

``catalog.py`` has the named networks, ``descriptions.py`` their JSON, ``shapes.py`` infers shapes
and weights, and each framework's ``layers.py`` builds the native network.
"""

from dataclasses import dataclass
from math import isfinite

from hardmax.checks import check_whole
from hardmax.errors import ArgumentError

__all__ = [
    "ACTIVATIONS",
    "DROPOUT_SCHEDULES",
    "EPSILON",
    "MOMENTUM",
    "POOLS",
    "SELU_ALPHA",
    "SELU_SCALE",
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
    "ParametricSELU",
    "PeriodicEmbedding",
    "PiecewiseLinear",
    "Pool",
    "Residual",
    "Scale",
    "Sequence",
    "parts",
]

ACTIVATIONS = ("relu", "sigmoid", "tanh")
POOLS = ("average", "max")
DROPOUT_SCHEDULES = ("constant", "flat-cos")

#: BatchNorm updates its statistics to MOMENTUM * old + (1 - MOMENTUM) * batch, with the batch's
#: mean and biased variance; EPSILON is added to the variance before the square root.
MOMENTUM, EPSILON = 0.9, 1e-5

#: The constants of SELU.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


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
class Scale:
    """Multiplies each feature of a vector by a weight."""


@dataclass(frozen=True)
class PeriodicEmbedding:
    """Appends ``outputs`` - 1 functions of each feature x to a vector.

    These are W cos(2 pi w x + b) + c, with ``frequencies`` w and phases b, and a matrix W and a
    bias c, that each feature has for itself. ``features`` are the positions of the features that
    have such functions, by default all. D. Holzmueller,
    L. Grinsztajn and I. Steinwart, "Better by default", NeurIPS 2024, call it a PBLD embedding.
    """

    frequencies: int = 16
    outputs: int = 4
    features: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        check_whole("frequencies of a PeriodicEmbedding layer", self.frequencies, 1)
        check_whole("outputs of a PeriodicEmbedding layer", self.outputs, 2)
        if self.features is not None and not self.features:
            raise ArgumentError("features of a PeriodicEmbedding layer must not be empty")
        for feature in self.features or ():
            check_whole("features of a PeriodicEmbedding layer", feature, 0)


@dataclass(frozen=True)
class PiecewiseLinear:
    """Appends the piecewise linear encoding of features to a vector: one element for each bin.

    That of a bin is (x - low) / (high - low), clipped to 0 and 1, for the feature x at the bin's
    position in ``features`` and its bounds in ``lows`` and ``highs``, which are not trained.
    Y. Gorishniy, I. Rubachev and A. Babenko, "On embeddings for numerical features in tabular deep
    learning", NeurIPS 2022.
    """

    features: tuple[int, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]

    def __post_init__(self) -> None:
        for feature in self.features:
            check_whole("features of a PiecewiseLinear layer", feature, 0)
        bounds = (*self.lows, *self.highs)
        if not self.features or {len(self.lows), len(self.highs)} != {len(self.features)}:
            raise ArgumentError(
                "a PiecewiseLinear layer needs a feature, a low and a high for each of its bins, "
                f"got {len(self.features)}, {len(self.lows)} and {len(self.highs)}"
            )
        if not all(isinstance(bound, float) and isfinite(bound) for bound in bounds) or not all(
            low < high for low, high in zip(self.lows, self.highs, strict=True)
        ):
            raise ArgumentError(
                "lows and highs of a PiecewiseLinear layer must be finite floats, each low below "
                "its high"
            )

    @property
    def slopes(self) -> tuple[float, ...]:
        """The reciprocals of the widths of the bins."""
        return tuple(1 / (high - low) for low, high in zip(self.lows, self.highs, strict=True))


@dataclass(frozen=True)
class ParametricSELU:
    """Returns (1 - a) x + a selu(x), with a weight a for each feature of a vector x.

    selu is x above 0 and SELU_ALPHA (exp(x) - 1) below, times SELU_SCALE. G. Klambauer et al.,
    "Self-normalizing neural networks", NIPS 2017.
    """


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
    Flatten
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
