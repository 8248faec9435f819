"""What softmax regression reaches on the pixels of images, to compare a network with."""

from math import prod

import numpy as np

from hardmax import frameworks
from hardmax.data.datasets import SCALE, Dataset, Examples
from hardmax.data.mapped import release
from hardmax.data.sampling import order
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.networks.catalog import softmax_regression
from hardmax.networks.layers import Network, Normalize
from hardmax.networks.shapes import weight_shapes
from hardmax.runs.session import Session
from hardmax.runs.settings import SMALLEST_BATCH, Settings, default_batch
from hardmax.training.recipes import Recipe
from hardmax.training.weights import loss_weights

__all__ = ["EPOCHS", "fit_softmax_regression"]

#: The fewest and the most epochs, in which at most VALUES pixel values are seen: as many as in 8
#: epochs of 60,000 images of 28 x 28. More images than can be seen in the fewest are not used.
EPOCHS, VALUES = (3, 10), 400_000_000

#: The most weights: with the optimizer's state and gradients they take a gigabyte.
MOST_WEIGHTS = 2**26

#: The learning rate of Adam times the number of pixel values: a step changes a score by about it.
RATE = 1.0

#: An epoch has about this many steps.
STEPS = 32

#: Draws the batches; fixed, as baselines are a standard.
SEED = 0

#: The mean and the deviation of a channel are those of images, evenly spaced, of about this many
#: pixel values.
LOOKED_AT = 2**22

#: The least deviation of a channel, that of one level of brightness.
LEAST = SCALE


def fit_softmax_regression(
    dataset: Dataset, settings: Settings
) -> tuple[ClassifierEvaluation, int]:
    """Train softmax regression; return its evaluation on the test set, and how many images it saw.

    It is trained in the framework and on the device of the settings, which streams images that are
    too large for memory. The channels are standardized, the initial weights are 0. Raises
    ValueError if it has more than MOST_WEIGHTS.
    """
    values, (fewest, most) = prod(dataset.shape), EPOCHS
    weights = values * len(dataset.classes)
    if weights > MOST_WEIGHTS:
        raise ValueError(f"it has {weights:,} weights, and {MOST_WEIGHTS:,} are the most")
    train, test = _some(dataset.train, VALUES // (fewest * values)), dataset.test
    network = (_normalized(train.inputs), *softmax_regression(len(dataset.classes)))
    session = Session(
        frameworks.load(settings.framework),
        network,
        dataset.shape,
        _zeros(network, dataset.shape),
        Recipe(RATE / values, "adam", schedule="one-cycle"),
        max_epochs=min(max(VALUES // (values * len(train)), fewest), most),
        seed=SEED,
        device=settings.device,
    )
    size = default_batch(len(train), STEPS, SMALLEST_BATCH)
    session.fit(train, None, size, loss_weights=loss_weights(train, None))
    evaluation = ClassifierEvaluation(session.scores(test, size), test.labels, test.weights)
    return evaluation, len(train)


def _some(examples: Examples, most: int) -> Examples:
    """Return at most so many of the examples, drawn at random."""
    if len(examples) <= most:
        return examples
    return examples.take(np.sort(order(len(examples), SEED, 0)[:most]))


def _normalized(images: np.ndarray) -> Normalize:
    """Return the layer that standardizes the channels of images, uint8 with channels last."""
    some = images[:: max(images.size // LOOKED_AT, 1)]
    means, stds = SCALE * some.mean(axis=(0, 1, 2)), SCALE * some.std(axis=(0, 1, 2))
    release(images)
    return Normalize(tuple(means.tolist()), tuple(np.maximum(stds, LEAST).tolist()))


def _zeros(network: Network, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {
        name: np.zeros(size, np.float32) for name, size in weight_shapes(network, shape).items()
    }
