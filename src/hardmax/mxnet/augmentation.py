"""Augmentation on the device: what ``Augmentation.apply`` calls to change a batch of images."""

from mxnet import np

from hardmax.data.images.augmentation import COLUMNS, LUMA, ROWS

__all__ = ["cut", "mixed", "moved", "recolored"]


def moved(images: np.ndarray, changes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return images of ``size``, whose rows and columns of pixels are at places of the original.

    ``images``: float32 (n, channels, height, width); ``changes``: float32 (n, 4). Between
    pixels of the original, values are interpolated linearly.
    """
    by_column = _lines_at(images.transpose(0, 3, 1, 2), changes[:, COLUMNS], size[1])
    return _lines_at(by_column.transpose(0, 3, 2, 1), changes[:, ROWS], size[0]).transpose(
        0, 2, 1, 3
    )


def _lines_at(images: np.ndarray, changes: np.ndarray, count: int) -> np.ndarray:
    """Return images whose ``count`` lines, along the second axis, are at places of the original."""
    examples, size, *rest = images.shape
    last = size - 1
    lines = np.arange(count, dtype="float32", ctx=changes.ctx)
    reflected = last - np.abs(last - np.abs(changes[:, :1] + changes[:, 1:] * lines))
    places = np.clip(reflected, 0, last)
    before = np.floor(places)
    after = np.clip(before + 1, 0, last)
    # np.take has one index for all images, whose lines therefore are one array.
    starts = np.arange(examples, dtype="int32", ctx=changes.ctx).reshape(-1, 1) * size
    joined = images.reshape(examples * size, *rest)
    first, second = (
        np.take(joined, starts + index.astype("int32"), axis=0) for index in (before, after)
    )
    return first + (places - before).reshape(examples, count, 1, 1) * (second - first)


def recolored(images: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return the sum of images, their luma and its mean, each times its factor, in [0, 1].

    ``factors``: float32 (n, 3).
    """
    own, gray, flat = factors.T.reshape(3, -1, 1, 1, 1)
    weights = np.array(LUMA[images.shape[1]], ctx=images.ctx).reshape(-1, 1, 1)
    luma = (images * weights).sum(axis=1, keepdims=True)
    mean = luma.mean(axis=(2, 3), keepdims=True)
    return np.clip(own * images + gray * luma + flat * mean, 0, 1)


def cut(images: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return images with the mean of each in a box, whose ``bounds`` are float32 (n, 4)."""
    top, bottom, left, right = bounds.T.reshape(4, -1, 1)
    rows, columns = (np.arange(side, ctx=bounds.ctx) for side in images.shape[2:])
    in_rows, in_columns = (rows >= top) * (rows < bottom), (columns >= left) * (columns < right)
    inside = in_rows.reshape(-1, 1, len(rows), 1) * in_columns.reshape(-1, 1, 1, len(columns))
    return np.where(inside, images.mean(axis=(2, 3), keepdims=True), images)


def mixed(
    images: np.ndarray, labels: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return each image mixed with one from the reversed batch, and the labels of both.

    ``labels`` have weights, (n, 1, 3), and become (n, 2, 3); ``share``: float32 (n, 1).
    """
    shares = np.stack([share, 1 - share], axis=1)
    both = np.concatenate([labels, labels[::-1]], axis=1)
    labels = np.concatenate([both[:, :, :1], both[:, :, 1:] * shares], axis=2)
    others = images[::-1]
    return others + share.reshape(-1, 1, 1, 1) * (images - others), labels
