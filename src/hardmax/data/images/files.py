"""Decode image files, and convert images to other channels."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hardmax.data.images.opening import ImageSource, opened_image
from hardmax.data.images.resizing import (
    MODES,
    Box,
    fitted,
    has_other_ratio,
    how_resized,
    resize,
    scaled_size,
)
from hardmax.data.option_values import Color
from hardmax.data.options import ReadingOptions
from hardmax.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "convert_channels",
    "fit_images",
    "image_shape",
    "load_upright",
    "pixels",
    "read_image",
    "strict_pillow",
]

#: The member of Pillow's Image.Transpose that turns each EXIF orientation upright.
TRANSPOSES = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}

#: The orientations that exchange height and width, and those where the first stored pixel is at the
#: right and at the bottom.
SWAPPED = (5, 6, 7, 8)
FIRST_RIGHT, FIRST_BELOW = (2, 3, 6, 7), (3, 4, 7, 8)

#: The formats that can be decoded at smaller scales, and how many times the pixels that are needed
#: in each direction these must have at least.
DRAFTED, GAP = ("JPEG", "MPO"), 2

#: Pillow's modes without color, apart from palettes and 16-bit modes.
GRAYSCALE = ("1", "L", "LA", "La", "I", "F")


def convert_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Return images with 1 or 3 channels; color becomes luma (ITU-R 601-2).

    ``images`` is uint8 of shape (examples, height, width, 1 or 3), and so is the result; it is
    ``images`` itself if that already has the channels.
    """
    if images.shape[3] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=3)
    from PIL import Image

    luma = np.empty((*images.shape[:3], 1), np.uint8)
    for image, target in zip(images, luma, strict=True):
        target[:, :, 0] = Image.fromarray(image).convert(MODES[1])
    return luma


def fit_images(images: np.ndarray, shape: tuple[int, ...], reading: ReadingOptions) -> np.ndarray:
    """Return images, uint8 (examples, height, width, channels), in ``shape`` as files are read.

    They have 1 or 3 channels, or 4, the last of which is opacity; ``shape`` is (height, width, 1 or
    3 channels).
    """
    if images.shape[3] == 4:
        images = np.stack([_opaque(image, reading.background_color) for image in images])
    return resize(convert_channels(images, shape[2]), (shape[0], shape[1]), reading)


def _opaque(image: np.ndarray, background: Color) -> np.ndarray:
    """Return an image, uint8 (height, width, 4), over a background as (height, width, 3)."""
    from PIL import Image

    flat, _ = _flattened(Image.fromarray(image), background)
    return np.asarray(flat)


def read_image(
    source: ImageSource, shape: tuple[int, ...], reading: ReadingOptions
) -> tuple[np.ndarray, str]:
    """Read an image file as uint8 of ``shape`` (height, width, channels).

    Returns the pixels, and how they were converted ("" if they were not). Call this within
    ``strict_pillow``. Raises DataError if the file is missing or is not an image.
    """
    upright = load_upright(source, reading, (shape[0], shape[1]))
    found = f"{upright.height} x {upright.width} {upright.mode}"
    wanted = f"{shape[0]} x {shape[1]} {MODES[shape[2]]}"
    is_other = has_other_ratio(upright.height, upright.width, (shape[0], shape[1]))
    how = f", {how_resized(reading)}" if is_other else ""
    return pixels(upright, shape, reading), "" if found == wanted else f"{found} to {wanted}{how}"


@contextlib.contextmanager
def strict_pillow() -> Iterator[None]:
    """Make Pillow load all its formats and reject images that declare a huge size.

    Pillow's warnings about images it can read are silenced. Warning filters are global to the
    process, so enter this before starting threads that read images.
    """
    from PIL import Image

    # Pillow would load them lazily, and fail to identify files in other threads meanwhile.
    Image.init()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


class Upright(NamedTuple):
    """An image, grayscale or RGB with 8 bits per channel, and how it is stored in its file.

    ``mode`` is that of Pillow; ``is_transparent`` says whether any pixel is. ``height`` and
    ``width`` are those in the file, also if the image was decoded at a smaller scale; ``box`` is
    the part of the image that they have become.
    """

    image: "Image"
    mode: str
    is_transparent: bool
    height: int
    width: int
    box: Box


def load_upright(
    source: ImageSource, reading: ReadingOptions, size: tuple[int, int] | None = None
) -> Upright:
    """Return the image in a file, rotated by its EXIF orientation.

    It is laid over the background of ``reading`` where it is transparent. To be resized to ``size``
    (height, width), a JPEG is decoded at the smallest scale of at least twice as many pixels in
    each direction. Call this within ``strict_pillow``. Raises DataError if the file is missing, is
    not an image or is too large.
    """
    from PIL import Image

    with opened_image(source) as opened:
        height, width = opened.height, opened.width
        scale = 1 if size is None else _draft(opened, size, reading)
        opened.load()
        mode = opened.mode
        if mode in ("I", "F") and opened.format != "PPM":
            raise DataError(
                f"{source} has pixels of mode {mode}, whose range is unknown; convert it to 8 or "
                "16 bits"
            )
        image, is_transparent = _flattened(opened, reading.background_color)
        orientation = _orientation(opened)
    if orientation in TRANSPOSES:
        image = image.transpose(Image.Transpose(TRANSPOSES[orientation]))
    if orientation in SWAPPED:
        height, width = width, height
    # The last row and column of a scaled image may be partly beyond its end.
    left = image.width - width / scale if orientation in FIRST_RIGHT else 0
    top = image.height - height / scale if orientation in FIRST_BELOW else 0
    box = (left, top, left + width / scale, top + height / scale)
    return Upright(image, mode, is_transparent, height, width, box)


def _draft(opened: "Image", size: tuple[int, int], reading: ReadingOptions) -> float:
    """Let a JPEG be decoded at a smaller scale, if that suffices for ``size``; return its divisor.

    This is what Pillow does for thumbnails with a ``reducing_gap`` of 2.
    """
    if opened.format not in DRAFTED:
        return 1
    is_swapped = _orientation(opened) in SWAPPED
    width, height = opened.size[::-1] if is_swapped else opened.size
    rows, columns = scaled_size((height, width), size, reading)
    wanted = (rows, columns) if is_swapped else (columns, rows)
    stored = opened.width
    draft = opened.draft(None, (GAP * wanted[0], GAP * wanted[1]))
    return 1 if draft is None else stored / draft[1][2]


def image_shape(path: str | os.PathLike[str], background: Color) -> tuple[int, int, int]:
    """Return the (height, width, 1 or 3 channels) that ``load_upright`` would give an image.

    This mostly needs no decoding. Call it within ``strict_pillow``. Raises DataError if the file is
    missing, is not an image or is too large.
    """
    with opened_image(path) as opened:
        height, width = opened.height, opened.width
        # A PNG may store its orientation after its pixels, where only decoding would find it.
        if (opened.format != "PNG" or "exif" in opened.info) and _orientation(opened) in SWAPPED:
            height, width = width, height
        return height, width, 1 if _is_grayscale(opened, background) else 3


def _is_grayscale(image: "Image", background: Color) -> bool:
    """Return whether an image is stored without color, and none shows through it."""
    if image.has_transparency_data and len({*background}) > 1:
        return False
    if image.mode == "P":
        palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in GRAYSCALE or image.mode.startswith("I;16")


def _flattened(image: "Image", background: Color) -> tuple["Image", bool]:
    """Return a loaded image as L or RGB, over ``background``, and whether any shows."""
    from PIL import Image

    mode = MODES[1] if _is_grayscale(image, background) else MODES[3]
    fill = background[0] if mode == MODES[1] else background
    if image.mode.startswith("I"):
        values, clear = np.asarray(image), image.info.get("transparency")
        # Pillow would clip 16-bit pixels at 255 instead of scaling them.
        flat = _converted(Image.fromarray((values // 257).astype(np.uint8)), mode)
        mask = values == clear
        flat.paste(fill, mask=Image.fromarray(mask))
        return flat, bool(mask.any())
    if not image.has_transparency_data:
        return _converted(image, mode), False
    layer = _converted(image, f"{mode}A")
    flat = Image.new(mode, image.size, fill)
    flat.paste(layer, mask=layer)
    return flat, layer.getextrema()[-1] != (255, 255)


def _converted(image: "Image", mode: str) -> "Image":
    """Return an image in another mode, without a copy if it has the mode."""
    return image if image.mode == mode else image.convert(mode)


def _orientation(opened: "Image") -> int:
    from PIL import ExifTags

    orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation if isinstance(orientation, int) else 1


def pixels(upright: Upright, shape: tuple[int, ...], reading: ReadingOptions) -> np.ndarray:
    """Return an image as uint8 of ``shape`` (height, width, channels)."""
    height, width, channels = shape
    converted = _converted(upright.image, MODES[channels])
    image = fitted(converted, (height, width), reading, upright.box)
    return np.asarray(image).reshape(shape)
