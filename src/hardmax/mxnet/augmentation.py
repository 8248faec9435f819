"""Augmentation on the device: changes a batch of images as drawn in NumPy."""

from mxnet import np

__all__ = ["augmented"]


def augmented(images: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Return images, float32 (n, channels, height, width), changed as ``Augmentation.draw`` says.

    ``changes``: float32 (n, 4). Pixels between those of the original are interpolated linearly.
    """
    by_column = _moved(images.transpose(0, 3, 1, 2), changes[:, 2:])
    return _moved(by_column.transpose(0, 3, 2, 1), changes[:, :2]).transpose(0, 2, 1, 3)


def _moved(images: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Return images whose lines, along the second axis, are those at places of the original."""
    count, size, *rest = images.shape
    last = size - 1
    lines = np.arange(size, dtype="float32", ctx=changes.ctx)
    reflected = last - np.abs(last - np.abs(changes[:, :1] + changes[:, 1:] * lines))
    places = np.clip(reflected, 0, last)
    before = np.floor(places)
    after = np.clip(before + 1, 0, last)
    # np.take has one index for all images, whose lines therefore are one array.
    starts = np.arange(count, dtype="int32", ctx=changes.ctx).reshape(-1, 1) * size
    joined = images.reshape(count * size, *rest)
    first, second = (
        np.take(joined, starts + index.astype("int32"), axis=0) for index in (before, after)
    )
    return first + (places - before).reshape(count, size, 1, 1) * (second - first)
