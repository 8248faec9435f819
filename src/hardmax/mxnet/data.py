"""Batches of arrays in memory, and the data sets made of them."""

from collections.abc import Sequence
from typing import Any

import mxnet as mx
from mxnet import gluon, np

from hardmax.data.datasets import SCALE, Pictures, Vectors
from hardmax.mxnet.tensors import draw_seed
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
    """Batches of arrays (inputs..., labels), which may lie on any device.

    With ``pictures`` the first array holds bytes, which are handed out as float32 of 0 to 1.
    """

    def __init__(
        self, tensors: Sequence[np.ndarray], batch_size: int, shuffle: bool, pictures: bool = False
    ):
        super().__init__(len(tensors[0]), batch_size, shuffle)
        self.tensors = tuple(tensors)
        self.pictures = pictures

    def to(self, device: mx.Context) -> None:
        """Move the arrays to a device."""
        self.tensors = tuple(a.as_in_ctx(device) for a in self.tensors)

    def draw_seed(self) -> int:
        """Return a seed from MXNet's global generator."""
        return draw_seed()

    def next_order(self) -> np.ndarray | None:
        """Begin an epoch and return its order on the arrays' device; None if unshuffled."""
        order = super().next_order()
        if order is None:
            return None
        return np.array(order, dtype="int32", ctx=self.tensors[0].ctx)

    def take(self, rows: Any) -> tuple[np.ndarray, ...]:
        """Return the examples ``rows``: a slice, or an int32 array."""
        if isinstance(rows, slice):
            batch = tuple(a[rows] for a in self.tensors)
        else:
            batch = tuple(np.take(a, rows, axis=0) for a in self.tensors)
        return (batch[0].astype("float32") * SCALE, *batch[1:]) if self.pictures else batch


class DataModule(datamodule.DataModule):
    """Training and validation batches; a subclass defines ``get_dataloader``.

    ``num_workers`` is the book's: data in memory needs no workers, and gets none.
    """

    def __init__(self, root: str = "../data", num_workers: int = 4):
        self.save_hyperparameters()

    def get_tensorloader(
        self, tensors: Sequence[np.ndarray], train: bool, indices: Any = slice(0, None)
    ) -> Loader:
        """Return batches of the examples ``indices`` of arrays, shuffled for training.

        The arrays have the same number of examples, along their first axis.
        """
        return Loader(tuple(a[indices] for a in tensors), self.batch_size, shuffle=train)


class PictureSet(gluon.data.Dataset):
    """Pictures as a dataset of (float32 of shape (channels, height, width), label)."""

    def __init__(self, pictures: Pictures):
        self.images = np.array(pictures.images.transpose(0, 3, 1, 2), dtype="uint8")
        self.labels = np.array(pictures.labels, dtype="int32")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return self.images[index].astype("float32") * SCALE, int(self.labels[index])


class PictureData(datamodule.LabelledData, DataModule):
    """Labelled pictures of any kind; ``train`` and ``val`` are its datasets.

    Batches are (pictures float32 (n, channels, height, width), labels int32 (n,)).
    """

    def hold(self, pictures: Pictures) -> PictureSet:
        """Return pictures as a dataset."""
        return PictureSet(pictures)

    def loader(self, part: PictureSet, shuffle: bool) -> Loader:
        """Return batches of a dataset of pictures."""
        return Loader((part.images, part.labels), self.batch_size, shuffle, pictures=True)


class VectorData(datamodule.LabelledData, DataModule):
    """Labelled vectors; ``train`` and ``val`` are (values, labels).

    Batches are (values float32 (n, entries), labels int32 (n,)).
    """

    def hold(self, vectors: Vectors) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors, float32 (n, entries), and labels, int32 (n,)."""
        values, labels = datamodule.pair(vectors)
        return np.array(values), np.array(labels, dtype="int32")

    def loader(self, part: tuple[np.ndarray, np.ndarray], shuffle: bool) -> Loader:
        """Return batches of such a pair."""
        return Loader(part, self.batch_size, shuffle)


class FashionMNIST(datamodule.FashionMNIST, PictureData):
    """Fashion-MNIST as MXNet's arrays; ``training.datamodule`` has its arguments."""


class SyntheticRegressionData(datamodule.SyntheticRegressionData, DataModule):
    """Synthetic data as MXNet's arrays; ``training.datamodule`` has its arguments."""

    w: np.ndarray
    b: float
    noise: float

    def synthesize(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return X and y of so many examples."""
        X = np.random.normal(0, 1, (count, len(self.w)))
        noise = self.noise * np.random.normal(0, 1, (count, 1))
        return X, np.dot(X, self.w.reshape(-1, 1)) + self.b + noise
