"""Starting weights from a seed, the same numbers for every framework."""

import numpy as np

from hardmax.architectures import Network, weight_shapes

__all__ = ["SIGMA", "starting_weights"]

#: The standard deviation of the book's starting weights.
SIGMA = 0.01


def starting_weights(
    network: Network, input_shape: tuple[int, ...], seed: int
) -> dict[str, np.ndarray]:
    """Return weights drawn from N(0, 0.01**2) and biases of 0, float32, by portable name.

    Each weight's numbers depend on ``seed`` and its own name alone.
    """
    weights = {}
    for name, shape in weight_shapes(network, input_shape).items():
        if name.endswith("bias"):
            weights[name] = np.zeros(shape, np.float32)
        else:
            generator = np.random.default_rng([seed, *name.encode()])
            weights[name] = (SIGMA * generator.standard_normal(shape)).astype(np.float32)
    return weights
