"""Weights by name: whether they fit a model, and how channels-last frameworks lay them out.

The portable layout is channels-first: a Linear layer's weight is (outputs, inputs), and its inputs
behind a Flatten come channel by channel.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from hardmax.architectures import Flatten, Linear, Network
from hardmax.errors import RunError

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
    network: Network, input_shape: tuple[int, int, int], weights: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return portable weights as a channels-last framework has them, by the same names.

    A Linear layer's weight becomes (inputs, outputs), its inputs in the order of a picture of
    ``input_shape`` (height, width, channels).
    """
    height, width, channels = input_shape
    turned = dict(weights)
    for name, after_flatten in _linear_weights(network):
        kernel = weights[name].T
        if after_flatten:
            pixels = kernel.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
            kernel = pixels.reshape(kernel.shape)
        turned[name] = kernel
    return turned


def from_channels_last(
    network: Network, input_shape: tuple[int, int, int], weights: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return what ``to_channels_last`` was given."""
    height, width, channels = input_shape
    turned = dict(weights)
    for name, after_flatten in _linear_weights(network):
        kernel = weights[name]
        if after_flatten:
            pixels = kernel.reshape(height, width, channels, -1).transpose(2, 0, 1, 3)
            kernel = pixels.reshape(kernel.shape)
        turned[name] = np.ascontiguousarray(kernel.T)
    return turned


def _linear_weights(network: Network) -> Iterator[tuple[str, bool]]:
    """Yield the name of each Linear layer's weight, and whether a picture lies flat before it."""
    flattened = False
    for position, layer in enumerate(network):
        if isinstance(layer, Linear):
            yield f"{position}.weight", flattened
        flattened = isinstance(layer, Flatten) or (flattened and not isinstance(layer, Linear))
