"""Pictures as files, and pictures of other sizes."""

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
    "careful",
    "describe",
    "is_grey",
    "pixels",
    "read_picture",
    "recolour",
    "resize",
    "upright",
]

#: What brings each EXIF orientation upright, as members of Pillow's Image.Transpose.
TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}

#: Pillow's mode for pictures of so many channels.
MODES = {1: "L", 3: "RGB"}


def resize(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return pictures scaled to ``size`` (height, width), bilinearly and without aliasing.

    ``images`` is uint8 of shape (examples, height, width, channels), and so is the result; it is
    ``images`` itself where that has the size already. Raises ArgumentError for a size below 1 x 1.
    """
    if min(size) < 1:
        raise ArgumentError(f"pictures must be at least 1 x 1, got the size {size}")
    if images.shape[1:3] == tuple(size):
        return images
    from PIL import Image

    scaled = np.empty((len(images), *size, images.shape[3]), np.uint8)

    def scale(examples: slice) -> None:
        for picture, target in zip(images[examples], scaled[examples], strict=True):
            for channel in range(images.shape[3]):
                grey = Image.fromarray(picture[:, :, channel])
                grey = grey.resize((size[1], size[0]), Image.Resampling.BILINEAR)
                target[:, :, channel] = grey

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(scale, (slice(at, at + 1024) for at in range(0, len(images), 1024))))
    return scaled


def recolour(images: np.ndarray, channels: int) -> np.ndarray:
    """Return pictures with so many channels, 1 or 3: colours as their luma (ITU-R 601-2).

    ``images`` is uint8 of shape (examples, height, width, 1 or 3), and so is the result; it is
    ``images`` itself where that has the channels already.
    """
    if images.shape[3] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=3)
    from PIL import Image

    grey = np.empty((*images.shape[:3], 1), np.uint8)
    for picture, target in zip(images, grey, strict=True):
        target[:, :, 0] = Image.fromarray(picture).convert(MODES[1])
    return grey


def read_picture(path: str | os.PathLike, shape: tuple[int, ...]) -> tuple[np.ndarray, str]:
    """Read a picture file as uint8 of ``shape`` (height, width, channels).

    Returns the pixels and how the file differed from that shape ("" where it did not). Raises
    DataError where the file is missing or is no picture.
    """
    with careful():
        picture, mode = upright(path)
    found = f"{picture.height} x {picture.width} {mode}"
    wanted = f"{shape[0]} x {shape[1]} {MODES[shape[2]]}"
    return pixels(picture, shape), "" if found == wanted else f"{found} to {wanted}"


@contextlib.contextmanager
def careful() -> Iterator[None]:
    """Have Pillow refuse a picture that announces a huge size, and know all its formats.

    What it finds odd in a picture that it can read is not told. How warnings are treated is the
    whole process's: where threads read pictures, this goes around all of them.
    """
    from PIL import Image

    # Left to itself Pillow does this at the first odd file; another thread's then stays unknown.
    Image.init()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def upright(path: str | os.PathLike) -> tuple["Image", str]:
    """Return the picture in a file, turned as its EXIF says, and the mode that it was stored in.

    Its pixels have 8 bits a channel. To be called within ``careful``. Raises DataError where the
    file is missing or is no picture.
    """
    from PIL import Image

    with _opened(path) as opened:
        opened.load()
        turn = TURNS.get(_orientation(opened))
        picture = (opened if turn is None else opened.transpose(Image.Transpose(turn))).copy()
        file_format = opened.format
    mode = picture.mode
    if mode.startswith("I;16") or (mode == "I" and file_format == "PPM"):
        # Pillow would cut 16-bit pixels off at 255 instead of scaling them.
        picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    elif mode in ("I", "F"):
        raise DataError(f"{path} has pixels of mode {mode}, whose range nothing tells")
    return picture, mode


def describe(path: str | os.PathLike) -> tuple[int, int, int]:
    """Return a picture file's (height, width, channels of 1 or 3), mostly without decoding it.

    To be called within ``careful``. Raises DataError where the file is missing or is no picture.
    """
    with _opened(path) as opened:
        height, width = opened.height, opened.width
        # A PNG may tell of its orientation behind its pixels, which only decoding would find.
        if (opened.format != "PNG" or "exif" in opened.info) and _orientation(opened) >= 5:
            height, width = width, height
        return height, width, 1 if is_grey(opened) else 3


def is_grey(picture: "Image") -> bool:
    """Tell whether a picture is stored without colours."""
    if picture.mode == "P":
        palette = np.array(picture.getpalette("RGB")).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return picture.mode in ("1", "L", "LA", "La", "I", "F") or picture.mode.startswith("I;16")


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator["Image"]:
    """Open a picture file; whatever goes wrong with it in the block is a DataError."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            yield opened
    except FileNotFoundError as error:
        raise DataError(f"no such file: {path}") from error
    except Exception as error:  # Pillow lets through whatever a format's reader raises
        raise DataError(
            f"{path} is no picture that can be read ({error}); PNG, JPEG and the other formats "
            "of Pillow are understood"
        ) from error


def _orientation(opened: "Image") -> int:
    from PIL import ExifTags

    orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation if isinstance(orientation, int) else 1


def pixels(picture: "Image", shape: tuple[int, ...]) -> np.ndarray:
    """Return a picture of 8 bits a channel as uint8 of ``shape`` (height, width, channels)."""
    from PIL import Image

    height, width, channels = shape
    picture.info.pop("transparency", None)
    picture = picture.convert(MODES[channels])
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(shape)
