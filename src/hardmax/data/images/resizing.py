"""Resize images; those of another aspect ratio are cropped, padded or squashed."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from hardmax.data.options import ReadingOptions
from hardmax.errors import ArgumentError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["MODES", "Box", "fitted", "has_other_ratio", "how_resized", "resize", "scaled_size"]

#: Pillow's mode by the number of channels.
MODES = {1: "L", 3: "RGB"}

#: The images that a thread resizes at a time.
PART = 1024

#: The left, the upper, the right and the lower end of a part of an image, in pixels.
Box = tuple[float, float, float, float]


def resize(images: np.ndarray, size: tuple[int, int], reading: ReadingOptions) -> np.ndarray:
    """Return images resized to ``size`` (height, width) as ``fitted`` does.

    ``images`` is uint8 of shape (examples, height, width, 1 or 3 channels), and so is the result;
    it is ``images`` itself if that already has the size. Raises ArgumentError for a size below
    1 x 1.
    """
    if min(size) < 1:
        raise ArgumentError(f"images must be at least 1 x 1, got size {size}")
    if images.shape[1:3] == tuple(size):
        return images
    from PIL import Image

    channels = images.shape[3]
    scaled = np.empty((len(images), *size, channels), np.uint8)

    def scale(examples: slice) -> None:
        for image, target in zip(images[examples], scaled[examples], strict=True):
            whole = Image.fromarray(image[:, :, 0] if channels == 1 else image)
            target[:] = np.asarray(fitted(whole, size, reading)).reshape(target.shape)

    parts = [slice(at, at + PART) for at in range(0, len(images), PART)]
    if len(parts) == 1:  # starting threads would take longer than a small image
        scale(parts[0])
        return scaled
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(scale, parts))
    return scaled


def fitted(
    image: "Image", size: tuple[int, int], reading: ReadingOptions, box: Box | None = None
) -> "Image":
    """Return a grayscale or RGB image of ``size`` (height, width), bilinear with antialiasing.

    It is cropped, padded or squashed as ``reading.resizing`` says: the same as ``fit``, ``pad`` and
    ``Image.resize`` of Pillow. Of an image with a ``box`` only that part is used.
    """
    from PIL import Image

    height, width = size
    box = box or (0, 0, *image.size)
    if image.size == (width, height):
        return image
    bilinear = Image.Resampling.BILINEAR
    if reading.resizing == "squash":
        return image.resize((width, height), bilinear, box)
    if reading.resizing == "crop":
        return image.resize((width, height), bilinear, _middle(box, width / height))
    rows, columns = _within(box[3] - box[1], box[2] - box[0], size)
    inner = image.resize((columns, rows), bilinear, box)
    whole = Image.new(image.mode, (width, height), _fill(reading, image.mode))
    whole.paste(inner, (round((width - columns) / 2), round((height - rows) / 2)))
    return whole


def has_other_ratio(height: int, width: int, size: tuple[int, int]) -> bool:
    """Return whether an image, scaled to fit into ``size``, leaves some of it free."""
    return _within(height, width, size) != tuple(size)


def how_resized(reading: ReadingOptions) -> str:
    """Return what is done to an image of another aspect ratio, in words."""
    return {
        "crop": "cropped",
        "pad": f"padded with {reading.background or 'white'}",
        "squash": "squashed",
    }[reading.resizing]


def scaled_size(
    stored: tuple[int, int], size: tuple[int, int], reading: ReadingOptions
) -> tuple[int, int]:
    """Return the size (height, width) that ``fitted`` at least scales a ``stored`` image to.

    To be squashed it keeps its size: runs from before JPEGs were decoded at smaller scales must
    find the pixels that they were trained on.
    """
    if reading.resizing == "squash":
        return stored
    return size if reading.resizing == "crop" else _within(*stored, size)


def _middle(box: Box, ratio: float) -> Box:
    """Return the largest part in the middle of a box whose width is ``ratio`` times its height."""
    width, height = box[2] - box[0], box[3] - box[1]
    inner_width = min(width, ratio * height)
    inner_height = height if inner_width < width else min(height, width / ratio)
    left, top = box[0] + (width - inner_width) / 2, box[1] + (height - inner_height) / 2
    return left, top, left + inner_width, top + inner_height


def _within(height: float, width: float, size: tuple[int, int]) -> tuple[int, int]:
    """Return the size of an image that is scaled to fit into ``size``, rounded; at least 1."""
    if width * size[0] > height * size[1]:
        return max(round(height / width * size[1]), 1), size[1]
    return size[0], max(round(width / height * size[0]), 1)


def _fill(reading: ReadingOptions, mode: str) -> int | tuple[int, ...]:
    """Return the background as a pixel of an image of Pillow's ``mode``."""
    from PIL import Image

    one = Image.new("RGB", (1, 1), reading.background_color).convert(mode)
    return tuple(one.tobytes()) if mode == "RGB" else one.tobytes()[0]
