"""Weights by name: checking that they fit, dividing them, and converting them to channels-last.

The portable layout is channels-first: a Linear layer's weight is (outputs, inputs), and after a
Flatten its inputs are ordered channel by channel.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from hardmax.errors import RunError
from hardmax.networks.layers import Conv, Linear, Network
from hardmax.networks.shapes import Shape, walk

__all__ = [
    "Portable",
    "check_fit",
    "divided",
    "from_channels_last",
    "shifted",
    "to_channels_last",
]


class Portable:
    """Mixin of the models that are built from an architecture: their weights have portable names.

    ``network`` takes examples of ``example_shape``: images (height, width, channels), or
    vectors (features,).
    """

    network: Network
    example_shape: Shape


def check_fit(
    shapes: Mapping[str, tuple[int, ...] | None], weights: Mapping[str, np.ndarray]
) -> None:
    """Raise RunError unless ``weights`` has exactly the names and shapes of ``shapes``.

    None stands for any shape.
    """
    missing, unknown = shapes.keys() - weights.keys(), weights.keys() - shapes.keys()
    if missing or unknown:
        raise RunError(
            f"the weights do not fit the model: missing {sorted(missing) or 'none'}, "
            f"unknown {sorted(unknown) or 'none'}"
        )
    for name, shape in shapes.items():
        if shape is not None and shape != weights[name].shape:
            raise RunError(
                f"the weights do not fit the model: {name} must have shape {shape}, "
                f"got {weights[name].shape}"
            )


def shifted(name: str, count: int) -> str:
    """Return the name of a weight when its layer has ``count`` more layers before it."""
    position, dot, rest = name.partition(".")
    return f"{int(position) + count}{dot}{rest}"


def divided(
    weights: Mapping[str, np.ndarray], count: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the weights of the first ``count`` layers of a network, and those of the others."""
    first = {name: value for name, value in weights.items() if int(name.partition(".")[0]) < count}
    last = {shifted(name, -count): value for name, value in weights.items() if name not in first}
    return first, last


def to_channels_last(
    network: Network, input_shape: Shape, weights: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Convert portable weights to the layout of channels-last frameworks, with the same names.

    A Linear layer's weight becomes (inputs, outputs), with the inputs in the order of a flattened
    channels-last image; a Conv layer's (height, width, inputs / groups, outputs).
    """
    converted = dict(weights)
    for name, image in _matrices(network, input_shape):
        kernel = np.moveaxis(weights[name], (0, 1), (-1, -2))
        if image is not None:
            height, width, channels = image
            pixels = kernel.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
            kernel = pixels.reshape(kernel.shape)
        converted[name] = np.ascontiguousarray(kernel)
    return converted


def from_channels_last(
    network: Network, input_shape: Shape, weights: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Convert weights back; the inverse of ``to_channels_last``."""
    converted = dict(weights)
    for name, image in _matrices(network, input_shape):
        kernel = weights[name]
        if image is not None:
            height, width, channels = image
            pixels = kernel.reshape(height, width, channels, -1).transpose(2, 0, 1, 3)
            kernel = pixels.reshape(kernel.shape)
        converted[name] = np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))
    return converted


def _matrices(network: Network, input_shape: Shape) -> Iterator[tuple[str, Shape | None]]:
    """Yield each Linear or Conv layer's weight name, and the shape of its flattened input image."""
    for place in walk(network, input_shape):
        if isinstance(place.layer, Linear | Conv):
            yield f"{place.name}.weight", place.image
