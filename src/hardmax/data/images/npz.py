"""NumPy's ``.npz`` files: images ``X`` and labels ``y``, optionally ``X_test`` and ``y_test``."""

import contextlib
import math
import os
import sys
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from hardmax.checks import listed
from hardmax.data.assembly import assemble, find_classes, numbered
from hardmax.data.datasets import Dataset, Images
from hardmax.data.images.declared import check_declared
from hardmax.data.images.idx import LARGEST_RATIO
from hardmax.data.options import Reading
from hardmax.errors import DataError
from hardmax.files import is_hidden, open_regular

__all__ = ["read_npz"]

#: The methods of compression that NumPy writes; with others a small file may hold any amount.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

#: The most characters of a label.
MAX_LABEL = 1000


def read_npz(path: Path, name: str, reading: Reading) -> Dataset:
    """Read images and labels from an ``.npz`` file, without unpickling anything.

    Images are integers from 0 to 255, of shape (examples, height, width) or (examples, height,
    width, channels); labels are integers or strings, of shape (examples,). Other arrays are not
    read. Raises DataError if they are not, or if the file is damaged.
    """
    with open_regular(path) as file, _reporting(path), zipfile.ZipFile(file) as archive:
        names = {
            name.removesuffix(".npy"): name
            for name in archive.namelist()
            if not any(map(is_hidden, PurePosixPath(name).parts))
        }
        parts = _parts(path, names)
        members = {
            key: _Member.find(archive, names[key], f"{path}: {key}")
            for keys in parts.values()
            for key in keys
        }
        for X, y in parts.values():
            _check_headers(f"{path}, {X} and {y}", members[X], members[y])
        labels = {part: _texts(members[y], archive) for part, (_, y) in parts.items()}
        classes = find_classes(name, {part: {*texts} for part, texts in labels.items()}, reading)
        images = {}
        for part, (X, y) in parts.items():
            try:
                pixels = _bytes(members[X].read(archive))
                images[part] = Images(pixels, numbered(labels[part], classes))
            except DataError as error:
                raise DataError(f"{path}, {X} and {y}: {error}") from error
    return assemble(name, classes, images["train"], images.get("test"), reading, {})


def _parts(path: Path, names: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return the names of the images and the labels of each part."""
    parts = {"train": ("X", "y")}
    if "X_test" in names or "y_test" in names:
        parts["test"] = ("X_test", "y_test")
    missing = [key for keys in parts.values() for key in keys if key not in names]
    if missing:
        raise DataError(
            f"{path} has no {' and no '.join(missing)}; it needs images X and labels y, and "
            f"optionally X_test and y_test; it has {listed(names) or 'no arrays'}"
        )
    return parts


@dataclass(frozen=True)
class _Member:
    """An array in an archive, and what its header declares."""

    name: str
    where: str
    dtype: np.dtype
    shape: tuple[int, ...]

    @classmethod
    def find(cls, archive: zipfile.ZipFile, name: str, where: str) -> "_Member":
        """Return a member, of which only the header is read.

        Raises DataError if it cannot be in the file.
        """
        info = archive.getinfo(name)
        if info.compress_type not in METHODS:
            raise DataError(f"{where} is compressed by an unknown method; use numpy.savez")
        with archive.open(info) as file:
            dtype, shape = _read_header(file, where)
            expected = file.tell() + math.prod(shape) * dtype.itemsize
        length = os.fstat(archive.fp.fileno()).st_size if archive.fp else 0
        if info.file_size != expected or expected > length * LARGEST_RATIO:
            raise DataError(
                f"{where} is damaged: shape {shape} needs {expected} bytes, got {info.file_size} "
                f"in a file of {length}"
            )
        return cls(name, where, dtype, shape)

    def read(self, archive: zipfile.ZipFile) -> np.ndarray:
        """Return the array."""
        with archive.open(self.name) as file:
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _read_header(file: IO[bytes], where: str) -> tuple[np.dtype, tuple[int, ...]]:
    """Return the type and the shape of an array. Raises DataError if it has Python objects."""
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is not None:  # the third version is only for the names of fields
        shape, _, dtype = read(file)
        if not dtype.hasobject:
            return dtype, shape
    raise DataError(f"{where} is an array of objects or records; use integers or strings")


def _check_headers(where: str, images: _Member, labels: _Member) -> None:
    """Raise DataError unless two arrays can be images and their labels."""
    if labels.dtype.kind not in "iuU" or len(labels.shape) != 1:
        raise DataError(
            f"{labels.where} must be integers or strings of shape (examples,), got {labels.dtype} "
            f"of shape {labels.shape}"
        )
    if labels.dtype.kind == "U" and labels.dtype.itemsize > 4 * MAX_LABEL:
        raise DataError(
            f"{labels.where} must be strings of at most {MAX_LABEL} characters, got {labels.dtype}"
        )
    check_declared(where, images, labels, kinds="iu")


@contextlib.contextmanager
def _reporting(path: Path) -> Iterator[None]:
    """Raise DataError for any error in reading an archive, and hide NumPy's warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DataError:
        raise
    except Exception as error:  # NumPy and zipfile pass on whatever their parsers raise
        raise DataError(
            f"{path} is damaged or not an .npz file of plain arrays ({error}); write it with "
            "numpy.savez(path, X=..., y=...)"
        ) from error


def _texts(member: _Member, archive: zipfile.ZipFile) -> list[str]:
    """Return labels as text. Raises DataError if they have characters that do not exist."""
    labels = member.read(archive)
    if labels.dtype.kind == "U" and labels.size and member.dtype.itemsize:
        codes = np.ascontiguousarray(labels.astype(labels.dtype.newbyteorder("="))).view(np.uint32)
        if codes.max() > sys.maxunicode:
            raise DataError(f"{member.where} is damaged: it has the character {codes.max():#x}")
    return [str(label) for label in labels.tolist()]


def _bytes(array: np.ndarray) -> np.ndarray:
    """Return integers from 0 to 255 as uint8, with a channel axis."""
    if array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= 255:
        array = array.astype(np.uint8, copy=False)
    return array[..., np.newaxis] if array.ndim == 3 else array
