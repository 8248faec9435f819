"""Initial weights from a seed, identical in every framework."""

from typing import TYPE_CHECKING

from hardmax.checks import check_choice
from hardmax.networks.draws import DRAWN, SIGMA, drawn
from hardmax.networks.layers import Network
from hardmax.networks.shapes import Shape, walk

if TYPE_CHECKING:
    import numpy as np

__all__ = ["INITIALIZERS", "SIGMA", "initial_weights"]

#: ``data`` draws normal weights and scales them by the training examples; see ``data_initializer``.
INITIALIZERS = (*DRAWN, "data")


def initial_weights(
    network: Network,
    input_shape: Shape,
    seed: int,
    init: str = "normal",
    inputs: "np.ndarray | None" = None,
) -> "dict[str, np.ndarray]":
    """Return initial weights, float32, by portable name.

    Weights of Linear and Conv layers are drawn by ``init``; they depend only on ``seed``, their
    name and their shape and, with the initializer ``data``, on ``inputs``, the training examples.
    Biases are then 0. Scale, ParametricSELU and BatchNorm start with
    weights of 1, BatchNorm as the identity; a PeriodicEmbedding with frequencies from N(0, 0.1**2),
    phases from -pi to pi, and everything else within 1 / sqrt(frequencies), all uniform. Raises
    ArgumentError for an unknown ``init``, or if ``data`` does not suit the network.
    """
    import numpy as np

    check_choice("initializer", init, INITIALIZERS)
    if init == "data":
        from hardmax.networks.data_initializer import data_weights

        weights = data_weights(network, input_shape, seed, inputs)
    else:
        weights = {
            f"{place.name}.{kind}": drawn(place, kind, seed, DRAWN[init])
            for place in walk(network, input_shape)
            for kind in place.weights
        }
    return {name: value.astype(np.float32) for name, value in weights.items()}
