"""List a folder of image files, one folder per class.

::

    DATA/train/CLASS/*.png      or      DATA/CLASS/*.png
    DATA/val/CLASS/*.png
    DATA/test/CLASS/*.png

The last two may be missing. ``parts`` has the other names that the folders of the parts may have.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hardmax.checks import listed
from hardmax.data.assembly import find_classes
from hardmax.data.images.opening import image_extensions
from hardmax.data.images.parts import (
    TRAIN,
    check_classes,
    choose_parts,
    part_named,
)
from hardmax.data.options import Reading
from hardmax.errors import DataError
from hardmax.files import is_hidden

__all__ = ["ImageFile", "ImageFolder", "image_file", "images_below", "scan"]


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
    """The contents of a folder of images: the training, the validation and the test files.

    ``classes`` are the names of the training set's folders; ``parts`` has the folder of each part,
    "" if the folders are classes. ``ignored`` lists the files and folders that are not images of a
    class.
    """

    root: Path
    classes: tuple[str, ...]
    files: tuple[ImageFile, ...]
    parts: dict[str, str]
    ignored: tuple[str, ...]


def scan(root: Path, reading: Reading) -> ImageFolder:
    """List a folder without reading any image.

    Within a part, files are sorted by name, whatever their class. Raises DataError if fewer than
    two classes have images, or if another set has a class that the training set does not have.
    """
    top = _entries(root)
    parts = _parts(root, top)
    ignored = [] if parts == {TRAIN: ""} else [name for name in top if name not in parts.values()]
    files: list[ImageFile] = []
    classes: dict[str, list[str]] = {}
    for part, name in parts.items():
        found, classes[part], others = _scan_part(root, part, f"{name}/" if name else "")
        files += found
        ignored += others
    _check(root, classes[TRAIN], files)
    names = find_classes(str(root), classes, reading)
    return ImageFolder(root, names, tuple(files), parts, tuple(sorted(ignored)))


def images_below(folder: str) -> list[str]:
    """Return the paths of the images anywhere below a folder, sorted, except hidden ones.

    Raises DataError if there are none.
    """
    names = sorted(_image_names(folder))
    if not names:
        raise DataError(f"{folder} is a folder without images; name images or a folder of images")
    return [os.path.join(folder, name) for name in names]


def _parts(root: Path, top: dict[str, os.DirEntry[str]]) -> dict[str, str]:
    """Return the name of each part's folder, "" for the training set if the folders are classes."""
    # A folder called train without subfolders is a class, say of vehicles.
    named = [name for name, entry in top.items() if part_named(name) and _has_folders(entry)]
    if not named:
        return {TRAIN: ""}
    others = [name for name, entry in top.items() if not part_named(name) and _has_images(entry)]
    return choose_parts(str(root), named, others)


def _scan_part(root: Path, part: str, below: str) -> tuple[list[ImageFile], list[str], list[str]]:
    """Return a part's files, its classes, and the names of other entries."""
    found: list[tuple[str, ImageFile]] = []
    folders: dict[str, set[str]] = {}
    others = []
    extensions = image_extensions()
    for label, entry in _entries(root / below).items():
        if not entry.is_dir():
            others.append(below + label)
            continue
        folders[label] = set()
        for inner, file in _walk(entry.path):
            name = f"{below}{label}/{inner}"
            folders[label].update(inner.split("/")[:-1][:1])
            if inner.lower().endswith(extensions):
                found.append((inner, image_file(name, part, label, file)))
            else:
                others.append(name)
    check_classes(str(root / below), folders)
    found.sort(key=lambda pair: (pair[0], pair[1].label))
    return [file for _, file in found], [*folders], others


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


def _entries(folder: str | Path) -> dict[str, os.DirEntry[str]]:
    """Return the entries of a folder by name, sorted, except hidden ones."""
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: entry for entry in entries if not is_hidden(entry.name)}
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}") from error
    return dict(sorted(found.items()))


def _has_folders(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder with subfolders."""
    return entry.is_dir() and any(inner.is_dir() for inner in _entries(entry.path).values())


def _has_images(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder with images anywhere below it."""
    return entry.is_dir() and any(_image_names(entry.path))


def _image_names(folder: str) -> Iterator[str]:
    """Yield the relative names of the images below a folder."""
    extensions = image_extensions()
    return (name for name, _ in _walk(folder) if name.lower().endswith(extensions))


def _walk(folder: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield the files below a folder by their relative names, except hidden ones.

    Links to folders are not followed: they may form a cycle.
    """
    folders = [("", folder)]
    while folders:  # folders may be nested more deeply than calls
        below, path = folders.pop()
        for name, entry in _entries(path).items():
            if entry.is_dir(follow_symlinks=False):
                folders.append((f"{below}{name}/", entry.path))
            elif not entry.is_dir():
                yield below + name, entry


def image_file(name: str, part: str, label: str, entry: os.DirEntry[str] | Path) -> ImageFile:
    """Return an image file, whether it can be read or not."""
    try:
        status = entry.stat()
    except OSError:  # reading it will fail with the reason
        return ImageFile(name, part, label, 0, 0)
    return ImageFile(name, part, label, status.st_size, status.st_mtime_ns)
