"""Folders of image files, one folder per class, as data sets."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hardmax.checks import listed
from hardmax.data.assembly import assemble, numbered
from hardmax.data.datasets import Dataset, Images
from hardmax.data.images.cache import Decoded, decode
from hardmax.data.images.parts import TEST, TRAIN, VALIDATION, part_named
from hardmax.data.images.resizing import how_resized
from hardmax.data.images.scan import ImageFile, ImageFolder, scan
from hardmax.data.options import Reading
from hardmax.errors import DataError

__all__ = ["about_images", "check_skipped", "read_image_folder"]


def read_image_folder(root: Path, name: str, reading: Reading) -> Dataset:
    """Read a folder of images, all converted to the same shape.

    Raises DataError if there are fewer than two classes, or if an image cannot be read and
    ``skip_bad`` is off.
    """
    folder = scan(root, reading)
    decoded = decode(root, root, folder.files, reading)
    training = [(file.name, file.label) for file in folder.files if file.part == TRAIN]
    check_skipped(name, training, decoded.bad, reading)
    files = [file for file in folder.files if file.name not in decoded.bad]
    labels = numbered((file.label for file in files), folder.classes)
    names = np.array([file.name for file in files], object)
    parts = _split(Images(decoded.images, labels, names=names), files, folder.parts)
    preprocessing = {
        "resized": decoded.why,
        "left_out": sorted(decoded.bad),
        "ignored": list(folder.ignored),
    }
    dataset = assemble(
        name,
        folder.classes,
        parts[TRAIN],
        parts.get(TEST),
        reading,
        preprocessing,
        _notices(name, folder, decoded, reading),
    )
    return replace(dataset, validation=parts.get(VALIDATION))


def _split(images: Images, files: Sequence[ImageFile], parts: Iterable[str]) -> dict[str, Images]:
    """Return the images of each part, which are those of a range of the files."""
    split = {}
    start = 0
    for part in parts:
        stop = start + sum(file.part == part for file in files)
        split[part] = images.take(slice(start, stop))
        start = stop
    return split


def check_skipped(
    name: str, files: Sequence[tuple[str, str]], bad: dict[str, str], reading: Reading
) -> None:
    """Raise DataError if all images of a class were skipped, unless the classes are a run's.

    ``files`` are the names and classes of the training images; ``bad`` has those that cannot be
    read.
    """
    if reading.classes is not None:
        return
    left = {label for file, label in files if file not in bad}
    lost = {label: file for file, label in reversed(files) if label not in left}
    if lost:
        label, file = min(lost.items())
        raise DataError(
            f"{name}: the training set has no examples of {listed(sorted(lost))}, because none of "
            f"their images can be read and all were skipped; the first of {label}: {bad[file]}"
        )


def about_images(
    name: str, decoded: Decoded, reading: Reading, *, count: int, classes: int
) -> list[str]:
    """Return messages about how ``count`` images of a number of ``classes`` were read."""
    _, height, width, channels = decoded.images.shape
    color = "grayscale" if channels == 1 else "color"
    is_set = reading.shape is not None or reading.size is not None
    chosen = "" if is_set else f" ({decoded.why}; change it with --size and --channels)"
    notices = [
        f"{name}: {count} images of {classes} classes, as {height} x {width} {color}{chosen}"
    ]
    if decoded.reshaped:
        notices.append(
            f"{decoded.reshaped} images of another aspect ratio are {how_resized(reading)}; change "
            "it with --resize"
        )
    if decoded.transparent:
        notices.append(
            f"{decoded.transparent} images have transparent pixels, which show "
            f"{reading.background or 'white'}; change it with --background"
        )
    if decoded.bad:
        notices.append(
            f"skipped {len(decoded.bad)} images that cannot be read: {listed(sorted(decoded.bad))}"
        )
    return notices


def _notices(name: str, folder: ImageFolder, decoded: Decoded, reading: Reading) -> tuple[str, ...]:
    """Return messages about how a folder was read."""
    classes = len({file.label for file in folder.files})
    count = len(decoded.images)
    notices = about_images(name, decoded, reading, count=count, classes=classes)
    test = folder.parts.get(TEST, "")
    if part_named(test) == VALIDATION:
        notices.append(f"{name} has no test folder: the images in {test} are the test set")
    if folder.ignored:
        notices.append(
            f"ignored {len(folder.ignored)} files and folders that are not images of a class: "
            f"{listed(folder.ignored)}"
        )
    return tuple(notices)
