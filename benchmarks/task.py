"""The task of every contender: data, initial weights, batches, and results."""

import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import expit, log_softmax

from hardmax.data.datasets import SCALE, Dataset
from hardmax.networks import catalog, layers
from hardmax.networks.initializers import initial_weights
from hardmax.training import loaders

BATCH_SIZE = 256
LR = 0.1
CLASSES = 10


@dataclass(frozen=True)
class Task:
    """One network, trained with the initial weights and the orders of one seed."""

    framework: str
    dataset: Dataset
    model: str
    seed: int
    epochs: int

    @property
    def architecture(self) -> layers.Network:
        return catalog.make(self.model, self.shape, CLASSES)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.dataset.shape

    def weights(self) -> dict[str, np.ndarray]:
        """Return the initial weights by portable name."""
        init = catalog.NETWORKS[self.model].init
        return initial_weights(self.architecture, self.shape, self.seed, init)

    def order(self, epoch: int) -> np.ndarray:
        return loaders.order(len(self.dataset.train), self.seed, epoch)


@dataclass
class Orders:
    """The task's orders, epoch by epoch, for contenders that shuffle the data themselves."""

    task: Task
    epoch: int = 0

    def next(self) -> np.ndarray:
        self.epoch += 1
        return self.task.order(self.epoch - 1)


@dataclass(frozen=True)
class Fit:
    """The results of a contender's training.

    ``seconds`` of each epoch, the trained ``weights`` by portable name, and the metrics that the
    contender reports of the last epoch: mean training loss and accuracy on the test set.
    """

    seconds: list[float]
    weights: dict[str, np.ndarray]
    train_loss: float
    test_accuracy: float


class Clock:
    """Runs from its creation, just before the training."""

    def __init__(self) -> None:
        self.marks = [time.perf_counter()]

    def mark(self) -> None:
        """Mark the end of an epoch."""
        self.marks.append(time.perf_counter())

    def seconds(self) -> list[float]:
        """Return the seconds from each mark to the next."""
        return [end - start for start, end in pairwise(self.marks)]


def evaluate_scores(task: Task, weights: dict[str, np.ndarray]) -> tuple[float, int]:
    """Return the mean loss and the number of correct predictions on the test set, in float64."""
    images, labels = task.dataset.test.images, task.dataset.test.labels
    parts = np.array_split(images.transpose(0, 3, 1, 2), 20)  # a convolution's windows are large
    scores = np.concatenate([forward(task, weights, part * SCALE) for part in parts])
    losses = -log_softmax(scores, axis=1)[np.arange(len(labels)), labels]
    return losses.mean().item(), int((scores.argmax(axis=1) == labels).sum())


def forward(task: Task, weights: dict[str, np.ndarray], values: np.ndarray) -> np.ndarray:
    """Return the scores of images, float64 (examples, channels, height, width)."""
    for position, layer in enumerate(task.architecture):
        match layer:
            case layers.Flatten():
                values = values.reshape(len(values), -1)
            case layers.Linear():
                weight, bias = weights[f"{position}.weight"], weights[f"{position}.bias"]
                values = values @ weight.T.astype(np.float64) + bias
            case layers.Conv(_, size, padding=padding):
                weight, bias = weights[f"{position}.weight"], weights[f"{position}.bias"]
                padded = np.pad(values, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
                windows = sliding_window_view(padded, (size, size), (2, 3))
                values = np.einsum("nchwyx,ocyx->nohw", windows, weight, optimize=True)
                values += bias[:, None, None]
            case layers.Pool("average", 2, 2):
                windows = sliding_window_view(values, (2, 2), (2, 3))[:, :, ::2, ::2]
                values = windows.mean(axis=(4, 5))
            case layers.Activation("relu"):
                values = np.maximum(values, 0)
            case layers.Activation("sigmoid"):
                values = expit(values)
            case _:
                raise NotImplementedError(f"no formula here for {layer}")
    return values
