"""IDX files, the format of MNIST and similar data sets: http://yann.lecun.com/exdb/mnist/."""

import contextlib
import gzip
import io
import math
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hardmax.data.images.opening import CountedReader
from hardmax.errors import DataError
from hardmax.files import open_regular

__all__ = ["IDX_TYPES", "LARGEST_RATIO", "IdxFile", "open_idx"]

#: Big-endian types by the third byte of the magic number.
IDX_TYPES: dict[int, np.dtype] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}

GZIP_MAGIC = b"\x1f\x8b"

#: The most bytes that one byte of gzip can stand for (https://zlib.net/zlib_tech.html).
LARGEST_RATIO = 1032

#: A compressed file may be read in pieces of this size on average: Python's gzip reads 8 KiB and
#: more at a time, but names byte by byte, and a file may consist of millions of empty parts.
MIN_READS, BYTES_PER_READ = 10_000, 1024

#: The bytes to decompress at a time, as gzip first copies them.
BLOCK = 2**20


@contextlib.contextmanager
def open_idx(path: str | os.PathLike[str]) -> Iterator["IdxFile"]:
    """Open an IDX file, plain or compressed with gzip, of which only the header is read.

    Raises DataError if the file cannot be read or is not an IDX file.
    """
    with open_regular(Path(path)) as file:
        yield IdxFile(file, path)


class IdxFile:
    """An open IDX file: the ``shape`` and the ``dtype`` that its header declares.

    Raises DataError if ``file`` is not an IDX file or is damaged. ``path`` is its name in messages.
    """

    def __init__(self, file: io.BufferedReader, path: str | os.PathLike[str]):
        self.path = path
        length = os.fstat(file.fileno()).st_size
        is_compressed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        self._file: io.BufferedIOBase = file
        if is_compressed:
            reads = MIN_READS + length // BYTES_PER_READ
            self._file = gzip.GzipFile(fileobj=CountedReader(file, reads), mode="rb")
        self.dtype, self.shape = self._read_header()
        self._start = 4 + 4 * len(self.shape)
        self._expected = self._start + math.prod(self.shape) * self.dtype.itemsize
        # What a file cannot hold is neither read nor allocated.
        if not is_compressed and length != self._expected:
            raise self._damaged(str(length))
        if self._expected > length * LARGEST_RATIO:
            raise self._damaged(f"fewer, in {length} compressed bytes")

    def read(self) -> np.ndarray:
        """Return the array in the file, in native byte order, without reading beyond it.

        Raises DataError if the file is truncated, too long or damaged.
        """
        try:
            array = np.empty(self.shape, self.dtype)
        except ValueError as error:  # more or larger dimensions than NumPy allows
            raise DataError(
                f"{self.path}: arrays cannot have shape {self.shape} ({error})"
            ) from error
        data = array.reshape(-1).view(np.uint8).data
        got = self._start
        with self._decompressing():
            while got < self._expected:
                at = got - self._start
                count = self._file.readinto(data[at : at + BLOCK])
                if not count:
                    raise self._damaged(str(got))
                got += count
            # This also makes gzip check the checksum, which follows the data.
            if self._file.read(1):
                raise self._damaged("more")
        return array.astype(self.dtype.newbyteorder("="), copy=False)

    def _read_header(self) -> tuple[np.dtype, tuple[int, ...]]:
        with self._decompressing():
            magic = self._file.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0":
                raise DataError(
                    f"{self.path} is not an IDX file: it must start with two zero bytes, got "
                    f"{magic.hex(' ')!r}"
                )
            code, dimensions = magic[2], magic[3]
            if code not in IDX_TYPES:
                known = ", ".join(f"0x{known:02x}" for known in IDX_TYPES)
                raise DataError(f"{self.path}: unknown IDX type 0x{code:02x}; use one of {known}")
            sides = self._file.read(4 * dimensions)
        if len(sides) < 4 * dimensions:
            raise DataError(
                f"{self.path} is truncated: its header declares {dimensions} dimensions"
            )
        return IDX_TYPES[code], struct.unpack(f">{dimensions}I", sides)

    @contextlib.contextmanager
    def _decompressing(self) -> Iterator[None]:
        """Raise DataError for the errors of a damaged gzip file."""
        try:
            yield
        except DataError:
            raise
        except (EOFError, OSError, ValueError, zlib.error) as error:
            raise DataError(
                f"{self.path} is a damaged gzip file: {error}; download it again"
            ) from error

    def _damaged(self, got: str) -> DataError:
        return DataError(
            f"{self.path} is damaged: shape {self.shape} needs {self._expected} bytes, got {got}"
        )
