"""The work that every contender does: the data, the start, the batches, and what it hands back."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Sampler

from hardmax import architectures, batches
from hardmax.data.arrays import SCALE, Dataset, Pictures
from hardmax.data.fashion_mnist import load_fashion_mnist
from hardmax.initializers import starting_weights
from hardmax.torch import layers

BATCH_SIZE = 256
LR = 0.1
CLASSES = 10


@dataclass(frozen=True)
class Data:
    """Fashion-MNIST, as hardmax keeps it and as float32 tensors (examples, 1, 28, 28) of 0 to 1."""

    dataset: Dataset

    @cached_property
    def train(self) -> tuple[torch.Tensor, torch.Tensor]:
        return _tensors(self.dataset.train)

    @cached_property
    def test(self) -> tuple[torch.Tensor, torch.Tensor]:
        return _tensors(self.dataset.test)


def load() -> Data:
    return Data(load_fashion_mnist())


def _tensors(pictures: Pictures) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.tensor(pictures.images).permute(0, 3, 1, 2).contiguous()
    return images.float().mul_(SCALE), torch.tensor(pictures.labels)


@dataclass(frozen=True)
class Task:
    """One network, trained for some epochs from the weights and in the order of one seed."""

    data: Data
    model: str
    seed: int
    epochs: int

    @property
    def architecture(self) -> architectures.Network:
        return architectures.NETWORKS[self.model](CLASSES)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.data.dataset.shape

    def weights(self) -> dict[str, np.ndarray]:
        """Return the starting weights by portable name, which is that of ``network`` too."""
        return starting_weights(self.architecture, self.shape, self.seed)

    def network(self) -> nn.Sequential:
        """Return the network of PyTorch's layers, with the starting weights."""
        net = layers.build(self.architecture, self.shape)
        layers.set_weights(net, self.weights())
        return net

    def order(self, epoch: int) -> np.ndarray:
        return batches.order(len(self.data.dataset.train), self.seed, epoch)


class Order(Sampler):
    """Stands in for RandomSampler: the task's orders, epoch by epoch, at the same cost."""

    def __init__(self, task: Task):
        self.task = task
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        self.epoch += 1
        yield from self.task.order(self.epoch - 1).tolist()

    def __len__(self) -> int:
        return len(self.task.data.dataset.train)


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


def between(marks: list[float]) -> list[float]:
    """Return the seconds from each mark to the next."""
    return [end - start for start, end in pairwise(marks)]


def judge(task: Task, weights: dict[str, np.ndarray]) -> tuple[float, int]:
    """Return the mean loss and the number of right decisions on the test set, in float64."""
    net = task.network()
    layers.set_weights(net, weights)
    images, labels = task.data.test
    with torch.no_grad():
        scores = net.double()(images.double())
        loss = F.cross_entropy(scores, labels).item()
        return loss, int((scores.argmax(dim=1) == labels).sum())
