"""Augmentation on the device: changes a batch of images as drawn in NumPy."""

import jax
from jax import numpy as jnp

from hardmax.data.images.augmentation import (
    BOX,
    COLOR,
    COLUMNS,
    LUMA,
    ROWS,
    SHARE,
    Augmentation,
)

__all__ = ["augmented"]


def augmented(
    images: jax.Array, labels: jax.Array, changes: jax.Array, augmentation: Augmentation
) -> tuple[jax.Array, jax.Array]:
    """Return images, float32 (n, height, width, channels), changed as drawn, and their labels.

    ``changes``: float32 (n, 12), of ``Augmentation.draw``. Pixels between those of the original are
    interpolated linearly. With ``mixup``, labels are (n, 1, 3) and become (n, 2, 3).
    """
    if augmentation.moves:
        by_column = _moved(images.swapaxes(1, 2), changes[:, COLUMNS])
        images = _moved(by_column.swapaxes(1, 2), changes[:, ROWS])
    if "color" in augmentation.names:
        images = _recolored(images, changes[:, COLOR])
    if "cutout" in augmentation.names:
        images = _cut(images, changes[:, BOX])
    if "mixup" in augmentation.names:
        return _mixed(images, labels, changes[:, SHARE])
    return images, labels


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


def _recolored(images: jax.Array, factors: jax.Array) -> jax.Array:
    """Return the sum of images, their luma and its mean, each times its factor, in [0, 1]."""
    own, gray, flat = factors.T[:, :, None, None, None]
    luma = images @ jnp.array(LUMA[images.shape[3]])[:, None]
    mean = luma.mean(axis=(1, 2), keepdims=True)
    return jnp.clip(own * images + gray * luma + flat * mean, 0, 1)


def _cut(images: jax.Array, bounds: jax.Array) -> jax.Array:
    """Return images with the mean of each in a box."""
    top, bottom, left, right = bounds.T[:, :, None]
    rows, columns = map(jnp.arange, images.shape[1:3])
    in_rows, in_columns = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    inside = in_rows[:, :, None, None] & in_columns[:, None, :, None]
    return jnp.where(inside, images.mean(axis=(1, 2), keepdims=True), images)


def _mixed(images: jax.Array, labels: jax.Array, share: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return each image mixed with one from the reversed batch, and the labels of both."""
    shares = jnp.stack([share, 1 - share], axis=1)
    both = jnp.concatenate([labels, labels[::-1]], axis=1)
    labels = jnp.concatenate([both[:, :, :1], both[:, :, 1:] * shares], axis=2)
    others = images[::-1]
    return others + share[:, :, None, None] * (images - others), labels
