"""Augmentation on the device: changes a batch of images as drawn in NumPy."""

import jax
from jax import numpy as jnp

__all__ = ["augmented"]


def augmented(images: jax.Array, changes: jax.Array) -> jax.Array:
    """Return images, float32 (n, height, width, channels), changed as ``Augmentation.draw`` says.

    ``changes``: float32 (n, 4). Pixels between those of the original are interpolated linearly.
    """
    first_row, between_rows, first_column, between_columns = changes.T
    rows = _weights(first_row, between_rows, images.shape[1])
    columns = _weights(first_column, between_columns, images.shape[2])
    moved = jnp.einsum("nyh,nhwc->nywc", rows, images, precision="highest")
    return jnp.einsum("nxw,nywc->nyxc", columns, moved, precision="highest")


def _weights(first: jax.Array, between: jax.Array, size: int) -> jax.Array:
    """Return the weights of the original pixels of an axis, (n, size, size), in each new pixel."""
    pixels = jnp.arange(size, dtype=first.dtype)
    places = jnp.abs(first[:, None] + between[:, None] * pixels)
    reflected = (size - 1) - jnp.abs((size - 1) - places)
    return jax.nn.relu(1 - jnp.abs(reflected[:, :, None] - pixels))
