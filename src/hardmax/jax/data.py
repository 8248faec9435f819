"""Batches of arrays in memory, and the data sets made of them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from hardmax.data.datasets import SCALE, Pictures, Vectors
from hardmax.jax.tensors import get_key, get_seed
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
        self, tensors: Sequence[jax.Array], batch_size: int, shuffle: bool, pictures: bool = False
    ):
        super().__init__(len(tensors[0]), batch_size, shuffle)
        self.tensors = tuple(tensors)
        self.pictures = pictures

    def to(self, device: jax.Device) -> None:
        """Move the arrays to a device."""
        self.tensors = jax.device_put(self.tensors, device)

    def draw_seed(self) -> int:
        """Return a seed from Python's own random numbers."""
        return get_seed()

    def next_order(self) -> jax.Array | None:
        """Begin an epoch and return its order on the arrays' device; None if unshuffled."""
        order = super().next_order()
        return None if order is None else jax.device_put(order.astype(np.int32), self.place())

    def place(self) -> Any:
        """Return where the arrays lie."""
        return self.tensors[0].sharding

    def take(self, rows: Any) -> tuple[jax.Array, ...]:
        """Return the examples ``rows``: a slice, or an int32 array."""
        if isinstance(rows, slice):
            rows = jax.device_put(np.arange(rows.start, rows.stop, dtype=np.int32), self.place())
        return take(self.tensors, rows, self.pictures)


@partial(jax.jit, static_argnames="pictures")
def take(tensors: tuple[jax.Array, ...], rows: jax.Array, pictures: bool) -> tuple[jax.Array, ...]:
    """Return a batch: the examples ``rows``, int32, of each array."""
    return floats(tuple(a.at[rows].get(mode="promise_in_bounds") for a in tensors), pictures)


def floats(batch: tuple[jax.Array, ...], pictures: bool) -> tuple[jax.Array, ...]:
    """Return a batch whose pictures, bytes, have become float32 of 0 to 1."""
    return (batch[0].astype(jnp.float32) * np.float32(SCALE), *batch[1:]) if pictures else batch


class DataModule(datamodule.DataModule):
    """Training and validation batches; a subclass defines ``get_dataloader``."""

    def __init__(self, root: str = "../data"):
        self.save_hyperparameters()

    def get_tensorloader(
        self, tensors: Sequence[jax.Array], train: bool, indices: Any = slice(0, None)
    ) -> Loader:
        """Return batches of the examples ``indices`` of arrays, shuffled for training.

        The arrays have the same number of examples, along their first axis.
        """
        arrays = tuple(jnp.asarray(a)[indices] for a in tensors)
        return Loader(arrays, self.batch_size, shuffle=train)


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
        tensors = (jnp.array(datamodule.with_channels(images)), jnp.array(labels))
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
        return Loader(tuple(map(jnp.array, part)), self.batch_size, shuffle)


class FashionMNIST(datamodule.FashionMNIST, PictureData):
    """Fashion-MNIST as JAX's arrays; ``training.datamodule`` has its arguments."""

    def hold(self, pictures: Pictures) -> tuple[np.ndarray, np.ndarray]:
        """Return pictures, uint8 (n, height, width), and labels, int32 (n,)."""
        return datamodule.grey_pair(pictures)


class SyntheticRegressionData(datamodule.SyntheticRegressionData, DataModule):
    """Synthetic data as JAX's arrays; ``training.datamodule`` has its arguments."""

    w: jax.Array
    b: float
    noise: float

    def synthesize(self, count: int) -> tuple[jax.Array, jax.Array]:
        """Return X and y of so many examples."""
        X_key, noise_key = jax.random.split(get_key())
        X = jax.random.normal(X_key, (count, len(self.w)))
        noise = self.noise * jax.random.normal(noise_key, (count, 1))
        return X, X @ self.w.reshape(-1, 1) + self.b + noise
