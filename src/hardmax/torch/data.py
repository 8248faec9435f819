"""Batches of tensors in memory, and the data sets made of them."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.utils.data import Dataset

from hardmax import batches
from hardmax.data import module
from hardmax.data.arrays import SCALE, Pictures
from hardmax.data.fashion_mnist import load_fashion_mnist

__all__ = ["DataModule", "FashionMNIST", "Loader", "PictureData", "SyntheticRegressionData"]


class Loader(batches.Loader):
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


class DataModule(module.DataModule):
    """Training and validation batches; a subclass defines ``get_dataloader``.

    ``num_workers`` is the book's: data in memory needs no workers, and gets none.
    """

    def __init__(self, root: str = "../data", num_workers: int = 4):
        self.save_hyperparameters()

    def get_tensorloader(
        self, tensors: Sequence[torch.Tensor], train: bool, indices: Any = slice(0, None)
    ) -> Loader:
        """Return batches of the examples ``indices`` of tensors, shuffled for training."""
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


class PictureData(DataModule):
    """Labelled pictures of any kind; ``train`` and ``val`` are its datasets."""

    def __init__(self, train: Pictures | None, val: Pictures | None, batch_size: int = 64):
        super().__init__()
        self.batch_size = batch_size
        self.train, self.val = (None if p is None else PictureSet(p) for p in (train, val))

    def get_dataloader(self, train: bool) -> Loader | None:
        """Return batches of (pictures float32 (n, channels, height, width), labels int64 (n,)).

        None where there is no such part.
        """
        part = self.train if train else self.val
        if part is None:
            return None
        return Loader((part.images, part.labels), self.batch_size, shuffle=train, pictures=True)


class FashionMNIST(module.FashionMNISTLabels, PictureData):
    """Fashion-MNIST, its test set as the validation part, at the size ``resize``.

    ``hardmax.data.fashion_mnist`` says where it is looked for and what is raised.
    """

    def __init__(
        self, batch_size: int = 64, resize: tuple[int, int] = (28, 28), root: str = "../data"
    ):
        dataset = load_fashion_mnist(root, resize)
        super().__init__(dataset.train, dataset.test, batch_size)
        self.save_hyperparameters()


class SyntheticRegressionData(DataModule):
    """Synthetic data of a linear model: y = Xw + b + noise, X and noise normal.

    ``X``: float32 of shape (num_train + num_val, len(w)); ``y``: (num_train + num_val, 1).
    """

    num_train: int

    def __init__(
        self,
        w: torch.Tensor,
        b: float,
        noise: float = 0.01,
        num_train: int = 1000,
        num_val: int = 1000,
        batch_size: int = 32,
    ):
        super().__init__()
        self.save_hyperparameters()
        n = num_train + num_val
        self.X = torch.randn(n, len(w))
        self.y = self.X @ w.reshape(-1, 1) + b + noise * torch.randn(n, 1)

    def get_dataloader(self, train: bool) -> Loader:
        """Return batches of (X, y) of the first ``num_train`` examples, or of the rest."""
        rows = slice(0, self.num_train) if train else slice(self.num_train, None)
        return self.get_tensorloader((self.X, self.y), train, rows)
