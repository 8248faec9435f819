"""Batches of tensors in memory, and the data sets made of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

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
        self, tensors: Sequence[tf.Tensor], batch_size: int, shuffle: bool, pictures: bool = False
    ):
        super().__init__(len(tensors[0]), batch_size, shuffle)
        self.tensors = tuple(tensors)
        self.pictures = pictures

    def to(self, device: str) -> None:
        """Move the tensors to a device."""
        with tf.device(device):
            self.tensors = tuple(tf.identity(a) for a in self.tensors)

    def draw_seed(self) -> int:
        """Return a seed from TensorFlow's global generator."""
        return int(tf.random.uniform((), maxval=2**31 - 1, dtype=tf.int32))

    def next_order(self) -> tf.Tensor | None:
        """Begin an epoch and return its order; None if unshuffled."""
        order = super().next_order()
        return None if order is None else tf.constant(order.astype(np.int32))

    def take(self, rows: Any) -> tuple[tf.Tensor, ...]:
        """Return the examples ``rows``: a slice, or an int32 tensor."""
        if isinstance(rows, slice):
            return floats(tuple(a[rows] for a in self.tensors), self.pictures)
        return floats(tuple(tf.gather(a, rows) for a in self.tensors), self.pictures)


def floats(batch: tuple[tf.Tensor, ...], pictures: bool) -> tuple[tf.Tensor, ...]:
    """Return a batch whose pictures, bytes, have become float32 of 0 to 1."""
    return (tf.cast(batch[0], tf.float32) * SCALE, *batch[1:]) if pictures else batch


class DataModule(datamodule.DataModule):
    """Training and validation batches; a subclass defines ``get_dataloader``."""

    def __init__(self, root: str = "../data"):
        self.save_hyperparameters()

    def get_tensorloader(
        self, tensors: Sequence[tf.Tensor], train: bool, indices: Any = slice(0, None)
    ) -> Loader:
        """Return batches of the examples ``indices`` of tensors, shuffled for training.

        The tensors have the same number of examples, along their first axis.
        """
        chosen = tuple(tf.convert_to_tensor(a)[indices] for a in tensors)
        return Loader(chosen, self.batch_size, shuffle=train)


class PictureData(datamodule.LabelledData, DataModule):
    """Labelled pictures of any kind; ``train`` and ``val`` are (pictures, labels), as bytes.

    Batches are (pictures float32 (n, height, width, channels), labels int32 (n,)).
    """

    def hold(self, pictures: Pictures) -> tuple[np.ndarray, np.ndarray]:
        """Return pictures, uint8 (n, height, width, channels), and labels, int32 (n,)."""
        return datamodule.pair(pictures)

    def loader(self, part: tuple[np.ndarray, np.ndarray], shuffle: bool) -> Loader:
        """Return batches of such a pair."""
        images, labels = part
        # A copy: TensorFlow may share memory with an array that it is given.
        tensors = (tf.constant(datamodule.with_channels(images).copy()), tf.constant(labels))
        return Loader(tensors, self.batch_size, shuffle, pictures=True)


class VectorData(datamodule.LabelledData, DataModule):
    """Labelled vectors; ``train`` and ``val`` are (values, labels).

    Batches are (values float32 (n, entries), labels int32 (n,)).
    """

    def hold(self, vectors: Vectors) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors, float32 (n, entries), and labels, int32 (n,)."""
        return datamodule.pair(vectors)

    def loader(self, part: tuple[np.ndarray, np.ndarray], shuffle: bool) -> Loader:
        """Return batches of such a pair."""
        # Copies: TensorFlow may share memory with an array that it is given.
        return Loader([tf.constant(a.copy()) for a in part], self.batch_size, shuffle)


class FashionMNIST(datamodule.FashionMNIST, PictureData):
    """Fashion-MNIST as TensorFlow's tensors; ``training.datamodule`` has its arguments."""

    def hold(self, pictures: Pictures) -> tuple[np.ndarray, np.ndarray]:
        """Return pictures, uint8 (n, height, width), and labels, int32 (n,)."""
        return datamodule.grey_pair(pictures)


class SyntheticRegressionData(datamodule.SyntheticRegressionData, DataModule):
    """Synthetic data as TensorFlow's tensors; ``training.datamodule`` has its arguments."""

    w: tf.Tensor
    b: float
    noise: float

    def synthesize(self, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Return X and y of so many examples."""
        X = tf.random.normal((count, len(self.w)))
        noise = self.noise * tf.random.normal((count, 1))
        return X, tf.matmul(X, tf.reshape(self.w, (-1, 1))) + self.b + noise
