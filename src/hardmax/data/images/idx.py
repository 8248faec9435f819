"""IDX files, the format of MNIST and similar data sets: http://yann.lecun.com/exdb/mnist/."""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from hardmax.errors import DataError

__all__ = ["IDX_TYPES", "file_bytes", "parse_idx", "read_idx"]

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


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an IDX file, plain or compressed with gzip, whatever its extension.

    Returns an array with the file's shape and type, in native byte order. Raises DataError if the
    file cannot be read, is truncated or too long, or is not an IDX file.
    """
    return parse_idx(file_bytes(Path(path)), path)


def parse_idx(data: bytes, path: str | os.PathLike[str]) -> np.ndarray:
    """Return the array in ``data``, the bytes of the IDX file ``path``, as ``read_idx`` does.

    Raises DataError if they are truncated or too long, or are not an IDX file.
    """
    data = _decompressed(data, path)
    if len(data) < 4 or data[:2] != b"\0\0":
        raise DataError(
            f"{path} is not an IDX file: it must start with two zero bytes, got "
            f"{data[:4].hex(' ')!r}"
        )
    code, dimensions = data[2], data[3]
    if code not in IDX_TYPES:
        known = ", ".join(f"0x{known:02x}" for known in IDX_TYPES)
        raise DataError(f"{path}: unknown IDX type 0x{code:02x}; use one of {known}")
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise DataError(f"{path} is truncated: its header declares {dimensions} dimensions")
    shape = struct.unpack(f">{dimensions}I", data[4:start])
    dtype = IDX_TYPES[code]
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise DataError(f"{path} is damaged: shape {shape} needs {expected} bytes, got {len(data)}")
    try:
        array = np.frombuffer(data, dtype, offset=start).reshape(shape)
    except ValueError as error:  # more or larger dimensions than NumPy allows
        raise DataError(f"{path}: arrays cannot have shape {shape} ({error})") from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def file_bytes(path: Path) -> bytes:
    """Return the unmodified bytes of a file. Raises DataError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _decompressed(data: bytes, path: str | os.PathLike[str]) -> bytes:
    """Return the contents of a file, decompressed if they are gzip."""
    if not data.startswith(GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file: {error}; download it again") from error
