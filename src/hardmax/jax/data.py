"""In-memory batches of arrays, and the datasets built from them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from hardmax.data.datasets import SCALE, Images, Vectors
from hardmax.jax.tensors import get_key, get_seed
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
        self, tensors: Sequence[jax.Array], batch_size: int, shuffle: bool, are_images: bool = False
    ):
        super().__init__(len(tensors[0]), batch_size, shuffle)
        self.tensors = tuple(tensors)
        self.are_images = are_images

    def to(self, device: jax.Device) -> None:
        """Move the arrays to a device."""
        self.tensors = jax.device_put(self.tensors, device)

    def draw_seed(self) -> int:
        """Return a seed from Python's global generator."""
        return get_seed()

    def next_order(self) -> jax.Array | None:
        """Start an epoch and return its order on the arrays' device, or None if unshuffled."""
        order = super().next_order()
        return None if order is None else jax.device_put(order.astype(np.int32), self.sharding())

    def sharding(self) -> Any:
        """Return the sharding of the arrays."""
        return self.tensors[0].sharding

    def take(self, rows: Any) -> tuple[jax.Array, ...]:
        """Return the examples at ``rows``, a slice or an int32 array."""
        if isinstance(rows, slice):
            rows = jax.device_put(np.arange(rows.start, rows.stop, dtype=np.int32), self.sharding())
        return take(self.tensors, rows, self.are_images)


@partial(jax.jit, static_argnames="are_images")
def take(
    tensors: tuple[jax.Array, ...], rows: jax.Array, are_images: bool
) -> tuple[jax.Array, ...]:
    """Return a batch: the examples at ``rows``, int32, of each array."""
    return floats(tuple(a.at[rows].get(mode="promise_in_bounds") for a in tensors), are_images)


def floats(batch: tuple[jax.Array, ...], are_images: bool) -> tuple[jax.Array, ...]:
    """Return a batch with its uint8 images converted to float32 in [0, 1]."""
    return (batch[0].astype(jnp.float32) * np.float32(SCALE), *batch[1:]) if are_images else batch


class DataModule(datamodule.DataModule):
    """Training and validation batches; a subclass defines ``get_dataloader``."""

    def __init__(self, root: str = "../data"):
        self.save_hyperparameters()

    def get_tensorloader(
        self, tensors: Sequence[jax.Array], train: bool, indices: Any = slice(0, None)
    ) -> Loader:
        """Return batches of the examples at ``indices``, shuffled for training.

        All arrays have the same length along their first axis.
        """
        arrays = tuple(jnp.asarray(a)[indices] for a in tensors)
        return Loader(arrays, self.batch_size, shuffle=train)


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
        tensors = (jnp.array(datamodule.with_channels(images)), jnp.array(labels))
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
        return Loader(tuple(map(jnp.array, part)), self.batch_size, shuffle)


class FashionMNIST(datamodule.FashionMNIST, ImageData):
    """Fashion-MNIST as JAX arrays; see ``training.datamodule`` for the arguments."""

    def hold(self, images: Images) -> tuple[np.ndarray, np.ndarray]:
        """Return images, uint8 (n, height, width), and labels, int32 (n,)."""
        return datamodule.grayscale_pair(images)


class SyntheticRegressionData(datamodule.SyntheticRegressionData, DataModule):
    """Synthetic data as JAX arrays; see ``training.datamodule`` for the arguments."""

    w: jax.Array
    b: float
    noise: float

    def synthesize(self, count: int) -> tuple[jax.Array, jax.Array]:
        """Return X and y of ``count`` examples."""
        X_key, noise_key = jax.random.split(get_key())
        X = jax.random.normal(X_key, (count, len(self.w)))
        noise = self.noise * jax.random.normal(noise_key, (count, 1))
        return X, X @ self.w.reshape(-1, 1) + self.b + noise
