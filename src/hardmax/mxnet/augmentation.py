"""Augmentation on the device: changes a batch of images as drawn in NumPy."""

from mxnet import np

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
    images: np.ndarray, labels: np.ndarray, changes: np.ndarray, augmentation: Augmentation
) -> tuple[np.ndarray, np.ndarray]:
    """Return images, float32 (n, channels, height, width), changed as drawn, and their labels.

    ``changes``: float32 (n, 12), of ``Augmentation.draw``. Pixels between those of the original are
    interpolated linearly. With ``mixup``, labels are (n, 1, 3) and become (n, 2, 3).
    """
    if augmentation.moves:
        by_column = _moved(images.transpose(0, 3, 1, 2), changes[:, COLUMNS])
        images = _moved(by_column.transpose(0, 3, 2, 1), changes[:, ROWS]).transpose(0, 2, 1, 3)
    if "color" in augmentation.names:
        images = _recolored(images, changes[:, COLOR])
    if "cutout" in augmentation.names:
        images = _cut(images, changes[:, BOX])
    if "mixup" in augmentation.names:
        return _mixed(images, labels, changes[:, SHARE])
    return images, labels


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


def _recolored(images: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return the sum of images, their luma and its mean, each times its factor, in [0, 1]."""
    own, gray, flat = factors.T.reshape(3, -1, 1, 1, 1)
    weights = np.array(LUMA[images.shape[1]], ctx=images.ctx).reshape(-1, 1, 1)
    luma = (images * weights).sum(axis=1, keepdims=True)
    mean = luma.mean(axis=(2, 3), keepdims=True)
    return np.clip(own * images + gray * luma + flat * mean, 0, 1)


def _cut(images: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return images with the mean of each in a box."""
    top, bottom, left, right = bounds.T.reshape(4, -1, 1)
    rows, columns = (np.arange(side, ctx=bounds.ctx) for side in images.shape[2:])
    in_rows, in_columns = (rows >= top) * (rows < bottom), (columns >= left) * (columns < right)
    inside = in_rows.reshape(-1, 1, len(rows), 1) * in_columns.reshape(-1, 1, 1, len(columns))
    return np.where(inside, images.mean(axis=(2, 3), keepdims=True), images)


def _mixed(
    images: np.ndarray, labels: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return each image mixed with one from the reversed batch, and the labels of both."""
    shares = np.stack([share, 1 - share], axis=1)
    both = np.concatenate([labels, labels[::-1]], axis=1)
    labels = np.concatenate([both[:, :, :1], both[:, :, 1:] * shares], axis=2)
    others = images[::-1]
    return others + share.reshape(-1, 1, 1, 1) * (images - others), labels
