"""Arrays that lie in a file, mapped into memory, and may be larger than memory."""

import mmap
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from hardmax.data.download import user_cache

__all__ = ["blocks", "release", "stays_in_file", "taken"]

#: Arrays of more bytes than this stay in their file, and are read a little at a time.
LARGE = 2**28

#: How many bytes are read at a time, at most, where all are needed one after the other.
BLOCK = 2**24


def stays_in_file(array: np.ndarray) -> bool:
    """Tell whether an array is mapped, and too large to be read into memory as a whole."""
    return array.nbytes > LARGE and _mapping(array) is not None


def release(array: np.ndarray) -> None:
    """Give back the memory of what has been read of a mapped array; it can be read again."""
    mapping = _mapping(array)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yield an array block by block along its first axis; a mapped one takes little memory."""
    step = max(BLOCK * len(array) // max(array.nbytes, 1), 1)
    for at in range(0, len(array), step):
        yield array[at : at + step]
        release(array)


def taken(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return ``array[rows]``: in a file of its own where it is too large for memory.

    That file lies in the per-user cache, has no name, and is gone with the array.
    """
    bytes_a_row = array.nbytes // max(len(array), 1)
    if not stays_in_file(array) or bytes_a_row * len(rows) <= LARGE:
        return array[rows]
    folder = user_cache()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        for some in np.array_split(rows, -(-bytes_a_row * len(rows) // BLOCK)):
            file.write(array[some])
            release(array)
        file.flush()
        return np.memmap(file, array.dtype, "r", shape=(len(rows), *array.shape[1:]))


def _mapping(array: np.ndarray) -> mmap.mmap | None:
    """Return the mapping that an array is a view of."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
