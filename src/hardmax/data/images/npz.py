"""NumPy's ``.npz`` files: images ``X`` and labels ``y``, optionally ``X_test`` and ``y_test``."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from hardmax.data.assembly import assemble, find_classes, numbered
from hardmax.data.datasets import Dataset, Images
from hardmax.data.options import Reading
from hardmax.errors import DataError

__all__ = ["read_npz"]


def read_npz(path: Path, name: str, reading: Reading) -> Dataset:
    """Read images and labels from an ``.npz`` file, without unpickling anything.

    Images are integers from 0 to 255, of shape (examples, height, width) or (examples, height,
    width, channels); labels are integers or strings, of shape (examples,). Raises DataError if
    they are not, or if the file is damaged.
    """
    arrays = _read(path)
    parts = {"train": ("X", "y")}
    if "X_test" in arrays or "y_test" in arrays:
        parts["test"] = ("X_test", "y_test")
    missing = [key for keys in parts.values() for key in keys if key not in arrays]
    if missing:
        raise DataError(
            f"{path} has no {' and no '.join(missing)}; it needs images X and labels y, and "
            f"optionally X_test and y_test; it has {', '.join(arrays) or 'no arrays'}"
        )
    labels = {part: _labels(f"{path}: {y}", arrays[y]) for part, (_, y) in parts.items()}
    classes = find_classes(name, {*labels["train"]}, {*labels.get("test", ())}, reading)
    images = {}
    for part, (X, y) in parts.items():
        try:
            images[part] = Images(_bytes(arrays[X]), numbered(labels[part], classes))
        except DataError as error:
            raise DataError(f"{path}, {X} and {y}: {error}") from error
    return assemble(name, classes, images["train"], images.get("test"), reading, {})


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            archive.namelist()  # np.load also accepts files that are not archives
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {key: np.asarray(arrays[key]) for key in arrays}
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise DataError(
            f"{path} is damaged or not an .npz file of plain arrays ({error}); write it with "
            "numpy.savez(path, X=..., y=...)"
        ) from error


def _labels(where: str, array: np.ndarray) -> list[str]:
    """Return the class names of labels."""
    if array.ndim != 1 or array.dtype.kind not in "iuU":
        raise DataError(
            f"{where} must be integers or strings of shape (examples,), got {array.dtype} of shape "
            f"{array.shape}"
        )
    return [str(label) for label in array.tolist()]


def _bytes(array: np.ndarray) -> np.ndarray:
    """Return integers from 0 to 255 as uint8, with a channel axis."""
    if array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= 255:
        array = array.astype(np.uint8, copy=False)
    return array[..., np.newaxis] if array.ndim == 3 else array
