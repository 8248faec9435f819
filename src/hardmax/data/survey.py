"""Inspect image data before training: classes, sizes, unreadable files and duplicates."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hardmax.checks import plain, shortened
from hardmax.data.assembly import find_classes, numbered
from hardmax.data.datasets import Dataset, Examples, Images
from hardmax.data.equality import key_of
from hardmax.data.image_table import read_image_table
from hardmax.data.images.files import load_upright, strict_pillow
from hardmax.data.images.idx_folder import is_idx_folder
from hardmax.data.images.parts import TEST, TRAIN
from hardmax.data.images.scan import ImageFile, scan
from hardmax.data.load import NAMED, find_path, is_table, load
from hardmax.data.options import Reading
from hardmax.data.parallel import in_threads
from hardmax.data.problems import Part, find_problems
from hardmax.data.tables.files import table_name
from hardmax.errors import DataError

__all__ = ["Survey", "survey"]


@dataclass(frozen=True)
class Survey:
    """A summary of image data.

    ``classes`` counts the examples of each class in each part, ``sizes`` the images of each
    (height, width, channels), the most frequent first. ``sides`` are the least, the median and the
    largest (height, width), heights apart from widths; empty without an image. ``unreadable`` maps
    files to the reason they cannot be read, ``ignored`` lists the files and folders that are not
    images of a class. ``same`` are groups of examples with identical pixels, ``in_several`` the
    groups that occur in more than one part. ``notices`` are about a table that names the images,
    and ``warnings`` about what may be wrong, as a training has them.
    """

    name: str
    has_test: bool
    classes: dict[str, dict[str, int]]
    sizes: dict[tuple[int, ...], int]
    sides: dict[str, tuple[float, float]]
    unreadable: dict[str, str]
    ignored: tuple[str, ...]
    same: list[list[str]]
    in_several: list[list[str]]
    notices: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Example:
    """An example; ``key`` identifies its pixels."""

    name: str
    part: str
    label: str
    shape: tuple[int, ...]
    key: int


def survey(source: str, reading: Reading = Reading()) -> Survey:  # noqa: B008 (it is frozen)
    """Inspect every example of the data with the name or path ``source``.

    ``reading`` says how to read a table that names image files. Raises DataError if there is no
    such data, or if it cannot be trained on.
    """
    if is_table(source):
        return _survey_table(find_path(source), reading)
    if source not in NAMED:
        path = find_path(source)
        if path.is_dir() and not is_idx_folder(path):
            return _survey_folder(path)
    dataset = load(source, Reading(whole=True))
    parts = {TRAIN: dataset.train} | ({TEST: dataset.test} if dataset.has_test else {})
    return _summarize(dataset.name, dataset.classes, [*parts], _examples(dataset, parts))


def _survey_folder(path: Path) -> Survey:
    """Inspect a folder of images at their original sizes, before any conversion."""
    folder = scan(path, Reading())
    examples, unreadable = _inspect_all(path, folder.files)
    name = path.resolve().name
    return _summarize(name, folder.classes, [*folder.parts], examples, unreadable, folder.ignored)


def _survey_table(path: Path, reading: Reading) -> Survey:
    """Inspect the images that a table names; each of its rows is an example."""
    listed = read_image_table(path, reading)
    name = table_name(path)
    classes = find_classes(name, {TRAIN: {*listed.labels}}, reading)
    examples, unreadable = _inspect_all(path.parent, listed.files)
    known = {example.name: example for example in examples}
    names = [listed.files[place].name for place in listed.places]
    rows = (
        replace(known[file], label=label)
        for file, label in zip(names, listed.labels, strict=True)
        if file in known
    )
    found = _summarize(name, classes, [TRAIN], rows, unreadable)
    return replace(found, notices=tuple(listed.notices))


def _inspect_all(root: Path, files: Sequence[ImageFile]) -> tuple[list[_Example], dict[str, str]]:
    """Return the examples in files, and the files that cannot be read with the reason."""
    unreadable: dict[str, str] = {}
    examples: list[_Example] = []
    with strict_pillow():
        for chunk, bad in in_threads(lambda some: _inspect(root, some), files, "inspecting images"):
            examples += chunk
            unreadable |= bad
    return examples, unreadable


def _inspect(root: Path, files: Sequence[ImageFile]) -> tuple[list[_Example], dict[str, str]]:
    """Return the same as ``_inspect_all`` for a few files, in one thread."""
    examples, bad = [], {}
    for file in files:
        try:
            image = load_upright(root / file.name, Reading()).image
        except DataError as error:
            bad[file.name] = str(error)
            continue
        shape = (image.height, image.width, len(image.getbands()))
        key = _key(np.asarray(image).reshape(shape))
        examples.append(_Example(file.name, file.part, file.label, shape, key))
    return examples, bad


def _examples(dataset: Dataset, parts: Mapping[str, Examples]) -> Iterator[_Example]:
    """Yield the examples of a data set, named by their position, such as ``test 17``."""
    for part, images in parts.items():
        for number, (image, label) in enumerate(zip(images.inputs, images.labels, strict=True)):
            name = f"{part} {number}"
            yield _Example(name, part, dataset.classes[label], dataset.shape, _key(image))


def _key(image: np.ndarray) -> int:
    """Return the key of an image, uint8 (height, width, channels)."""
    return key_of(repr(image.shape).encode() + image.tobytes())


def _summarize(
    name: str,
    classes: Sequence[str],
    parts: Sequence[str],
    examples: Iterable[_Example],
    unreadable: dict[str, str] | None = None,
    ignored: tuple[str, ...] = (),
) -> Survey:
    counts = {label: dict.fromkeys(parts, 0) for label in classes}
    sizes: Counter[tuple[int, ...]] = Counter()
    groups: dict[int, list[_Example]] = {}
    of_part: dict[str, list[_Example]] = {part: [] for part in parts}
    for example in examples:
        of_part[example.part].append(example)
        counts[example.label][example.part] += 1
        sizes[example.shape] += 1
        groups.setdefault(example.key, []).append(example)
    same = [group for group in groups.values() if len(group) > 1]
    in_several = [group for group in same if len({example.part for example in group}) > 1]
    return Survey(
        name=name,
        has_test=TEST in parts,
        classes=counts,
        sizes=dict(sizes.most_common()),
        sides=_sides(sizes),
        unreadable=unreadable or {},
        ignored=ignored,
        same=_names(same),
        in_several=_names(in_several),
        warnings=tuple(
            find_problems(
                name,
                [_part(part, found, classes) for part, found in of_part.items()],
                classes=classes,
                words=Images.words,
            )
        ),
    )


def _part(name: str, examples: Sequence[_Example], classes: Sequence[str]) -> Part:
    return Part(
        name,
        np.array([example.key for example in examples], np.uint64),
        numbered((example.label for example in examples), tuple(classes)),
        lambda position: shortened(plain(examples[position].name)),
    )


def _sides(sizes: Counter[tuple[int, ...]]) -> dict[str, tuple[float, float]]:
    """Return the least, the median and the largest (height, width), heights apart from widths."""
    if not sizes:
        return {}
    counts = [*sizes.values()]
    both = np.repeat([size[:2] for size in sizes], counts, axis=0)
    found = np.quantile(both, [0, 0.5, 1], axis=0).tolist()
    return {
        name: (height, width)
        for name, (height, width) in zip(("least", "median", "largest"), found, strict=True)
    }


def _names(groups: list[list[_Example]]) -> list[list[str]]:
    return [[example.name for example in group] for group in groups]
