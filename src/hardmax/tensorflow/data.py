"""In-memory batches of tensors, and the datasets built from them."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from hardmax.data.datasets import SCALE, Images, Vectors
from hardmax.data.images.augmentation import Augmentation
from hardmax.tensorflow import augmentation as operations
from hardmax.tensorflow.runtime import draw_seed
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


class Loader(loaders.TensorLoader[tf.Tensor]):
    """Batches of tensors (inputs..., labels) on any device.

    With ``are_images`` the first tensor is uint8, and is returned as float32 in [0, 1].
    """

    def to(self, device: str) -> None:
        """Move the tensors to a device."""
        with tf.device(device):
            self.tensors = tuple(tf.identity(a) for a in self.tensors)

    def draw_seed(self) -> int:
        """Return a seed from TensorFlow's global generator."""
        return draw_seed()

    def rows(self, order: np.ndarray) -> tf.Tensor:
        """Return an order as an int32 tensor."""
        return tf.constant(order.astype(np.int32))

    def floats(self, array: np.ndarray) -> tf.Tensor:
        """Return a float32 array as a tensor."""
        return tf.constant(array)

    def take(self, rows: slice | tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Return the examples at ``rows``, a slice or an int32 tensor."""
        if isinstance(rows, slice):
            batch = tuple(a[rows] for a in self.arrays)
        else:
            batch = tuple(tf.gather(a, rows) for a in self.arrays)
        return prepared(batch, self.are_images, self.applied)


def prepared(
    batch: tuple[tf.Tensor, ...], are_images: bool, augmentation: Augmentation | None
) -> tuple[tf.Tensor, ...]:
    """Return a batch with its uint8 images as float32 in [0, 1], and changed by the last tensor."""
    if not are_images:
        return batch
    images = tf.cast(batch[0], tf.float32) * SCALE
    if augmentation is None:
        return (images, *batch[1:])
    _, labels, changes = batch
    return augmentation.apply(operations, images, labels, changes)


class DataModule(datamodule.DataModule[tf.Tensor]):
    """Training and validation batches; a subclass defines ``get_dataloader``."""

    def __init__(self, root: str = "../data"):
        self.save_hyperparameters()

    def get_tensorloader(
        self,
        tensors: Sequence[tf.Tensor],
        train: bool,
        indices: slice | Sequence[int] | tf.Tensor = slice(0, None),
    ) -> Loader:
        """Return batches of the examples at ``indices``, shuffled for training.

        All tensors have the same length along their first axis.
        """
        chosen = tuple(tf.convert_to_tensor(a)[indices] for a in tensors)
        return Loader(chosen, self.batch_size, shuffle=train)


class ImageData(datamodule.LabeledData[tf.Tensor, Arrays], DataModule):
    """Labeled images of any kind; ``train`` and ``val`` are (images, labels), images uint8.

    Batches are (images float32 (n, height, width, channels), labels int32 (n,)).
    """

    def hold(self, images: Images) -> Arrays:
        """Return images, uint8 (n, height, width, channels), and labels, int32 (n,)."""
        return datamodule.pair(images)

    def loader(self, part: Arrays, shuffle: bool) -> Loader:
        """Return batches of a pair from ``hold``."""
        images, labels = part
        # A copy, because TensorFlow may share memory with an array it receives.
        tensors = (tf.constant(datamodule.with_channels(images).copy()), tf.constant(labels))
        return Loader(tensors, self.batch_size, shuffle, are_images=True)


class VectorData(datamodule.LabeledData[tf.Tensor, Arrays], DataModule):
    """Labeled vectors; ``train`` and ``val`` are (values, labels).

    Batches are (values float32 (n, features), labels int32 (n,)).
    """

    def hold(self, vectors: Vectors) -> Arrays:
        """Return vectors, float32 (n, features), and labels, int32 (n,)."""
        return datamodule.pair(vectors)

    def loader(self, part: Arrays, shuffle: bool) -> Loader:
        """Return batches of a pair from ``hold``."""
        # Copies, because TensorFlow may share memory with an array it receives.
        return Loader([tf.constant(a.copy()) for a in part], self.batch_size, shuffle)


class OwnImages(own_data.OwnImages[tf.Tensor, Arrays], ImageData):
    """Images of the user, batched like ``ImageData``; see ``training.own_data``."""


class OwnRows(own_data.OwnRows[tf.Tensor, Arrays], VectorData):
    """Rows of a table of the user, batched like ``VectorData``; see ``training.own_data``."""


class FashionMNIST(datamodule.FashionMNIST[tf.Tensor, Arrays], ImageData):
    """Fashion-MNIST as TensorFlow tensors, with the arguments of its base class."""

    def hold(self, images: Images) -> Arrays:
        """Return images, uint8 (n, height, width), and labels, int32 (n,)."""
        return datamodule.grayscale_pair(images)


class SyntheticRegressionData(datamodule.SyntheticRegressionData[tf.Tensor], DataModule):
    """Synthetic data as TensorFlow tensors, with the arguments of its base class."""

    w: tf.Tensor
    b: float
    noise: float

    def synthesize(self, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Return X and y of ``count`` examples."""
        X = tf.random.normal((count, len(self.w)))
        noise = self.noise * tf.random.normal((count, 1))
        return X, tf.matmul(X, tf.reshape(self.w, (-1, 1))) + self.b + noise
