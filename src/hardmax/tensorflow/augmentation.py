"""Augmentation on the device: changes a batch of images as drawn in NumPy."""

import tensorflow as tf

__all__ = ["augmented"]


def augmented(images: tf.Tensor, changes: tf.Tensor) -> tf.Tensor:
    """Return images, float32 (n, height, width, channels), changed as ``Augmentation.draw`` says.

    ``changes``: float32 (n, 4). Pixels between those of the original are interpolated linearly.
    """
    by_column = _moved(tf.transpose(images, (0, 2, 1, 3)), changes[:, 2:])
    return _moved(tf.transpose(by_column, (0, 2, 1, 3)), changes[:, :2])


def _moved(images: tf.Tensor, changes: tf.Tensor) -> tf.Tensor:
    """Return images whose lines, along the second axis, are those at places of the original."""
    last = images.shape[1] - 1
    lines = tf.range(last + 1, dtype=changes.dtype)
    reflected = last - tf.abs(last - tf.abs(changes[:, :1] + changes[:, 1:] * lines))
    places = tf.clip_by_value(reflected, 0, last)
    before = tf.cast(places, tf.int32)
    after = tf.minimum(before + 1, last)
    first, second = (tf.gather(images, index, axis=1, batch_dims=1) for index in (before, after))
    share = (places - tf.cast(before, places.dtype))[:, :, tf.newaxis, tf.newaxis]
    return first + share * (second - first)
