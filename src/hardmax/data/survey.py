"""What is found in data before anyone trains: classes, sizes, bad files, what is there twice."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hardmax.data.datasets import Dataset
from hardmax.data.images.files import careful, is_grey, pixels, upright
from hardmax.data.images.idx_folder import is_idx_folder
from hardmax.data.images.scan import TEST, TRAIN, PictureFile, scan
from hardmax.data.load import NAMED, find_path, load
from hardmax.data.options import Reading
from hardmax.data.parallel import in_threads
from hardmax.errors import DataError

__all__ = ["Survey", "survey"]


@dataclass(frozen=True)
class Survey:
    """What is found in data.

    ``classes`` counts the examples of each class in each part, ``sizes`` the pictures of each
    (height, width, channels); ``unreadable`` says of files why they cannot be read, ``ignored``
    names what is no picture of a class. ``same`` are groups of examples with the very same pixels,
    and ``in_both`` those groups of them that the training and the test part share.
    """

    name: str
    has_test: bool
    classes: dict[str, dict[str, int]]
    sizes: dict[tuple[int, ...], int]
    unreadable: dict[str, str]
    ignored: tuple[str, ...]
    same: list[list[str]]
    in_both: list[list[str]]


@dataclass(frozen=True, slots=True)
class _Example:
    """An example that was looked at; ``digest`` stands for its pixels."""

    name: str
    part: str
    label: str
    shape: tuple[int, ...]
    digest: bytes


def survey(source: str) -> Survey:
    """Look at every example of the data called ``source``, or of that at this path.

    Raises DataError where there is no data, or none that can be learnt.
    """
    if source not in NAMED:
        path = find_path(source)
        if path.is_dir() and not is_idx_folder(path):
            return _survey_folder(path)
    dataset = load(source, Reading(whole=True))
    has_test = dataset.test is not dataset.train
    return _told(dataset.name, dataset.classes, has_test, _examples(dataset, has_test))


def _survey_folder(path: Path) -> Survey:
    """Look at a folder of pictures at their own sizes, whatever training makes of them."""
    folder = scan(path, Reading())
    unreadable: dict[str, str] = {}
    examples: list[_Example] = []
    with careful():
        for found, bad in in_threads(
            lambda files: _look(path, files), folder.files, "looking at pictures"
        ):
            examples += found
            unreadable |= bad
    name = path.resolve().name
    return _told(name, folder.classes, folder.has_test, examples, unreadable, folder.ignored)


def _look(root: Path, files: Sequence[PictureFile]) -> tuple[list[_Example], dict[str, str]]:
    """Return what files are examples of, and the files that cannot be read, with why."""
    examples, bad = [], {}
    for file in files:
        try:
            picture = upright(root / file.name)[0]
        except DataError as error:
            bad[file.name] = str(error)
            continue
        shape = (picture.height, picture.width, 1 if is_grey(picture) else 3)
        digest = _digest(pixels(picture, shape))
        examples.append(_Example(file.name, file.part, file.label, shape, digest))
    return examples, bad


def _examples(dataset: Dataset, has_test: bool) -> Iterator[_Example]:
    """Yield the examples of data in memory; they are called by their place, as ``test 17``."""
    parts = {TRAIN: dataset.train, TEST: dataset.test} if has_test else {TRAIN: dataset.train}
    for part, pictures in parts.items():
        for number, (image, label) in enumerate(zip(pictures.inputs, pictures.labels, strict=True)):
            name = f"{part} {number}"
            yield _Example(name, part, dataset.classes[label], dataset.shape, _digest(image))


def _digest(image: np.ndarray) -> bytes:
    """Return what stands for a picture, uint8 (height, width, channels)."""
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()


def _told(
    name: str,
    classes: Sequence[str],
    has_test: bool,
    examples: Iterable[_Example],
    unreadable: dict[str, str] | None = None,
    ignored: tuple[str, ...] = (),
) -> Survey:
    counts = {label: dict.fromkeys((TRAIN, TEST) if has_test else (TRAIN,), 0) for label in classes}
    sizes: Counter[tuple[int, ...]] = Counter()
    groups: dict[bytes, list[_Example]] = {}
    for one in examples:
        counts[one.label][one.part] += 1
        sizes[one.shape] += 1
        groups.setdefault(one.digest, []).append(one)
    same = [group for group in groups.values() if len(group) > 1]
    in_both = [group for group in same if len({one.part for one in group}) == 2]
    return Survey(
        name,
        has_test,
        counts,
        dict(sizes.most_common()),
        unreadable or {},
        ignored,
        _names(same),
        _names(in_both),
    )


def _names(groups: list[list[_Example]]) -> list[list[str]]:
    return [[one.name for one in group] for group in groups]
