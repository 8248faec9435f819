"""Folders with the four IDX files of MNIST and similar data sets."""

from pathlib import Path

import numpy as np

from hardmax.data.datasets import Dataset, Images
from hardmax.data.images.declared import check_declared
from hardmax.data.images.idx import IdxFile, open_idx
from hardmax.errors import DataError

__all__ = ["find_part", "is_idx_folder", "read_idx_folder"]

#: The prefixes of a part's files, before -images-idx3-ubyte and -labels-idx1-ubyte.
PREFIXES = {"train": ("train",), "test": ("t10k", "test")}


def is_idx_folder(folder: Path) -> bool:
    """Return whether a folder has a file with the name prefix of an IDX data set."""
    starts = tuple(
        f"{prefix}-{what}"
        for prefixes in PREFIXES.values()
        for prefix in prefixes
        for what in ("images", "labels")
    )
    return any(name.startswith(starts) for name in _files(folder))


def read_idx_folder(folder: Path, name: str, classes: tuple[str, ...] | None = None) -> Dataset:
    """Read the training and the test set from the four IDX files in ``folder``.

    The files are found by the prefixes ``train-images``, ``train-labels``, ``t10k-images`` (or
    ``test-images``) and ``t10k-labels`` (or ``test-labels``). Without ``classes`` the class names
    are the labels. Raises DataError if a file is missing or damaged, or if images and labels do
    not match.
    """
    parts = {part: _read_part(folder, part) for part in PREFIXES}
    if classes is None:
        highest = int(parts["train"].labels.max(initial=0))
        if highest >= max(len(parts["train"]), 1):
            raise DataError(
                f"{folder}: the largest training label is {highest}, with "
                f"{len(parts['train'])} examples; labels must count from 0 (check the byte order)"
            )
        classes = tuple(str(label) for label in range(highest + 1))
    return Dataset(name, parts["train"], parts["test"], classes)


def _read_part(folder: Path, part: str) -> Images:
    images_path, labels_path = (find_part(folder, part, what) for what in ("images", "labels"))
    with open_idx(images_path) as images, open_idx(labels_path) as labels:
        # The headers are compared before any of the data is read.
        _check_headers(images, labels)
        pixels, numbers = images.read(), labels.read()
    if pixels.ndim == 3:
        pixels = pixels[..., np.newaxis]
    try:
        return Images(pixels, numbers)
    except DataError as error:
        raise DataError(f"{images_path}, {labels_path.name}: {error}") from error


def _check_headers(images: IdxFile, labels: IdxFile) -> None:
    """Raise DataError unless two files can be images and their labels."""
    if labels.dtype.kind not in "iu" or len(labels.shape) != 1:
        raise DataError(
            f"{labels.path}: labels must be integers of shape (examples,), got "
            f"{labels.dtype.name} of shape {labels.shape}"
        )
    # The only unsigned integers in IDX files are bytes.
    where = f"{images.path}, {Path(labels.path).name}"
    check_declared(where, images, labels, kinds="u")


def find_part(folder: Path, part: str, what: str) -> Path:
    """Return the file with ``what`` (images, labels) of ``part`` (train, test).

    Raises DataError if there is none, or more than one.
    """
    starts = [f"{prefix}-{what}" for prefix in PREFIXES[part]]
    found = [name for name in _files(folder) if name.startswith(tuple(starts))]
    # A file and its compressed copy count as one.
    stems = {name.removesuffix(".gz") for name in found}
    if len(stems) == 1:
        return folder / found[0]
    wanted = " or ".join(
        f"{start}-idx{3 if what == 'images' else 1}-ubyte[.gz]" for start in starts
    )
    problem = "has no" if not found else f"has more than one ({', '.join(found)})"
    raise DataError(f"{folder} {problem} file {wanted}")


def _files(folder: Path) -> list[str]:
    """Return the names of a folder's files, sorted, also of those that cannot be read."""
    try:
        return sorted(path.name for path in folder.iterdir() if not path.is_dir())
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}") from error
