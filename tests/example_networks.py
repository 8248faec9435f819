"""Networks that have every layer, and random weights for any network."""

import numpy as np

from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import (
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    Normalize,
    Pad,
    PiecewiseLinear,
    Pool,
    Residual,
    Resize,
    Sequence,
)

CLASSES = 10

#: Every layer, in the variants in which frameworks differ: sizes that grow and shrink, two groups
#: and a group for each channel, padding in max pooling, windows that extend beyond the image,
#: identity branches, BatchNorm of vectors, with another epsilon, and frozen.
EVERY_LAYER = (
    *(Resize(11, 16), Normalize((0.4, 0.5), (0.3, 0.6)), Pad((0, 1), (2, 0))),
    *(Conv(2, 3, stride=2, groups=2, bias=False), BatchNorm(1e-3), Activation("relu6")),
    *(Resize(15, 13), Conv(2, 5, padding=2, groups=2), BatchNorm(frozen=True), Activation("relu6")),
    *(Conv(4, 3, stride=2, padding=1, bias=False), BatchNorm(), Activation("tanh")),
    Sequence(
        (Conv(6, 3, padding=2, groups=2), Activation("sigmoid"), Pool("max", 3, 2, padding=1))
    ),
    Residual((Conv(6, 1), BatchNorm(), Activation("relu"))),
    Residual((Conv(8, 3, padding=1),), (Conv(8, 1, bias=False), BatchNorm())),
    Concat(((), (Conv(3, 1), Concat(((Activation("relu"),), (BatchNorm(),)))))),
    Pool("average", 2, 2),
    Flatten(),
    Linear(16, bias=False),
    *(Activation("tanh"), Linear(12), BatchNorm(), Linear(CLASSES)),
)
NORMED = (Conv(3, 3), BatchNorm(), Flatten(), Linear(4), BatchNorm(), Linear(CLASSES))
SHORT = (Conv(5, 3), Activation("relu"), GlobalPool(), Dropout(0.5), Linear(CLASSES))

#: Bins of two features of a vector, one of which has two.
BINS = PiecewiseLinear((2, 2, 0), (-1.0, 0.25, -0.5), (0.25, 1.5, 0.5))


def random_weights(network, shape, init="he"):
    """Return initial weights with random biases and BatchNorm statistics."""
    generator = np.random.default_rng(2)
    weights = initial_weights(network, shape, 0, init)
    for name, value in weights.items():
        noise = generator.random(value.shape, np.float32)
        if name.endswith(("bias", "running_mean")):
            weights[name] = value + 0.2 * (noise - 0.5)
        elif name.endswith("running_var") or value.ndim == 1:
            weights[name] = value + 0.5 * noise
    return weights
