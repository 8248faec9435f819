"""NumPy's ``.npz`` files: pictures ``X`` and labels ``y``, and ``X_test`` and ``y_test`` if any."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from hardmax.data.datasets import Dataset, Pictures
from hardmax.data.options import Reading, assemble, find_classes, numbered
from hardmax.errors import DataError

__all__ = ["read_npz"]


def read_npz(path: Path, name: str, reading: Reading) -> Dataset:
    """Read the pictures and labels in an ``.npz`` file; nothing in it is executed.

    Pictures are integers of 0 to 255, of shape (examples, height, width) or (examples, height,
    width, channels); labels are integers or texts, of shape (examples,). Raises DataError where
    they are not, or where the file is damaged.
    """
    arrays = _read(path)
    parts = {"train": ("X", "y")}
    if "X_test" in arrays or "y_test" in arrays:
        parts["test"] = ("X_test", "y_test")
    missing = [key for keys in parts.values() for key in keys if key not in arrays]
    if missing:
        raise DataError(
            f"{path} has no {' and no '.join(missing)}; pictures X and labels y are wanted, and "
            f"perhaps X_test and y_test; it has {', '.join(arrays) or 'nothing'}"
        )
    labels = {part: _labels(f"{path}: {y}", arrays[y]) for part, (_, y) in parts.items()}
    classes = find_classes(name, {*labels["train"]}, {*labels.get("test", ())}, reading)
    pictures = {}
    for part, (X, y) in parts.items():
        try:
            pictures[part] = Pictures(_bytes(arrays[X]), numbered(labels[part], classes))
        except DataError as error:
            raise DataError(f"{path}, {X} and {y}: {error}") from error
    return assemble(name, classes, pictures["train"], pictures.get("test"), reading, {})


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            archive.namelist()  # np.load takes files that are no archives, too
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {key: np.asarray(arrays[key]) for key in arrays}
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise DataError(
            f"{path} is damaged or no .npz file of plain arrays ({error}); write it with "
            "numpy.savez(path, X=..., y=...)"
        ) from error


def _labels(where: str, array: np.ndarray) -> list[str]:
    """Return the names of the classes of labels."""
    if array.ndim != 1 or array.dtype.kind not in "iuU":
        raise DataError(
            f"{where} must be integers or texts of shape (examples,), got {array.dtype} of shape "
            f"{array.shape}"
        )
    return [str(label) for label in array.tolist()]


def _bytes(array: np.ndarray) -> np.ndarray:
    """Return whole numbers of 0 to 255 as bytes, with an axis of channels."""
    if array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= 255:
        array = array.astype(np.uint8, copy=False)
    return array[..., np.newaxis] if array.ndim == 3 else array
