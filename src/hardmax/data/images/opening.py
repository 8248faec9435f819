"""Open image files of Pillow's formats, within bounds of their size and their header's."""

import contextlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, cast

from hardmax.errors import DataError
from hardmax.files import open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "CountedReader",
    "ImageContent",
    "ImageSource",
    "TooLargeError",
    "check_pixels",
    "image_extensions",
    "opened_image",
]

#: Formats that Pillow only identifies, and those that it passes to other programs (EPS to
#: Ghostscript) or whose contents it opens as any format, EPS included (IPTC).
EXCLUDED = ("BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF")

#: The most pixels of an image, where Pillow warns as well (a color image then takes 340 MiB to
#: decode), and of a side, the limit of JPEG: rows of few pixels take many times their bytes.
MAX_PIXELS, MAX_SIDE = 89_478_485, 65_535

#: The largest file: twice what the pixels of the largest image take without compression.
MAX_BYTES = 2**29

#: The most reads until the size of an image is known, and after that. Real headers need a few
#: hundred, real pixels some 100,000; some of Pillow's readers read comments byte by byte.
MAX_HEADER_READS, MAX_READS = 20_000, 500_000


class TooLargeError(DataError):
    """An image has too many pixels."""


@dataclass(frozen=True)
class ImageContent:
    """The content of an image file that is in memory, and its name for messages."""

    name: str
    content: bytes
    max_pixels: int = MAX_PIXELS

    def __str__(self) -> str:
        """Return the name."""
        return self.name


#: An image file by its path, or in memory.
ImageSource: TypeAlias = str | os.PathLike[str] | ImageContent


class CountedReader:
    """A view of an open file that fails with a ValueError after ``reads_left`` reads.

    It does not own the file, and has its other methods.
    """

    def __init__(self, file: IO[bytes], reads_left: int):
        self._file = file
        self.reads_left = reads_left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        """Read as the file does."""
        self._count()
        return self._file.read(size)

    def readline(self, size: int = -1) -> bytes:
        """Read as the file does."""
        self._count()
        return self._file.readline(size)

    def _count(self) -> None:
        self.reads_left -= 1
        if self.reads_left < 0:
            raise ValueError("too many comments or other parts")


@cache
def _formats() -> dict[str, list[str]]:
    """Return the extensions of every format that is read."""
    from PIL import Image

    extensions = Image.registered_extensions()  # this loads the formats
    return {
        name: [extension for extension, other in extensions.items() if other == name]
        for name in Image.OPEN
        if name not in EXCLUDED
    }


def image_extensions() -> tuple[str, ...]:
    """Return the extensions of image files, such as ``.png``."""
    return tuple(extension for found in _formats().values() for extension in found)


@contextlib.contextmanager
def opened_image(source: ImageSource) -> Iterator["Image"]:
    """Open an image file, whose pixels are not decoded yet.

    Raises DataError if it cannot be read, and for any error within the block, and TooLargeError if
    it has too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    most = source.max_pixels if isinstance(source, ImageContent) else MAX_PIXELS
    with _opened(source) as file:
        try:
            reader = CountedReader(file, MAX_HEADER_READS)
            with Image.open(cast(IO[bytes], reader), formats=[*_formats()]) as opened:
                check_pixels(str(source), opened.height, opened.width, most)
                reader.reads_left = MAX_READS
                yield opened
        except DataError:
            raise
        except UnidentifiedImageError:
            raise _unreadable(source, "unknown format") from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            count = re.search(r"\d+ pixels", str(error))
            raise TooLargeError(
                f"{source} has {count[0] if count else 'too many pixels'}; at most {most} are "
                "allowed; make it smaller"
            ) from error
        except Exception as error:  # Pillow passes on whatever a format's reader raises
            raise _unreadable(source, error) from error


def _opened(source: ImageSource) -> AbstractContextManager[IO[bytes]]:
    """Open a file, or the content of one. Raises DataError if it cannot be read."""
    if isinstance(source, ImageContent):
        return io.BytesIO(source.content)
    return open_regular(Path(source), MAX_BYTES)


def check_pixels(where: str, height: int, width: int, most: int = MAX_PIXELS) -> None:
    """Raise TooLargeError if images of this size are too large. ``where`` starts the message."""
    if max(height, width) > MAX_SIDE or height * width > most:
        raise TooLargeError(
            f"{where}: images of {height} x {width} ({height * width} pixels) are too large; at "
            f"most {most} pixels are allowed, and {MAX_SIDE} on a side; make them smaller"
        )


def _unreadable(source: ImageSource, reason: object) -> DataError:
    return DataError(
        f"{source} is not a readable image ({reason}); use PNG, JPEG or another format that Pillow "
        "supports"
    )
