"""Weights by name: whether they fit a model, and how channels-last frameworks lay them out.

The portable layout is channels-first: a Linear layer's weight is (outputs, inputs), and its inputs
behind a Flatten come channel by channel.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from hardmax.errors import RunError
from hardmax.networks.layers import Conv, Linear, Network
from hardmax.networks.shapes import Shape, walk

__all__ = ["check_fit", "from_channels_last", "to_channels_last"]


def check_fit(
    shapes: Mapping[str, tuple[int, ...] | None], weights: Mapping[str, np.ndarray]
) -> None:
    """Raise RunError unless ``weights`` are just those of ``shapes``; None stands for any shape."""
    missing, foreign = shapes.keys() - weights.keys(), weights.keys() - shapes.keys()
    if missing or foreign:
        raise RunError(
            f"the weights do not fit the model: missing {sorted(missing) or 'none'}, "
            f"unknown {sorted(foreign) or 'none'}"
        )
    for name, shape in shapes.items():
        if shape is not None and shape != weights[name].shape:
            raise RunError(
                f"the weights do not fit the model: {name} must have shape {shape}, "
                f"got {weights[name].shape}"
            )


def to_channels_last(
    network: Network, input_shape: Shape, weights: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return portable weights as a channels-last framework has them, by the same names.

    A Linear layer's weight becomes (inputs, outputs), its inputs in the order in which a picture
    lies flat there; a Conv layer's (height, width, inputs / groups, outputs).
    """
    turned = dict(weights)
    for name, picture in _matrices(network, input_shape):
        kernel = np.moveaxis(weights[name], (0, 1), (-1, -2))
        if picture is not None:
            height, width, channels = picture
            pixels = kernel.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
            kernel = pixels.reshape(kernel.shape)
        turned[name] = np.ascontiguousarray(kernel)
    return turned


def from_channels_last(
    network: Network, input_shape: Shape, weights: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return what ``to_channels_last`` was given."""
    turned = dict(weights)
    for name, picture in _matrices(network, input_shape):
        kernel = weights[name]
        if picture is not None:
            height, width, channels = picture
            pixels = kernel.reshape(height, width, channels, -1).transpose(2, 0, 1, 3)
            kernel = pixels.reshape(kernel.shape)
        turned[name] = np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))
    return turned


def _matrices(network: Network, input_shape: Shape) -> Iterator[tuple[str, Shape | None]]:
    """Yield the name of each Linear or Conv layer's weight, and the picture flat before it."""
    for place in walk(network, input_shape):
        if isinstance(place.layer, Linear | Conv):
            yield f"{place.name}.weight", place.picture
