"""The work that every contender does: the data, the start, the batches, and what it hands back."""

import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import log_softmax

from hardmax import architectures, batches, networks
from hardmax.data.arrays import SCALE, Dataset
from hardmax.initializers import starting_weights

BATCH_SIZE = 256
LR = 0.1
CLASSES = 10


@dataclass(frozen=True)
class Task:
    """One network, trained for some epochs from the weights and in the order of one seed."""

    framework: str
    dataset: Dataset
    model: str
    seed: int
    epochs: int

    @property
    def architecture(self) -> architectures.Network:
        return networks.make(self.model, self.shape, CLASSES)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.dataset.shape

    def weights(self) -> dict[str, np.ndarray]:
        """Return the starting weights by portable name: (outputs, inputs), and (outputs,)."""
        return starting_weights(self.architecture, self.shape, self.seed)

    def order(self, epoch: int) -> np.ndarray:
        return batches.order(len(self.dataset.train), self.seed, epoch)


@dataclass
class Orders:
    """The task's orders, epoch by epoch, for those who shuffle in a place of their own."""

    task: Task
    epoch: int = 0

    def next(self) -> np.ndarray:
        self.epoch += 1
        return self.task.order(self.epoch - 1)


@dataclass(frozen=True)
class Fit:
    """What a contender's training gave.

    ``seconds`` of each epoch, the trained ``weights`` by portable name, and what the contender
    itself says of the last epoch: its mean training loss and the accuracy on the test set.
    """

    seconds: list[float]
    weights: dict[str, np.ndarray]
    train_loss: float
    test_accuracy: float


class Clock:
    """Runs from the moment that it is made, just before the training is called."""

    def __init__(self) -> None:
        self.marks = [time.perf_counter()]

    def mark(self) -> None:
        """Mark the end of an epoch."""
        self.marks.append(time.perf_counter())

    def seconds(self) -> list[float]:
        """Return the seconds from each mark to the next."""
        return [end - start for start, end in pairwise(self.marks)]


def judge(task: Task, weights: dict[str, np.ndarray]) -> tuple[float, int]:
    """Return the mean loss and the number of right decisions on the test set, in float64."""
    images, labels = task.dataset.test.images, task.dataset.test.labels
    values = images.transpose(0, 3, 1, 2) * SCALE
    for position, layer in enumerate(task.architecture):
        match layer:
            case architectures.Flatten():
                values = values.reshape(len(values), -1)
            case architectures.Linear():
                weight, bias = weights[f"{position}.weight"], weights[f"{position}.bias"]
                values = values @ weight.T.astype(np.float64) + bias
            case architectures.Activation("relu"):
                values = np.maximum(values, 0)
    losses = -log_softmax(values, axis=1)[np.arange(len(labels)), labels]
    return losses.mean().item(), int((values.argmax(axis=1) == labels).sum())
