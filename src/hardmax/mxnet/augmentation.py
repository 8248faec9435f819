"""Augmentation on the device: changes a batch of images as drawn in NumPy."""

from mxnet import np, npx

__all__ = ["augmented"]


def augmented(images: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Return images, float32 (n, channels, height, width), changed as ``Augmentation.draw`` says.

    ``changes``: float32 (n, 4). Pixels between those of the original are interpolated linearly.
    """
    count, channels, height, width = images.shape
    rows = _weights(changes[:, 0], changes[:, 1], height)
    columns = _weights(changes[:, 2], changes[:, 3], width)
    moved = npx.batch_dot(rows, images.transpose(0, 2, 1, 3).reshape(count, height, -1))
    moved = moved.reshape(count, height * channels, width)
    moved = npx.batch_dot(moved, columns, transpose_b=True)
    return moved.reshape(count, height, channels, width).transpose(0, 2, 1, 3)


def _weights(first: np.ndarray, between: np.ndarray, size: int) -> np.ndarray:
    """Return the weights of the original pixels of an axis, (n, size, size), in each new pixel."""
    pixels = np.arange(size, dtype="float32", ctx=first.ctx)
    places = np.abs(first[:, None] + between[:, None] * pixels)
    reflected = (size - 1) - np.abs((size - 1) - places)
    return npx.relu(1 - np.abs(reflected[:, :, None] - pixels))
