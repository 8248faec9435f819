"""Augmentation on the device: what ``Augmentation.apply`` calls to change a batch of images."""

import jax
from jax import numpy as jnp

from hardmax.data.images.augmentation import COLUMNS, LUMA, ROWS

__all__ = ["cut", "mixed", "moved", "recolored"]


def moved(images: jax.Array, changes: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Return images of ``size``, whose rows and columns of pixels are at places of the original.

    ``images``: float32 (n, height, width, channels); ``changes``: float32 (n, 4). Between
    pixels of the original, values are interpolated linearly.
    """
    by_column = _lines_at(images.swapaxes(1, 2), changes[:, COLUMNS], size[1])
    return _lines_at(by_column.swapaxes(1, 2), changes[:, ROWS], size[0])


def _lines_at(images: jax.Array, changes: jax.Array, count: int) -> jax.Array:
    """Return images whose ``count`` lines, along the second axis, are at places of the original."""
    last = images.shape[1] - 1
    lines = jnp.arange(count)
    reflected = last - jnp.abs(last - jnp.abs(changes[:, :1] + changes[:, 1:] * lines))
    places = jnp.clip(reflected, 0, last)
    before = places.astype(jnp.int32)
    after = jnp.minimum(before + 1, last)
    examples = jnp.arange(len(images))[:, None]
    first, second = (
        images.at[examples, index].get(mode="promise_in_bounds") for index in (before, after)
    )
    return first + (places - before)[:, :, None, None] * (second - first)


def recolored(images: jax.Array, factors: jax.Array) -> jax.Array:
    """Return the sum of images, their luma and its mean, each times its factor, in [0, 1].

    ``factors``: float32 (n, 3).
    """
    own, gray, flat = factors.T[:, :, None, None, None]
    luma = images @ jnp.array(LUMA[images.shape[3]])[:, None]
    mean = luma.mean(axis=(1, 2), keepdims=True)
    return jnp.clip(own * images + gray * luma + flat * mean, 0, 1)


def cut(images: jax.Array, bounds: jax.Array) -> jax.Array:
    """Return images with the mean of each in a box, whose ``bounds`` are float32 (n, 4)."""
    top, bottom, left, right = bounds.T[:, :, None]
    rows, columns = map(jnp.arange, images.shape[1:3])
    in_rows, in_columns = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    inside = in_rows[:, :, None, None] & in_columns[:, None, :, None]
    return jnp.where(inside, images.mean(axis=(1, 2), keepdims=True), images)


def mixed(images: jax.Array, labels: jax.Array, share: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return each image mixed with one from the reversed batch, and the labels of both.

    ``labels`` have weights, (n, 1, 3), and become (n, 2, 3); ``share``: float32 (n, 1).
    """
    shares = jnp.stack([share, 1 - share], axis=1)
    both = jnp.concatenate([labels, labels[::-1]], axis=1)
    labels = jnp.concatenate([both[:, :, :1], both[:, :, 1:] * shares], axis=2)
    others = images[::-1]
    return others + share[:, :, None, None] * (images - others), labels
