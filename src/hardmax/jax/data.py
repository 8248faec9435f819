"""In-memory batches of arrays, and the datasets built from them."""

from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

import jax
import numpy as np
from jax import numpy as jnp

from hardmax.data.datasets import SCALE, Images, Vectors
from hardmax.data.images.augmentation import Augmentation
from hardmax.jax import augmentation as operations
from hardmax.jax.runtime import draw_seed, put
from hardmax.jax.tensors import get_key
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


class Loader(loaders.TensorLoader[jax.Array]):
    """Batches of arrays (inputs..., labels) on any device.

    With ``are_images`` the first array is uint8, and is returned as float32 in [0, 1].
    """

    def to(self, device: jax.Device) -> None:
        """Move the arrays to a device."""
        self.tensors = put(self.tensors, device)

    def draw_seed(self) -> int:
        """Return a seed from Python's global generator."""
        return draw_seed()

    def rows(self, order: np.ndarray) -> jax.Array:
        """Return an order as an int32 array on the arrays' device."""
        return self._beside(order.astype(np.int32))

    def floats(self, array: np.ndarray) -> jax.Array:
        """Return a float32 array as an array on the arrays' device."""
        return self._beside(array)

    def _beside(self, array: np.ndarray) -> jax.Array:
        beside: jax.Array = put(array, self.tensors[0].sharding)
        return beside

    def take(self, rows: slice | jax.Array) -> tuple[jax.Array, ...]:
        """Return the examples at ``rows``, a slice or an int32 array."""
        if isinstance(rows, slice):
            rows = self.rows(np.arange(rows.start, rows.stop))
        return take(self.arrays, rows, self.are_images, self.applied)


@partial(jax.jit, static_argnames=("are_images", "augmentation"))
def take(
    arrays: tuple[jax.Array, ...],
    rows: jax.Array,
    are_images: bool,
    augmentation: Augmentation | None,
) -> tuple[jax.Array, ...]:
    """Return a batch: the examples at ``rows``, int32, of each array."""
    batch = tuple(a.at[rows].get(mode="promise_in_bounds") for a in arrays)
    return prepared(batch, are_images, augmentation)


def prepared(
    batch: tuple[jax.Array, ...], are_images: bool, augmentation: Augmentation | None
) -> tuple[jax.Array, ...]:
    """Return a batch with its uint8 images as float32 in [0, 1], and changed by the last array."""
    if not are_images:
        return batch
    images = batch[0].astype(jnp.float32) * np.float32(SCALE)
    if augmentation is None:
        return (images, *batch[1:])
    _, labels, changes = batch
    return augmentation.apply(operations, images, labels, changes)


class DataModule(datamodule.DataModule[jax.Array]):
    """Training and validation batches; a subclass defines ``get_dataloader``."""

    def __init__(self, root: str = "../data"):
        self.save_hyperparameters()

    def get_tensorloader(
        self,
        tensors: Sequence[jax.Array],
        train: bool,
        indices: slice | Sequence[int] | jax.Array = slice(0, None),
    ) -> Loader:
        """Return batches of the examples at ``indices``, shuffled for training.

        All arrays have the same length along their first axis.
        """
        arrays = tuple(jnp.asarray(a)[indices] for a in tensors)
        return Loader(arrays, self.batch_size, shuffle=train)


class ImageData(datamodule.LabeledData[jax.Array, Arrays], DataModule):
    """Labeled images of any kind; ``train`` and ``val`` are (images, labels), images uint8.

    Batches are (images float32 (n, height, width, channels), labels int32 (n,)).
    """

    def hold(self, images: Images) -> Arrays:
        """Return images, uint8 (n, height, width, channels), and labels, int32 (n,)."""
        return datamodule.pair(images)

    def loader(self, part: Arrays, shuffle: bool) -> Loader:
        """Return batches of a pair from ``hold``."""
        images, labels = part
        tensors = (jnp.array(datamodule.with_channels(images)), jnp.array(labels))
        return Loader(tensors, self.batch_size, shuffle, are_images=True)


class VectorData(datamodule.LabeledData[jax.Array, Arrays], DataModule):
    """Labeled vectors; ``train`` and ``val`` are (values, labels).

    Batches are (values float32 (n, features), labels int32 (n,)).
    """

    def hold(self, vectors: Vectors) -> Arrays:
        """Return vectors, float32 (n, features), and labels, int32 (n,)."""
        return datamodule.pair(vectors)

    def loader(self, part: Arrays, shuffle: bool) -> Loader:
        """Return batches of a pair from ``hold``."""
        return Loader(tuple(map(jnp.array, part)), self.batch_size, shuffle)


class OwnImages(own_data.OwnImages[jax.Array, Arrays], ImageData):
    """Images of the user, batched like ``ImageData``; see ``training.own_data``."""


class OwnRows(own_data.OwnRows[jax.Array, Arrays], VectorData):
    """Rows of a table of the user, batched like ``VectorData``; see ``training.own_data``."""


class FashionMNIST(datamodule.FashionMNIST[jax.Array, Arrays], ImageData):
    """Fashion-MNIST as JAX arrays, with the arguments of its base class."""

    def hold(self, images: Images) -> Arrays:
        """Return images, uint8 (n, height, width), and labels, int32 (n,)."""
        return datamodule.grayscale_pair(images)


class SyntheticRegressionData(datamodule.SyntheticRegressionData[jax.Array], DataModule):
    """Synthetic data as JAX arrays, with the arguments of its base class."""

    w: jax.Array
    b: float
    noise: float

    def synthesize(self, count: int) -> tuple[jax.Array, jax.Array]:
        """Return X and y of ``count`` examples."""
        X_key, noise_key = jax.random.split(get_key())
        X = jax.random.normal(X_key, (count, len(self.w)))
        noise = self.noise * jax.random.normal(noise_key, (count, 1))
        return X, X @ self.w.reshape(-1, 1) + self.b + noise
