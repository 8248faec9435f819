"""Pictures as files, and pictures of other sizes."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from hardmax.errors import ArgumentError, DataError

__all__ = ["read_picture", "resize"]

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


def read_picture(path: str | os.PathLike, shape: tuple[int, int, int]) -> tuple[np.ndarray, str]:
    """Read a picture file as uint8 of ``shape`` (height, width, channels).

    Returns the pixels and how the file differed from that shape ("" where it did not). Raises
    DataError where the file is missing or is no picture.
    """
    from PIL import ExifTags, Image

    path = Path(path)
    height, width, channels = shape
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                opened.load()
                turn = TURNS.get(opened.getexif().get(ExifTags.Base.Orientation, 1))
                upright = opened if turn is None else opened.transpose(Image.Transpose(turn))
                picture = upright.copy()
    except FileNotFoundError as error:
        raise DataError(f"no such file: {path}") from error
    except Exception as error:  # Pillow lets through whatever a format's reader raises
        raise DataError(
            f"{path} is no picture that can be read ({error}); PNG, JPEG and the other formats "
            "of Pillow are understood"
        ) from error
    found = f"{picture.height} x {picture.width} {picture.mode}"
    wanted = f"{height} x {width} {MODES[channels]}"
    if picture.mode.startswith("I;16"):
        # Pillow would cut 16-bit pixels off at 255 instead of scaling them.
        picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    elif picture.mode == "I" and opened.format == "PPM":
        picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    elif picture.mode in ("I", "F"):
        raise DataError(f"{path} has pixels of mode {picture.mode}, whose range nothing tells")
    picture.info.pop("transparency", None)
    picture = picture.convert(MODES[channels])
    pixels = np.asarray(picture).reshape(1, picture.height, picture.width, channels)
    return resize(pixels, (height, width))[0], "" if found == wanted else f"{found} to {wanted}"
