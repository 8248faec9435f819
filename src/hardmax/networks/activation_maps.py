"""Gradient-weighted class activation maps: where in an image a network's score comes from.

R. R. Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based
localization", ICCV 2017. A backend's engine computes the features and the gradients.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hardmax.networks.layers import Ensemble, Network
from hardmax.networks.layouts import divided
from hardmax.networks.shapes import Shape, output_shape, walk

__all__ = ["Part", "activation_maps", "halves"]


@dataclass(frozen=True, eq=False)
class Part:
    """Consecutive layers of a network, for inputs of ``input_shape``, and their ``weights``."""

    network: Network
    input_shape: Shape
    weights: dict[str, np.ndarray]


def halves(whole: Part) -> Iterator[tuple[Part, Part]]:
    """Yield the layers of a network up to its last feature map, and those after it.

    A feature map has several rows or columns, and weights before it. Of an Ensemble the halves of
    each member are yielded, of a network without feature maps nothing.
    """
    if len(whole.network) == 1 and isinstance(ensemble := whole.network[0], Ensemble):
        for number in range(ensemble.count):
            prefix = f"0.{number}."
            weights = {
                name.removeprefix(prefix): value
                for name, value in whole.weights.items()
                if name.startswith(prefix)
            }
            yield from halves(Part(ensemble.member, whole.input_shape, weights))
        return
    count, shape = _last_map(whole.network, whole.input_shape)
    if count:
        first, last = divided(whole.weights, count)
        yield (
            Part(whole.network[:count], whole.input_shape, first),
            Part(whole.network[count:], shape, last),
        )


def _last_map(network: Network, shape: Shape) -> tuple[int, Shape]:
    """Return the number of layers up to the last feature map, and its shape; 0 if there is none."""
    found, has_weights = (0, shape), False
    for count, layer in enumerate(network, 1):
        has_weights |= any(place.weights for place in walk((layer,), shape))
        shape = output_shape((layer,), shape)
        if has_weights and len(shape) == 3 and max(shape[:2]) > 1:
            found = count, shape
    return found


def activation_maps(features: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Return the activation maps of examples, float32 (examples, rows, columns), at least 0.

    Each channel counts with the mean of its gradients over rows and columns; what lowers the score
    is 0. ``features`` and the ``gradients`` of the scores with regard to them are float32
    (examples, rows, columns, channels).
    """
    weights = gradients.mean(axis=(1, 2))
    maps: np.ndarray = np.maximum(np.einsum("nijk,nk->nij", features, weights), 0)
    return maps
