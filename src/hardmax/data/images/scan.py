"""List a folder of image files, one folder per class.

::

    DATA/train/CLASS/*.png      or      DATA/CLASS/*.png
    DATA/test/CLASS/*.png
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hardmax.checks import listed
from hardmax.data.assembly import find_classes
from hardmax.data.images.opening import image_extensions
from hardmax.data.options import Reading
from hardmax.errors import DataError

__all__ = ["TEST", "TRAIN", "ImageFile", "ImageFolder", "scan"]

TRAIN, TEST = "train", "test"


class ImageFile(NamedTuple):
    """An image file: its name relative to the data folder, its part and its class.

    ``size`` in bytes and ``modified`` in nanoseconds are 0 for a broken link.
    """

    name: str
    part: str
    label: str
    size: int
    modified: int


@dataclass(frozen=True)
class ImageFolder:
    """The contents of a folder of images: the training files, then the test files if any.

    ``classes`` are the names of the training set's folders; ``ignored`` lists the files and
    folders that are not images of a class.
    """

    root: Path
    classes: tuple[str, ...]
    files: tuple[ImageFile, ...]
    has_test: bool
    ignored: tuple[str, ...]


def scan(root: Path, reading: Reading) -> ImageFolder:
    """List a folder without reading any image.

    Within a part, files are sorted by name, whatever their class. Raises DataError if fewer than
    two classes have images, or if the test set has a class that the training set does not have.
    """
    parts, ignored = _parts(root)
    files: list[ImageFile] = []
    classes: dict[str, list[str]] = {TRAIN: [], TEST: []}
    for part, below in parts.items():
        found, classes[part], others = _scan_part(root, part, below)
        files += found
        ignored += others
    _check(root, classes[TRAIN], files)
    names = find_classes(str(root), classes[TRAIN], classes[TEST], reading)
    return ImageFolder(root, names, tuple(files), TEST in parts, tuple(sorted(ignored)))


def _parts(root: Path) -> tuple[dict[str, str], list[str]]:
    """Return the parts with the prefix of their files' names, and the other entries."""
    top = _entries(root)
    # A folder called train without subfolders is a class, say of vehicles.
    parts = {part: f"{part}/" for part in (TRAIN, TEST) if _has_folders(top.get(part), root)}
    if not parts:
        return {TRAIN: ""}, []
    if TRAIN not in parts:
        raise DataError(
            f"{root} has a folder {TEST} with subfolders, but no such folder {TRAIN}; add it, or "
            "use a folder whose subfolders are the classes"
        )
    return parts, [name for name in top if name not in parts]


def _scan_part(root: Path, part: str, below: str) -> tuple[list[ImageFile], list[str], list[str]]:
    """Return a part's files, its classes, and the names of other entries."""
    found: list[tuple[str, ImageFile]] = []
    labels, others = [], []
    extensions = image_extensions()
    for label, entry in _entries(root / below).items():
        if not entry.is_dir():
            others.append(below + label)
            continue
        labels.append(label)
        for inner, file in _walk(Path(entry.path)):
            name = f"{below}{label}/{inner}"
            if inner.lower().endswith(extensions):
                found.append((inner, _file(name, part, label, file)))
            else:
                others.append(name)
    found.sort(key=lambda pair: (pair[0], pair[1].label))
    return [file for _, file in found], labels, others


def _check(root: Path, classes: list[str], files: list[ImageFile]) -> None:
    """Raise DataError unless every class of the training set has images."""
    if not files:
        raise DataError(
            f"{root} has neither the four IDX files nor images in one folder per class; use a "
            "folder with CLASS/*.png (or .jpg, ...), or train/CLASS/*.png and test/CLASS/*.png"
        )
    empty = {*classes} - {file.label for file in files if file.part == TRAIN}
    if empty:
        raise DataError(
            f"{root}: the folders of these classes have no images: {listed(sorted(empty))}; add "
            "images, or move folders that are not classes elsewhere"
        )


def _entries(folder: Path) -> dict[str, os.DirEntry[str]]:
    """Return the entries of a folder by name, sorted, except hidden ones."""
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: entry for entry in entries if not entry.name.startswith(".")}
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}") from error
    return dict(sorted(found.items()))


def _has_folders(entry: os.DirEntry[str] | None, root: Path) -> bool:
    """Return whether an entry is a folder with subfolders, which makes it a part, not a class."""
    if entry is None or not entry.is_dir():
        return False
    return any(inner.is_dir() for inner in _entries(root / entry.name).values())


def _walk(folder: Path, below: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield the files below a folder by their relative names, except hidden ones.

    Links to folders are not followed: they may form a cycle.
    """
    for name, entry in _entries(folder).items():
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / name, f"{below}{name}/")
        elif not entry.is_dir():
            yield below + name, entry


def _file(name: str, part: str, label: str, entry: os.DirEntry[str]) -> ImageFile:
    try:
        status = entry.stat()
    except OSError:  # reading it will fail with the reason
        return ImageFile(name, part, label, 0, 0)
    return ImageFile(name, part, label, status.st_size, status.st_mtime_ns)
