"""Augmentation on the device: changes a batch of images as drawn in NumPy."""

import jax
from jax import numpy as jnp

__all__ = ["augmented"]


def augmented(images: jax.Array, changes: jax.Array) -> jax.Array:
    """Return images, float32 (n, height, width, channels), changed as ``Augmentation.draw`` says.

    ``changes``: float32 (n, 4). Pixels between those of the original are interpolated linearly.
    """
    by_column = _moved(images.swapaxes(1, 2), changes[:, 2:])
    return _moved(by_column.swapaxes(1, 2), changes[:, :2])


def _moved(images: jax.Array, changes: jax.Array) -> jax.Array:
    """Return images whose lines, along the second axis, are those at places of the original."""
    last = images.shape[1] - 1
    lines = jnp.arange(last + 1)
    reflected = last - jnp.abs(last - jnp.abs(changes[:, :1] + changes[:, 1:] * lines))
    places = jnp.clip(reflected, 0, last)
    before = places.astype(jnp.int32)
    after = jnp.minimum(before + 1, last)
    examples = jnp.arange(len(images))[:, None]
    first, second = (
        images.at[examples, index].get(mode="promise_in_bounds") for index in (before, after)
    )
    return first + (places - before)[:, :, None, None] * (second - first)
