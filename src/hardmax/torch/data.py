"""In-memory batches of tensors, and the datasets built from them."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch.utils.data import Dataset, TensorDataset

from hardmax.data.datasets import SCALE, Images, Vectors
from hardmax.torch import augmentation as operations
from hardmax.torch.runtime import draw_seed
from hardmax.training import datamodule, loaders, own_data

__all__ = [
    "DataModule",
    "FashionMNIST",
    "ImageData",
    "Loader",
    "OwnImages",
    "OwnRows",
    "SyntheticRegressionData",
    "VectorData",
]


class Loader(loaders.TensorLoader[torch.Tensor]):
    """Batches of tensors (inputs..., labels) on any device.

    With ``are_images`` the first tensor is uint8, and is returned as float32 in [0, 1].
    """

    def to(self, device: torch.device) -> None:
        """Move the tensors to a device."""
        self.tensors = tuple(a.to(device) for a in self.tensors)

    def draw_seed(self) -> int:
        """Return a seed from PyTorch's global generator."""
        return draw_seed()

    def rows(self, order: np.ndarray) -> torch.Tensor:
        """Return an order as an int64 tensor on the tensors' device."""
        return torch.from_numpy(order).to(self.tensors[0].device)

    def floats(self, array: np.ndarray) -> torch.Tensor:
        """Return a float32 array as a tensor on the tensors' device."""
        return torch.tensor(array, device=self.tensors[0].device)

    def split(self, order: torch.Tensor) -> Iterable[torch.Tensor]:
        """Split an order into batches in one call."""
        return order.split(self.batch_size)

    def take(self, rows: slice | torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the examples at ``rows``, a slice or an int64 tensor."""
        if isinstance(rows, slice):
            batch = tuple(a[rows] for a in self.arrays)
        else:
            batch = tuple(a.index_select(0, rows) for a in self.arrays)
        if not self.are_images:
            return batch
        images = batch[0].float().mul_(SCALE)
        if self.applied is None:
            return (images, *batch[1:])
        _, labels, changes = batch
        return self.applied.apply(operations, images, labels, changes)


class DataModule(datamodule.DataModule[torch.Tensor]):
    """Training and validation batches; a subclass defines ``get_dataloader``.

    ``num_workers`` is the book's and is unused: in-memory data needs no workers.
    """

    def __init__(self, root: str = "../data", num_workers: int = 4):
        self.save_hyperparameters()

    def get_tensorloader(
        self,
        tensors: Sequence[torch.Tensor],
        train: bool,
        indices: slice | Sequence[int] | torch.Tensor = slice(0, None),
    ) -> Loader:
        """Return batches of the examples at ``indices``, shuffled for training.

        All tensors have the same length along their first axis.
        """
        return Loader(tuple(a[indices] for a in tensors), self.batch_size, shuffle=train)


class ImageDataset(Dataset):
    """A dataset of (image, label); images are float32 (channels, height, width)."""

    def __init__(self, images: Images):
        self.images = torch.tensor(images.images).permute(0, 3, 1, 2).contiguous()
        self.labels = torch.tensor(images.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.images[index].float().mul_(SCALE), int(self.labels[index])


class ImageData(datamodule.LabeledData[torch.Tensor, ImageDataset], DataModule):
    """Labeled images of any kind; ``train`` and ``val`` are datasets.

    Batches are (images float32 (n, channels, height, width), labels int64 (n,)).
    """

    def hold(self, images: Images) -> ImageDataset:
        """Return images as a dataset."""
        return ImageDataset(images)

    def loader(self, part: ImageDataset, shuffle: bool) -> Loader:
        """Return batches of an image dataset."""
        return Loader((part.images, part.labels), self.batch_size, shuffle, are_images=True)


class VectorData(datamodule.LabeledData[torch.Tensor, TensorDataset], DataModule):
    """Labeled vectors; ``train`` and ``val`` are datasets.

    Batches are (values float32 (n, features), labels int64 (n,)).
    """

    def hold(self, vectors: Vectors) -> TensorDataset:
        """Return vectors as a dataset."""
        return TensorDataset(torch.tensor(vectors.values), torch.tensor(vectors.labels))

    def loader(self, part: TensorDataset, shuffle: bool) -> Loader:
        """Return batches of a vector dataset."""
        return Loader(part.tensors, self.batch_size, shuffle)


class OwnImages(own_data.OwnImages[torch.Tensor, ImageDataset], ImageData):
    """Images of the user, batched like ``ImageData``; see ``training.own_data``."""


class OwnRows(own_data.OwnRows[torch.Tensor, TensorDataset], VectorData):
    """Rows of a table of the user, batched like ``VectorData``; see ``training.own_data``."""


class FashionMNIST(datamodule.FashionMNIST[torch.Tensor, ImageDataset], ImageData):
    """Fashion-MNIST as PyTorch tensors, with the arguments of its base class."""


class SyntheticRegressionData(datamodule.SyntheticRegressionData[torch.Tensor], DataModule):
    """Synthetic data as PyTorch tensors, with the arguments of its base class."""

    w: torch.Tensor
    b: float
    noise: float

    def synthesize(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return X and y of ``count`` examples."""
        X = torch.randn(count, len(self.w))
        y = X @ self.w.reshape(-1, 1) + self.b + self.noise * torch.randn(count, 1)
        return X, y
