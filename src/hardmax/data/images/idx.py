"""IDX files, the format of MNIST and its kin: http://yann.lecun.com/exdb/mnist/."""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from hardmax.errors import DataError

__all__ = ["IDX_TYPES", "file_bytes", "parse_idx", "read_idx"]

#: The third byte of the magic number, and the big-endian type that it stands for.
IDX_TYPES: dict[int, np.dtype] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}

GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: str | os.PathLike) -> np.ndarray:
    """Read an IDX file, plain or compressed with gzip, whatever its name ends in.

    Returns an array of the shape and type that the file declares, in native byte order. Raises
    DataError if the file cannot be read, is cut short or too long, or is no IDX file.
    """
    return parse_idx(file_bytes(Path(path)), path)


def parse_idx(data: bytes, path: str | os.PathLike) -> np.ndarray:
    """Return the array that the bytes of the IDX file ``path`` hold, as ``read_idx`` does.

    Raises DataError where they are cut short or too long, or are no IDX file.
    """
    data = _unpacked(data, path)
    if len(data) < 4 or data[:2] != b"\0\0":
        raise DataError(
            f"{path} is no IDX file: it must begin with two zero bytes, got {data[:4].hex(' ')!r}"
        )
    code, dimensions = data[2], data[3]
    if code not in IDX_TYPES:
        known = ", ".join(f"0x{known:02x}" for known in IDX_TYPES)
        raise DataError(f"{path}: unknown IDX type 0x{code:02x}; known are {known}")
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise DataError(f"{path} is cut short: its header announces {dimensions} dimensions")
    shape = struct.unpack(f">{dimensions}I", data[4:start])
    dtype = IDX_TYPES[code]
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise DataError(
            f"{path} is damaged: for shape {shape} it must hold {expected} bytes, got {len(data)}"
        )
    try:
        array = np.frombuffer(data, dtype, offset=start).reshape(shape)
    except ValueError as error:  # more dimensions, or larger ones, than NumPy can have
        raise DataError(f"{path}: no array can have the shape {shape} ({error})") from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def file_bytes(path: Path) -> bytes:
    """Return the bytes of a file as they lie there. Raises DataError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _unpacked(data: bytes, path: str | os.PathLike) -> bytes:
    """Return the contents of a file, decompressed where they are gzip."""
    if not data.startswith(GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file: {error}; fetch it again") from error
