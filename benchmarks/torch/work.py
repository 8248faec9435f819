"""The task in PyTorch."""

from collections.abc import Iterator
from functools import cache

import torch
from torch import nn
from torch.utils.data import Sampler

from benchmarks.task import Orders, Task
from hardmax.data.datasets import SCALE, Images
from hardmax.torch import layers


def clear_caches() -> None:
    """Do nothing: no code is compiled."""


@cache
def tensors(part: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images, float32 (examples, channels, height, width) in [0, 1], and labels, int64."""
    images = torch.tensor(part.images).permute(0, 3, 1, 2).contiguous()
    return images.float().mul_(SCALE), torch.tensor(part.labels)


def network(task: Task) -> nn.Sequential:
    """Return the network of PyTorch layers, with the initial weights."""
    net = layers.build(task.architecture)
    layers.make_weights(net, task.shape)
    layers.set_weights(net, task.weights())
    return net


class Order(Orders, Sampler):
    """Replaces RandomSampler, at the same cost."""

    def __iter__(self) -> Iterator[int]:
        yield from self.next().tolist()

    def __len__(self) -> int:
        return len(self.task.dataset.train)
