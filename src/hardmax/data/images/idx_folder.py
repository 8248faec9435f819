"""A folder with the four IDX files of MNIST and its kin."""

from pathlib import Path

import numpy as np

from hardmax.data.datasets import Dataset, Pictures
from hardmax.data.images.idx import read_idx
from hardmax.errors import DataError

__all__ = ["find_part", "is_idx_folder", "read_idx_folder"]

#: How the files of a part may begin; the rest is -images-idx3-ubyte, -labels-idx1-ubyte.
PREFIXES = {"train": ("train",), "test": ("t10k", "test")}


def is_idx_folder(folder: Path) -> bool:
    """Tell whether a folder has a file whose name begins as those of IDX folders do."""
    starts = tuple(
        f"{prefix}-{what}"
        for prefixes in PREFIXES.values()
        for prefix in prefixes
        for what in ("images", "labels")
    )
    return any(name.startswith(starts) for name in _files(folder))


def read_idx_folder(folder: Path, name: str, classes: tuple[str, ...] | None = None) -> Dataset:
    """Read the training and the test set from the four IDX files in ``folder``.

    The files are found by how their names begin: ``train-images``, ``train-labels``,
    ``t10k-images`` (or ``test-images``) and ``t10k-labels``. Without ``classes`` the classes
    are called by their numbers. Raises DataError where a file is missing or damaged, or where
    images and labels do not fit each other.
    """
    parts = {part: _read_part(folder, part) for part in PREFIXES}
    if classes is None:
        highest = int(parts["train"].labels.max(initial=0))
        if highest >= max(len(parts["train"]), 1):
            raise DataError(
                f"{folder}: the training labels go up to {highest}, with {len(parts['train'])} "
                "examples; classes must be numbered from 0 on (are the bytes in the right order?)"
            )
        classes = tuple(str(label) for label in range(highest + 1))
    return Dataset(name, parts["train"], parts["test"], classes)


def _read_part(folder: Path, part: str) -> Pictures:
    images_path, labels_path = (find_part(folder, part, what) for what in ("images", "labels"))
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    try:
        return Pictures(images, labels)
    except DataError as error:
        raise DataError(f"{images_path}, {labels_path.name}: {error}") from error


def find_part(folder: Path, part: str, what: str) -> Path:
    """Return the file of ``part`` (train, test) that holds ``what`` (images, labels).

    Raises DataError where there is none, or more than one.
    """
    starts = [f"{prefix}-{what}" for prefix in PREFIXES[part]]
    found = [name for name in _files(folder) if name.startswith(tuple(starts))]
    # The same file with and without .gz, side by side, is one file.
    stems = {name.removesuffix(".gz") for name in found}
    if len(stems) == 1:
        return folder / found[0]
    wanted = " or ".join(
        f"{start}-idx{3 if what == 'images' else 1}-ubyte[.gz]" for start in starts
    )
    problem = "has no" if not found else f"has more than one ({', '.join(found)})"
    raise DataError(f"{folder} {problem} file {wanted}")


def _files(folder: Path) -> list[str]:
    """Return the names of a folder's files, sorted."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}") from error
