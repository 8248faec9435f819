"""Find image files by path, folder or pattern, and read them in batches of one shape."""

import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hardmax.checks import listed
from hardmax.data.images.files import read_image, strict_pillow
from hardmax.data.images.scan import images_below
from hardmax.data.options import ReadingOptions
from hardmax.data.parallel import in_threads
from hardmax.errors import DataError
from hardmax.files import is_hidden

__all__ = ["ImageBatches", "find_images"]

#: The most images, and bytes of their pixels, that a thread reads at a time.
CHUNK, CHUNK_BYTES = 8, 2**22

#: What makes a path a pattern.
WILDCARDS = frozenset("*?[")


def find_images(path: str) -> list[str]:
    """Return the path of a file, the images below a folder, or the files that match a pattern.

    Patterns are those of a shell, where ``**`` stands for any number of folders that are not links;
    the files are sorted, without hidden ones. Raises DataError if there are none.
    """
    if os.path.isdir(path):
        return images_below(path)
    try:
        os.lstat(path)
    except OSError as error:
        if WILDCARDS.isdisjoint(path):
            raise DataError(f"cannot read {path}: {error.strerror}") from error
    else:
        return [path]
    found = _matches(Path(path))
    if not found:
        raise DataError(
            f"no file matches the pattern {path}; use a folder, or a pattern such as "
            "'photos/**/*.jpg' in quotes"
        )
    return found


def _matches(pattern: Path) -> list[str]:
    """Return the files that match a pattern, sorted."""
    parts = pattern.parts
    fixed = next(i for i, part in enumerate(parts) if not WILDCARDS.isdisjoint(part))
    base = Path(*parts[:fixed])
    # pathlib differs from a shell, and from one version of Python to another, in these two.
    rest = [part if part == "**" else re.sub(r"\*+", "*", part) for part in parts[fixed:]]
    if rest[-1] == "**":
        rest.append("*")
    return sorted(
        str(path)
        for path in base.glob(os.path.join(*rest))
        if path.is_file()
        and not any(is_hidden(part) and part not in rest for part in path.relative_to(base).parts)
    )


class _File(NamedTuple):
    """An image file: its pixels and how they were converted, or None and why it is unreadable."""

    path: str
    pixels: np.ndarray | None
    note: str


class ImageBatches:
    """Reads image files in batches, in threads; few are in memory at a time.

    Images get the ``shape`` (height, width, channels), in the way that ``reading`` says. All
    batches but the last have ``size`` images. With ``skip_bad``, unreadable files are left out.
    """

    def __init__(
        self,
        files: Sequence[str],
        shape: tuple[int, ...],
        reading: ReadingOptions,
        *,
        size: int,
        skip_bad: bool,
    ):
        self.files = files
        self.shape = shape
        self.reading = reading
        self.size = size
        self.skip_bad = skip_bad
        self._bad: list[str] = []
        self._reason = ""
        self._read, self._converted, self._first_change = 0, 0, ""

    def read(self) -> Generator[tuple[list[str], np.ndarray], None, None]:
        """Yield the paths and the images of each batch, uint8 (images, height, width, channels).

        Meanwhile Pillow is strict (see ``strict_pillow``); close the generator to end that. Raises
        DataError for a file that cannot be read, or with ``skip_bad`` if all of them are.
        """
        size = max(min(CHUNK, CHUNK_BYTES // prod(self.shape)), 1)
        with strict_pillow(), closing(in_threads(self._decode, self.files, None, size)) as chunks:
            files = self._readable(chain.from_iterable(chunks))
            while batch := [*islice(files, self.size)]:
                yield [path for path, _ in batch], np.stack([pixels for _, pixels in batch])
        if not self._read:
            raise DataError(f"none of the {len(self.files)} images can be read; {self._reason}")

    @property
    def notices(self) -> list[str]:
        """What the user should know of the images that were read so far."""
        notices = []
        if self._bad:
            names = listed(self._bad)
            notices.append(f"skipped {len(self._bad)} images that cannot be read: {names}")
        if self._converted:
            more = ", ..." if self._converted > 1 else ""
            notices.append(
                f"{self._converted} of {self._read} images were converted "
                f"({self._first_change}{more})"
            )
        return notices

    def _decode(self, files: Sequence[str]) -> list[_File]:
        decoded = []
        for path in files:
            try:
                decoded.append(_File(path, *read_image(path, self.shape, self.reading)))
            except DataError as error:
                decoded.append(_File(path, None, str(error)))
        return decoded

    def _readable(self, files: Iterable[_File]) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the paths and pixels of the readable files, and note how all of them were read."""
        for path, pixels, note in files:
            if pixels is None:
                if not self.skip_bad:
                    raise DataError(f"{note}; --skip-bad skips images that cannot be read")
                self._bad.append(path)
                self._reason = self._reason or note
                continue
            self._read += 1
            if note:
                self._converted += 1
                self._first_change = self._first_change or f"{path}: {note}"
            yield path, pixels
