"""Decode image files, and convert images to other sizes and channels."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from hardmax.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "convert_channels",
    "image_shape",
    "is_grayscale",
    "load_upright",
    "pixels",
    "read_image",
    "resize",
    "strict_pillow",
]

#: The member of Pillow's Image.Transpose that turns each EXIF orientation upright.
TRANSPOSES = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}

#: Pillow's mode by the number of channels.
MODES = {1: "L", 3: "RGB"}


def resize(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return images resized to ``size`` (height, width), bilinear with antialiasing.

    ``images`` is uint8 of shape (examples, height, width, channels), and so is the result; it is
    ``images`` itself if that already has the size. Raises ArgumentError for a size below 1 x 1.
    """
    if min(size) < 1:
        raise ArgumentError(f"images must be at least 1 x 1, got size {size}")
    if images.shape[1:3] == tuple(size):
        return images
    from PIL import Image

    scaled = np.empty((len(images), *size, images.shape[3]), np.uint8)

    def scale(examples: slice) -> None:
        for image, target in zip(images[examples], scaled[examples], strict=True):
            for channel in range(images.shape[3]):
                plane = Image.fromarray(image[:, :, channel])
                plane = plane.resize((size[1], size[0]), Image.Resampling.BILINEAR)
                target[:, :, channel] = plane

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(scale, (slice(at, at + 1024) for at in range(0, len(images), 1024))))
    return scaled


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


def read_image(path: str | os.PathLike[str], shape: tuple[int, ...]) -> tuple[np.ndarray, str]:
    """Read an image file as uint8 of ``shape`` (height, width, channels).

    Returns the pixels, and how they were converted ("" if they were not). Raises DataError if the
    file is missing or is not an image.
    """
    with strict_pillow():
        image, mode = load_upright(path)
    found = f"{image.height} x {image.width} {mode}"
    wanted = f"{shape[0]} x {shape[1]} {MODES[shape[2]]}"
    return pixels(image, shape), "" if found == wanted else f"{found} to {wanted}"


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


def load_upright(path: str | os.PathLike[str]) -> tuple["Image", str]:
    """Return the image in a file, rotated by its EXIF orientation, and the mode it is stored in.

    Its pixels have 8 bits per channel. Call this within ``strict_pillow``. Raises DataError if the
    file is missing or is not an image.
    """
    from PIL import Image

    with _opened(path) as opened:
        opened.load()
        transpose = TRANSPOSES.get(_orientation(opened))
        image = opened if transpose is None else opened.transpose(Image.Transpose(transpose))
        image = image.copy()
        file_format = opened.format
    mode = image.mode
    if mode.startswith("I;16") or (mode == "I" and file_format == "PPM"):
        # Pillow would clip 16-bit pixels at 255 instead of scaling them.
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    elif mode in ("I", "F"):
        raise DataError(
            f"{path} has pixels of mode {mode}, whose range is unknown; convert it to 8 or 16 bits"
        )
    return image, mode


def image_shape(path: str | os.PathLike[str]) -> tuple[int, int, int]:
    """Return an image file's (height, width, 1 or 3 channels), mostly without decoding it.

    Call this within ``strict_pillow``. Raises DataError if the file is missing or is not an image.
    """
    with _opened(path) as opened:
        height, width = opened.height, opened.width
        # A PNG may store its orientation after its pixels, where only decoding would find it.
        if (opened.format != "PNG" or "exif" in opened.info) and _orientation(opened) >= 5:
            height, width = width, height
        return height, width, 1 if is_grayscale(opened) else 3


def is_grayscale(image: "Image") -> bool:
    """Return whether an image is stored without color."""
    if image.mode == "P":
        palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;16")


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator["Image"]:
    """Open an image file. Raises DataError for any error in opening or within the block."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            yield opened
    except FileNotFoundError as error:
        raise DataError(f"no such file: {path}") from error
    except Exception as error:  # Pillow passes on whatever a format's reader raises
        raise DataError(
            f"{path} is not a readable image ({error}); use PNG, JPEG or another format that "
            "Pillow supports"
        ) from error


def _orientation(opened: "Image") -> int:
    from PIL import ExifTags

    orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation if isinstance(orientation, int) else 1


def pixels(image: "Image", shape: tuple[int, ...]) -> np.ndarray:
    """Return an image of 8 bits per channel as uint8 of ``shape`` (height, width, channels)."""
    from PIL import Image

    height, width, channels = shape
    image.info.pop("transparency", None)
    image = image.convert(MODES[channels])
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(shape)
