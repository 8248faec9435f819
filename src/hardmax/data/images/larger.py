"""Training images with more pixels than a network takes, so that crops need not be enlarged."""

import statistics
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

import numpy as np

from hardmax.data.datasets import Dataset, Images
from hardmax.data.images.cache import decode, stored_shapes
from hardmax.data.images.files import strict_pillow
from hardmax.data.images.parts import TRAIN
from hardmax.data.images.scan import ImageFile, image_file
from hardmax.data.mapped import take_rows
from hardmax.data.options import Reading

__all__ = ["FACTOR", "with_larger"]

#: How many times the pixels of the network's size the larger images have in each direction: a crop
#: of half of the area then has as many pixels as the network takes.
FACTOR = 1.4

#: The most files whose size is inspected.
INSPECTED = 1000


def with_larger(dataset: Dataset, source: Path, reading: Reading) -> Dataset:
    """Return a data set, read from ``source``, whose training images are also there larger.

    They have FACTOR times the height and width, or less if the files of most images have less. It
    is the data set itself if these have no more pixels than the images, or if there are no files.
    Raises DataError as ``decode`` does.
    """
    train = dataset.train
    if not isinstance(train, Images) or train.names is None:
        return dataset
    root = source if source.is_dir() else source.parent
    files = [image_file(name, TRAIN, "", root / name) for name in _names(dataset)]
    height, width, channels = dataset.shape
    factor = min(FACTOR, _factor(root, files, (height, width), reading))
    size = round(factor * height), round(factor * width)
    if factor <= 1 or size == (height, width):
        return dataset
    wanted = replace(reading, size=size, channels=channels, skip_bad=False)
    images = decode(source, root, files, wanted).images
    position = {file.name: i for i, file in enumerate(files)}
    rows = np.array([position[name] for name in train.names])
    if not np.array_equal(rows, np.arange(len(images))):
        images = take_rows(images, rows)
    notice = f"crops are cut from the training images as {size[0]} x {size[1]}"
    return replace(
        dataset,
        train=replace(train, larger=images),
        preprocessing={**dataset.preprocessing, "crops_from": [*size]},
        notices=(*dataset.notices, f"{dataset.name}: {notice}"),
    )


def _names(dataset: Dataset) -> list[str]:
    """Return the different files of the training images, in the order of the source.

    With those of the sets that were split off, so that another split finds them in the cache.
    """
    parts = [dataset.train if dataset.unsplit is None else dataset.unsplit]
    if "split_off" in dataset.preprocessing:
        parts.append(dataset.test)
    found: list[tuple[int, str]] = []
    for part in parts:
        places = range(len(part)) if part.places is None else part.places.tolist()
        found += zip(places, map(str, part.source(np.arange(len(part)))[1]), strict=True)
    return [*dict.fromkeys(name for _, name in sorted(found, key=itemgetter(0)))]


def _factor(root: Path, files: list[ImageFile], size: tuple[int, int], reading: Reading) -> float:
    """Return how many times ``size`` the files of most images have, the median."""
    some = files[:: -(-len(files) // INSPECTED)]
    with strict_pillow():
        shapes = stored_shapes(root, some, reading.background_color)
    of_both = max if reading.resizing == "pad" else min
    factors = [of_both(shape[0] / size[0], shape[1] / size[1]) for shape in shapes]
    return statistics.median(factors) if factors else 1.0
