"""Augmentation on the device: changes a batch of images as drawn in NumPy."""

import tensorflow as tf

__all__ = ["augmented"]


def augmented(images: tf.Tensor, changes: tf.Tensor) -> tf.Tensor:
    """Return images, float32 (n, height, width, channels), changed as ``Augmentation.draw`` says.

    ``changes``: float32 (n, 4). Pixels between those of the original are interpolated linearly.
    """
    first_row, between_rows, first_column, between_columns = tf.unstack(changes, axis=1)
    rows = _weights(first_row, between_rows, images.shape[1])
    columns = _weights(first_column, between_columns, images.shape[2])
    moved = tf.einsum("nyh,nhwc->nywc", rows, images)
    return tf.einsum("nxw,nywc->nyxc", columns, moved)


def _weights(first: tf.Tensor, between: tf.Tensor, size: int) -> tf.Tensor:
    """Return the weights of the original pixels of an axis, (n, size, size), in each new pixel."""
    pixels = tf.range(size, dtype=first.dtype)
    places = tf.abs(first[:, tf.newaxis] + between[:, tf.newaxis] * pixels)
    reflected = (size - 1) - tf.abs((size - 1) - places)
    return tf.nn.relu(1 - tf.abs(reflected[:, :, tf.newaxis] - pixels))
