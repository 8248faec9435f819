"""In-memory batches of arrays, and the datasets built from them."""

from collections.abc import Sequence
from typing import TypeAlias

import mxnet as mx
import numpy as onp
from mxnet import gluon, np

from hardmax.data.datasets import SCALE, Images, Vectors
from hardmax.mxnet import augmentation as operations
from hardmax.mxnet.runtime import draw_seed
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


#: Inputs and labels.
Arrays: TypeAlias = tuple[np.ndarray, np.ndarray]


class Loader(loaders.TensorLoader[np.ndarray]):
    """Batches of arrays (inputs..., labels) on any device.

    With ``are_images`` the first array is uint8, and is returned as float32 in [0, 1].
    """

    def to(self, device: mx.Context) -> None:
        """Move the arrays to a device."""
        self.tensors = tuple(a.as_in_ctx(device) for a in self.tensors)

    def draw_seed(self) -> int:
        """Return a seed from MXNet's global generator."""
        return draw_seed()

    def rows(self, order: onp.ndarray) -> np.ndarray:
        """Return an order as an int32 array on the arrays' device."""
        return np.array(order, dtype="int32", ctx=self.tensors[0].ctx)

    def floats(self, array: onp.ndarray) -> np.ndarray:
        """Return a float32 array as an array on the arrays' device."""
        return np.array(array, dtype="float32", ctx=self.tensors[0].ctx)

    def take(self, rows: slice | np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the examples at ``rows``, a slice or an int32 array."""
        if isinstance(rows, slice):
            batch = tuple(a[rows] for a in self.arrays)
        else:
            batch = tuple(np.take(a, rows, axis=0) for a in self.arrays)
        if not self.are_images:
            return batch
        images = batch[0].astype("float32") * SCALE
        if self.applied is None:
            return (images, *batch[1:])
        _, labels, changes = batch
        return self.applied.apply(operations, images, labels, changes)


class DataModule(datamodule.DataModule[np.ndarray]):
    """Training and validation batches; a subclass defines ``get_dataloader``.

    ``num_workers`` is the book's and is unused: in-memory data needs no workers.
    """

    def __init__(self, root: str = "../data", num_workers: int = 4):
        self.save_hyperparameters()

    def get_tensorloader(
        self,
        tensors: Sequence[np.ndarray],
        train: bool,
        indices: slice | Sequence[int] | np.ndarray = slice(0, None),
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


class ImageData(datamodule.LabeledData[np.ndarray, ImageDataset], DataModule):
    """Labeled images of any kind; ``train`` and ``val`` are datasets.

    Batches are (images float32 (n, channels, height, width), labels int32 (n,)).
    """

    def hold(self, images: Images) -> ImageDataset:
        """Return images as a dataset."""
        return ImageDataset(images)

    def loader(self, part: ImageDataset, shuffle: bool) -> Loader:
        """Return batches of an image dataset."""
        return Loader((part.images, part.labels), self.batch_size, shuffle, are_images=True)


class VectorData(datamodule.LabeledData[np.ndarray, Arrays], DataModule):
    """Labeled vectors; ``train`` and ``val`` are (values, labels).

    Batches are (values float32 (n, features), labels int32 (n,)).
    """

    def hold(self, vectors: Vectors) -> Arrays:
        """Return vectors, float32 (n, features), and labels, int32 (n,)."""
        values, labels = datamodule.pair(vectors)
        return np.array(values), np.array(labels, dtype="int32")

    def loader(self, part: Arrays, shuffle: bool) -> Loader:
        """Return batches of a pair from ``hold``."""
        return Loader(part, self.batch_size, shuffle)


class OwnImages(own_data.OwnImages[np.ndarray, ImageDataset], ImageData):
    """Images of the user, batched like ``ImageData``; see ``training.own_data``."""


class OwnRows(own_data.OwnRows[np.ndarray, Arrays], VectorData):
    """Rows of a table of the user, batched like ``VectorData``; see ``training.own_data``."""


class FashionMNIST(datamodule.FashionMNIST[np.ndarray, ImageDataset], ImageData):
    """Fashion-MNIST as MXNet arrays, with the arguments of its base class."""


class SyntheticRegressionData(datamodule.SyntheticRegressionData[np.ndarray], DataModule):
    """Synthetic data as MXNet arrays, with the arguments of its base class."""

    w: np.ndarray
    b: float
    noise: float

    def synthesize(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return X and y of ``count`` examples."""
        X = np.random.normal(0, 1, (count, len(self.w)))
        noise = self.noise * np.random.normal(0, 1, (count, 1))
        return X, np.dot(X, self.w.reshape(-1, 1)) + self.b + noise
