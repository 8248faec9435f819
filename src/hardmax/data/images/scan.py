"""What lies in a folder of picture files, one folder a class.

::

    DATA/train/CLASS/*.png      or      DATA/CLASS/*.png
    DATA/test/CLASS/*.png
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hardmax.data.options import Reading, find_classes, listed
from hardmax.errors import DataError

__all__ = ["TEST", "TRAIN", "PictureFile", "PictureFolder", "scan"]

#: The endings of files that are taken for pictures.
ENDINGS = tuple(
    ".avif .bmp .gif .jfif .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tif .tiff .webp".split()
)

TRAIN, TEST = "train", "test"


class PictureFile(NamedTuple):
    """A picture's file: its name below the folder of the data, and what it is an example of.

    ``size`` in bytes and ``modified`` in nanoseconds are 0 where a link leads nowhere.
    """

    name: str
    part: str
    label: str
    size: int
    modified: int


@dataclass(frozen=True)
class PictureFolder:
    """What lies in a folder of pictures: the training's files, then the test's if it has any.

    ``classes`` are the names of the training part's folders; ``ignored`` is what is there
    and no picture of a class.
    """

    root: Path
    classes: tuple[str, ...]
    files: tuple[PictureFile, ...]
    has_test: bool
    ignored: tuple[str, ...]


def scan(root: Path, reading: Reading) -> PictureFolder:
    """Return what lies in a folder, without reading a picture.

    Within a part files are in the order of their names, whatever their class. Raises DataError
    where there are no two classes with pictures, or where the test part has one that training has
    not.
    """
    parts, ignored = _parts(root)
    files: list[PictureFile] = []
    classes: dict[str, list[str]] = {TRAIN: [], TEST: []}
    for part, below in parts.items():
        found, classes[part], others = _scan_part(root, part, below)
        files += found
        ignored += others
    _check(root, classes[TRAIN], files)
    names = find_classes(str(root), classes[TRAIN], classes[TEST], reading)
    return PictureFolder(root, names, tuple(files), TEST in parts, tuple(sorted(ignored)))


def _parts(root: Path) -> tuple[dict[str, str], list[str]]:
    """Return the parts, with what the names of their files begin with, and what is beside them."""
    top = _entries(root)
    # A folder called train that has no folders is one of a class, say of vehicles.
    parts = {part: f"{part}/" for part in (TRAIN, TEST) if _has_folders(top.get(part), root)}
    if not parts:
        return {TRAIN: ""}, []
    if TRAIN not in parts:
        raise DataError(
            f"{root} has a folder {TEST} with folders of its own and no such folder {TRAIN}; add "
            "that one, or give the folder whose folders are the classes"
        )
    return parts, [name for name in top if name not in parts]


def _scan_part(root: Path, part: str, below: str) -> tuple[list[PictureFile], list[str], list[str]]:
    """Return a part's files, its classes, and the names of what is neither."""
    found: list[tuple[str, PictureFile]] = []
    labels, others = [], []
    for label, entry in _entries(root / below).items():
        if not entry.is_dir():
            others.append(below + label)
            continue
        labels.append(label)
        for inner, file in _walk(Path(entry.path)):
            name = f"{below}{label}/{inner}"
            if inner.lower().endswith(ENDINGS):
                found.append((inner, _file(name, part, label, file)))
            else:
                others.append(name)
    found.sort(key=lambda one: (one[0], one[1].label))
    return [file for _, file in found], labels, others


def _check(root: Path, classes: list[str], files: list[PictureFile]) -> None:
    """Raise DataError unless every class of the training part has pictures."""
    if not files:
        raise DataError(
            f"{root} has neither the four IDX files nor pictures in folders, one a class; give a "
            "folder that has CLASS/*.png (or .jpg, ...), or train/CLASS/*.png and test/CLASS/*.png"
        )
    empty = {*classes} - {file.label for file in files if file.part == TRAIN}
    if empty:
        raise DataError(
            f"{root}: there are no pictures in the folders of the classes {listed(sorted(empty))}; "
            "a class needs some, and what is no class must lie elsewhere"
        )


def _entries(folder: Path) -> dict[str, os.DirEntry]:
    """Return what lies in a folder by name, sorted, without what is hidden."""
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: entry for entry in entries if not entry.name.startswith(".")}
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}") from error
    return dict(sorted(found.items()))


def _has_folders(entry: os.DirEntry | None, root: Path) -> bool:
    """Tell whether an entry is a folder that has folders: a part, and no class."""
    if entry is None or not entry.is_dir():
        return False
    return any(inner.is_dir() for inner in _entries(root / entry.name).values())


def _walk(folder: Path, below: str = "") -> Iterator[tuple[str, os.DirEntry]]:
    """Yield the files below a folder by their names below it, without what is hidden.

    Links to folders are not followed: they may lead round.
    """
    for name, entry in _entries(folder).items():
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / name, f"{below}{name}/")
        elif not entry.is_dir():
            yield below + name, entry


def _file(name: str, part: str, label: str, entry: os.DirEntry) -> PictureFile:
    try:
        told = entry.stat()
    except OSError:  # reading it will tell
        return PictureFile(name, part, label, 0, 0)
    return PictureFile(name, part, label, told.st_size, told.st_mtime_ns)
