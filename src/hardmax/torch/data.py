"""Batches of tensors in memory, and the data sets made of them."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.utils.data import Dataset, TensorDataset

from hardmax.data.datasets import SCALE, Pictures, Vectors
from hardmax.training import datamodule, loaders

__all__ = [
    "DataModule",
    "FashionMNIST",
    "Loader",
    "PictureData",
    "SyntheticRegressionData",
    "VectorData",
]


class Loader(loaders.Loader):
    """Batches of tensors (inputs..., labels), which may lie on any device.

    With ``pictures`` the first tensor holds bytes, which are handed out as float32 of 0 to 1.
    """

    def __init__(
        self,
        tensors: Sequence[torch.Tensor],
        batch_size: int,
        shuffle: bool,
        pictures: bool = False,
    ):
        super().__init__(len(tensors[0]), batch_size, shuffle)
        self.tensors = tuple(tensors)
        self.pictures = pictures

    def to(self, device: torch.device) -> None:
        """Move the tensors to a device."""
        self.tensors = tuple(a.to(device) for a in self.tensors)

    def draw_seed(self) -> int:
        """Return a seed from PyTorch's global generator."""
        return int(torch.randint(2**31, ()))

    def next_order(self) -> torch.Tensor | None:
        """Begin an epoch and return its order on the tensors' device; None if unshuffled."""
        order = super().next_order()
        return None if order is None else torch.from_numpy(order).to(self.tensors[0].device)

    def split(self, order: torch.Tensor) -> Iterable[torch.Tensor]:
        """Cut an order into batches, in one call."""
        return order.split(self.batch_size)

    def take(self, rows: Any) -> tuple[torch.Tensor, ...]:
        """Return the examples ``rows``: a slice, or an int64 tensor."""
        if isinstance(rows, slice):
            batch = tuple(a[rows] for a in self.tensors)
        else:
            batch = tuple(a.index_select(0, rows) for a in self.tensors)
        return (batch[0].float().mul_(SCALE), *batch[1:]) if self.pictures else batch


class DataModule(datamodule.DataModule):
    """Training and validation batches; a subclass defines ``get_dataloader``.

    ``num_workers`` is the book's: data in memory needs no workers, and gets none.
    """

    def __init__(self, root: str = "../data", num_workers: int = 4):
        self.save_hyperparameters()

    def get_tensorloader(
        self, tensors: Sequence[torch.Tensor], train: bool, indices: Any = slice(0, None)
    ) -> Loader:
        """Return batches of the examples ``indices`` of tensors, shuffled for training.

        The tensors have the same number of examples, along their first axis.
        """
        return Loader(tuple(a[indices] for a in tensors), self.batch_size, shuffle=train)


class PictureSet(Dataset):
    """Pictures as a dataset of (float32 of shape (channels, height, width), label)."""

    def __init__(self, pictures: Pictures):
        self.images = torch.tensor(pictures.images).permute(0, 3, 1, 2).contiguous()
        self.labels = torch.tensor(pictures.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.images[index].float().mul_(SCALE), int(self.labels[index])


class PictureData(datamodule.LabelledData, DataModule):
    """Labelled pictures of any kind; ``train`` and ``val`` are its datasets.

    Batches are (pictures float32 (n, channels, height, width), labels int64 (n,)).
    """

    def hold(self, pictures: Pictures) -> PictureSet:
        """Return pictures as a dataset."""
        return PictureSet(pictures)

    def loader(self, part: PictureSet, shuffle: bool) -> Loader:
        """Return batches of a dataset of pictures."""
        return Loader((part.images, part.labels), self.batch_size, shuffle, pictures=True)


class VectorData(datamodule.LabelledData, DataModule):
    """Labelled vectors; ``train`` and ``val`` are its datasets.

    Batches are (values float32 (n, entries), labels int64 (n,)).
    """

    def hold(self, vectors: Vectors) -> TensorDataset:
        """Return vectors as a dataset."""
        return TensorDataset(torch.tensor(vectors.values), torch.tensor(vectors.labels))

    def loader(self, part: TensorDataset, shuffle: bool) -> Loader:
        """Return batches of a dataset of vectors."""
        return Loader(part.tensors, self.batch_size, shuffle)


class FashionMNIST(datamodule.FashionMNIST, PictureData):
    """Fashion-MNIST as PyTorch's tensors; ``training.datamodule`` has its arguments."""


class SyntheticRegressionData(datamodule.SyntheticRegressionData, DataModule):
    """Synthetic data as PyTorch's tensors; ``training.datamodule`` has its arguments."""

    w: torch.Tensor
    b: float
    noise: float

    def synthesize(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return X and y of so many examples."""
        X = torch.randn(count, len(self.w))
        y = X @ self.w.reshape(-1, 1) + self.b + self.noise * torch.randn(count, 1)
        return X, y
