"""In-memory batches of tensors, and the datasets built from them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from hardmax.data.datasets import SCALE, Images, Vectors
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
    """Batches of tensors (inputs..., labels) on any device.

    With ``are_images`` the first tensor is uint8, and is returned as float32 in [0, 1].
    """

    def __init__(
        self, tensors: Sequence[tf.Tensor], batch_size: int, shuffle: bool, are_images: bool = False
    ):
        super().__init__(len(tensors[0]), batch_size, shuffle)
        self.tensors = tuple(tensors)
        self.are_images = are_images

    def to(self, device: str) -> None:
        """Move the tensors to a device."""
        with tf.device(device):
            self.tensors = tuple(tf.identity(a) for a in self.tensors)

    def draw_seed(self) -> int:
        """Return a seed from TensorFlow's global generator."""
        return int(tf.random.uniform((), maxval=2**31 - 1, dtype=tf.int32))

    def next_order(self) -> tf.Tensor | None:
        """Start an epoch and return its order, or None if unshuffled."""
        order = super().next_order()
        return None if order is None else tf.constant(order.astype(np.int32))

    def take(self, rows: Any) -> tuple[tf.Tensor, ...]:
        """Return the examples at ``rows``, a slice or an int32 tensor."""
        if isinstance(rows, slice):
            return floats(tuple(a[rows] for a in self.tensors), self.are_images)
        return floats(tuple(tf.gather(a, rows) for a in self.tensors), self.are_images)


def floats(batch: tuple[tf.Tensor, ...], are_images: bool) -> tuple[tf.Tensor, ...]:
    """Return a batch with its uint8 images converted to float32 in [0, 1]."""
    return (tf.cast(batch[0], tf.float32) * SCALE, *batch[1:]) if are_images else batch


class DataModule(datamodule.DataModule):
    """Training and validation batches; a subclass defines ``get_dataloader``."""

    def __init__(self, root: str = "../data"):
        self.save_hyperparameters()

    def get_tensorloader(
        self, tensors: Sequence[tf.Tensor], train: bool, indices: Any = slice(0, None)
    ) -> Loader:
        """Return batches of the examples at ``indices``, shuffled for training.

        All tensors have the same length along their first axis.
        """
        chosen = tuple(tf.convert_to_tensor(a)[indices] for a in tensors)
        return Loader(chosen, self.batch_size, shuffle=train)


class ImageData(datamodule.LabeledData, DataModule):
    """Labeled images of any kind; ``train`` and ``val`` are (images, labels), images uint8.

    Batches are (images float32 (n, height, width, channels), labels int32 (n,)).
    """

    def hold(self, images: Images) -> tuple[np.ndarray, np.ndarray]:
        """Return images, uint8 (n, height, width, channels), and labels, int32 (n,)."""
        return datamodule.pair(images)

    def loader(self, part: tuple[np.ndarray, np.ndarray], shuffle: bool) -> Loader:
        """Return batches of a pair from ``hold``."""
        images, labels = part
        # A copy, because TensorFlow may share memory with an array it receives.
        tensors = (tf.constant(datamodule.with_channels(images).copy()), tf.constant(labels))
        return Loader(tensors, self.batch_size, shuffle, are_images=True)


class VectorData(datamodule.LabeledData, DataModule):
    """Labeled vectors; ``train`` and ``val`` are (values, labels).

    Batches are (values float32 (n, features), labels int32 (n,)).
    """

    def hold(self, vectors: Vectors) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors, float32 (n, features), and labels, int32 (n,)."""
        return datamodule.pair(vectors)

    def loader(self, part: tuple[np.ndarray, np.ndarray], shuffle: bool) -> Loader:
        """Return batches of a pair from ``hold``."""
        # Copies, because TensorFlow may share memory with an array it receives.
        return Loader([tf.constant(a.copy()) for a in part], self.batch_size, shuffle)


class FashionMNIST(datamodule.FashionMNIST, ImageData):
    """Fashion-MNIST as TensorFlow tensors; see ``training.datamodule`` for the arguments."""

    def hold(self, images: Images) -> tuple[np.ndarray, np.ndarray]:
        """Return images, uint8 (n, height, width), and labels, int32 (n,)."""
        return datamodule.grayscale_pair(images)


class SyntheticRegressionData(datamodule.SyntheticRegressionData, DataModule):
    """Synthetic data as TensorFlow tensors; see ``training.datamodule`` for the arguments."""

    w: tf.Tensor
    b: float
    noise: float

    def synthesize(self, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Return X and y of ``count`` examples."""
        X = tf.random.normal((count, len(self.w)))
        noise = self.noise * tf.random.normal((count, 1))
        return X, tf.matmul(X, tf.reshape(self.w, (-1, 1))) + self.b + noise
