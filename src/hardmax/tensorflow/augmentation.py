"""Augmentation on the device: what ``Augmentation.apply`` calls to change a batch of images."""

import tensorflow as tf

from hardmax.data.images.augmentation import COLUMNS, LUMA, ROWS

__all__ = ["cut", "mixed", "moved", "recolored"]


def moved(images: tf.Tensor, changes: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Return images of ``size``, whose rows and columns of pixels are at places of the original.

    ``images``: float32 (n, height, width, channels); ``changes``: float32 (n, 4). Between
    pixels of the original, values are interpolated linearly.
    """
    by_column = _lines_at(tf.transpose(images, (0, 2, 1, 3)), changes[:, COLUMNS], size[1])
    return _lines_at(tf.transpose(by_column, (0, 2, 1, 3)), changes[:, ROWS], size[0])


def _lines_at(images: tf.Tensor, changes: tf.Tensor, count: int) -> tf.Tensor:
    """Return images whose ``count`` lines, along the second axis, are at places of the original."""
    last = images.shape[1] - 1
    lines = tf.range(count, dtype=changes.dtype)
    reflected = last - tf.abs(last - tf.abs(changes[:, :1] + changes[:, 1:] * lines))
    places = tf.clip_by_value(reflected, 0, last)
    before = tf.cast(places, tf.int32)
    after = tf.minimum(before + 1, last)
    first, second = (tf.gather(images, index, axis=1, batch_dims=1) for index in (before, after))
    share = (places - tf.cast(before, places.dtype))[:, :, tf.newaxis, tf.newaxis]
    return first + share * (second - first)


def recolored(images: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Return the sum of images, their luma and its mean, each times its factor, in [0, 1].

    ``factors``: float32 (n, 3).
    """
    own, gray, flat = tf.unstack(tf.transpose(factors)[:, :, None, None, None])
    luma = tf.reduce_sum(images * tf.constant(LUMA[images.shape[3]]), axis=3, keepdims=True)
    mean = tf.reduce_mean(luma, axis=(1, 2), keepdims=True)
    return tf.clip_by_value(own * images + gray * luma + flat * mean, 0, 1)


def cut(images: tf.Tensor, bounds: tf.Tensor) -> tf.Tensor:
    """Return images with the mean of each in a box, whose ``bounds`` are float32 (n, 4)."""
    top, bottom, left, right = tf.unstack(tf.transpose(bounds)[:, :, None])
    rows, columns = (tf.range(side, dtype=bounds.dtype) for side in images.shape[1:3])
    in_rows, in_columns = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    inside = in_rows[:, :, None, None] & in_columns[:, None, :, None]
    return tf.where(inside, tf.reduce_mean(images, axis=(1, 2), keepdims=True), images)


def mixed(images: tf.Tensor, labels: tf.Tensor, share: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return each image mixed with one from the reversed batch, and the labels of both.

    ``labels`` have weights, (n, 1, 3), and become (n, 2, 3); ``share``: float32 (n, 1).
    """
    shares = tf.stack([share, 1 - share], axis=1)
    both = tf.concat([labels, labels[::-1]], axis=1)
    labels = tf.concat([both[:, :, :1], both[:, :, 1:] * shares], axis=2)
    others = images[::-1]
    return others + share[:, :, None, None] * (images - others), labels
