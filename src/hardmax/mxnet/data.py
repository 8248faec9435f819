"""In-memory batches of arrays, and the datasets built from them."""

from collections.abc import Sequence
from typing import Any

import mxnet as mx
from mxnet import gluon, np

from hardmax.data.datasets import SCALE, Images, Vectors
from hardmax.mxnet.tensors import draw_seed
from hardmax.training import datamodule, loaders

__all__ = [
    "DataModule",
    "FashionMNIST",
    "ImageData",
    "Loader",
    "SyntheticRegressionData",
    "VectorData",
]


class Loader(loaders.Loader):
    """Batches of arrays (inputs..., labels) on any device.

    With ``are_images`` the first array is uint8, and is returned as float32 in [0, 1].
    """

    def __init__(
        self,
        tensors: Sequence[np.ndarray],
        batch_size: int,
        shuffle: bool,
        are_images: bool = False,
    ):
        super().__init__(len(tensors[0]), batch_size, shuffle)
        self.tensors = tuple(tensors)
        self.are_images = are_images

    def to(self, device: mx.Context) -> None:
        """Move the arrays to a device."""
        self.tensors = tuple(a.as_in_ctx(device) for a in self.tensors)

    def draw_seed(self) -> int:
        """Return a seed from MXNet's global generator."""
        return draw_seed()

    def next_order(self) -> np.ndarray | None:
        """Start an epoch and return its order on the arrays' device, or None if unshuffled."""
        order = super().next_order()
        if order is None:
            return None
        return np.array(order, dtype="int32", ctx=self.tensors[0].ctx)

    def take(self, rows: Any) -> tuple[np.ndarray, ...]:
        """Return the examples at ``rows``, a slice or an int32 array."""
        if isinstance(rows, slice):
            batch = tuple(a[rows] for a in self.tensors)
        else:
            batch = tuple(np.take(a, rows, axis=0) for a in self.tensors)
        return (batch[0].astype("float32") * SCALE, *batch[1:]) if self.are_images else batch


class DataModule(datamodule.DataModule):
    """Training and validation batches; a subclass defines ``get_dataloader``.

    ``num_workers`` is the book's and is unused: in-memory data needs no workers.
    """

    def __init__(self, root: str = "../data", num_workers: int = 4):
        self.save_hyperparameters()

    def get_tensorloader(
        self, tensors: Sequence[np.ndarray], train: bool, indices: Any = slice(0, None)
    ) -> Loader:
        """Return batches of the examples at ``indices``, shuffled for training.

        All arrays have the same length along their first axis.
        """
        return Loader(tuple(a[indices] for a in tensors), self.batch_size, shuffle=train)


class ImageDataset(gluon.data.Dataset):
    """A dataset of (image, label); images are float32 (channels, height, width)."""

    def __init__(self, images: Images):
        self.images = np.array(images.images.transpose(0, 3, 1, 2), dtype="uint8")
        self.labels = np.array(images.labels, dtype="int32")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return self.images[index].astype("float32") * SCALE, int(self.labels[index])


class ImageData(datamodule.LabeledData, DataModule):
    """Labeled images of any kind; ``train`` and ``val`` are datasets.

    Batches are (images float32 (n, channels, height, width), labels int32 (n,)).
    """

    def hold(self, images: Images) -> ImageDataset:
        """Return images as a dataset."""
        return ImageDataset(images)

    def loader(self, part: ImageDataset, shuffle: bool) -> Loader:
        """Return batches of an image dataset."""
        return Loader((part.images, part.labels), self.batch_size, shuffle, are_images=True)


class VectorData(datamodule.LabeledData, DataModule):
    """Labeled vectors; ``train`` and ``val`` are (values, labels).

    Batches are (values float32 (n, features), labels int32 (n,)).
    """

    def hold(self, vectors: Vectors) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors, float32 (n, features), and labels, int32 (n,)."""
        values, labels = datamodule.pair(vectors)
        return np.array(values), np.array(labels, dtype="int32")

    def loader(self, part: tuple[np.ndarray, np.ndarray], shuffle: bool) -> Loader:
        """Return batches of a pair from ``hold``."""
        return Loader(part, self.batch_size, shuffle)


class FashionMNIST(datamodule.FashionMNIST, ImageData):
    """Fashion-MNIST as MXNet arrays; see ``training.datamodule`` for the arguments."""


class SyntheticRegressionData(datamodule.SyntheticRegressionData, DataModule):
    """Synthetic data as MXNet arrays; see ``training.datamodule`` for the arguments."""

    w: np.ndarray
    b: float
    noise: float

    def synthesize(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return X and y of ``count`` examples."""
        X = np.random.normal(0, 1, (count, len(self.w)))
        noise = self.noise * np.random.normal(0, 1, (count, 1))
        return X, np.dot(X, self.w.reshape(-1, 1)) + self.b + noise
