"""The task in PyTorch's terms."""

from collections.abc import Iterator
from functools import cache

import torch
from torch import nn
from torch.utils.data import Sampler

from benchmarks.task import Orders, Task
from hardmax.data.datasets import SCALE, Pictures
from hardmax.torch import layers


def forget() -> None:
    """Forget what was compiled: here nothing is."""


@cache
def tensors(pictures: Pictures) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images, float32 (examples, channels, height, width) of 0 to 1, and labels, int64."""
    images = torch.tensor(pictures.images).permute(0, 3, 1, 2).contiguous()
    return images.float().mul_(SCALE), torch.tensor(pictures.labels)


def network(task: Task) -> nn.Sequential:
    """Return the network of PyTorch's layers, with the starting weights by portable name."""
    net = layers.build(task.architecture)
    layers.make_weights(net, task.shape)
    layers.set_weights(net, task.weights())
    return net


class Order(Orders, Sampler):
    """Stands in for RandomSampler, at the same cost."""

    def __iter__(self) -> Iterator[int]:
        yield from self.next().tolist()

    def __len__(self) -> int:
        return len(self.task.dataset.train)
