"""Arrays mapped from a file, which may be larger than memory."""

import mmap
import tempfile
from collections.abc import Iterator

import numpy as np

from hardmax.data.download import user_cache

__all__ = ["blocks", "release", "stays_in_file", "take_rows"]

#: Mapped arrays of more bytes than this stay in their file and are read in blocks.
LARGE = 2**28

#: The largest number of bytes to read at a time when going through a whole array.
BLOCK = 2**24


def stays_in_file(array: np.ndarray) -> bool:
    """Return whether an array is mapped and too large to be read into memory as a whole."""
    return array.nbytes > LARGE and _mapping(array) is not None


def release(array: np.ndarray) -> None:
    """Free the memory of the pages read from a mapped array; they can be read again."""
    mapping = _mapping(array)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yield an array in blocks along its first axis, freeing the memory of mapped ones."""
    step = max(BLOCK * len(array) // max(array.nbytes, 1), 1)
    for at in range(0, len(array), step):
        yield array[at : at + step]
        release(array)


def take_rows(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return ``array[rows]``, mapped from a new file if it is too large for memory.

    The file is an unnamed temporary one in the per-user cache, deleted with the array.
    """
    row_bytes = array.nbytes // max(len(array), 1)
    if not stays_in_file(array) or row_bytes * len(rows) <= LARGE:
        taken: np.ndarray = array[rows]
        return taken
    folder = user_cache()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        for chunk in np.array_split(rows, -(-row_bytes * len(rows) // BLOCK)):
            file.write(array[chunk])
            release(array)
        file.flush()
        return np.memmap(file, array.dtype, "r", shape=(len(rows), *array.shape[1:]))


def _mapping(array: np.ndarray) -> mmap.mmap | None:
    """Return the memory map that an array is a view of, if any."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
