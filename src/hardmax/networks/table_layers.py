"""The layers of networks for tables, as records: they take vectors."""

from dataclasses import dataclass

from hardmax.checks import check_whole, is_finite_float
from hardmax.errors import ArgumentError

__all__ = [
    "SELU_ALPHA",
    "SELU_SCALE",
    "ParametricSELU",
    "PeriodicEmbedding",
    "PiecewiseLinear",
    "Scale",
]

#: The constants of SELU.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


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
        if not all(map(is_finite_float, bounds)) or not all(
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
