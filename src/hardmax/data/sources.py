"""From what a person names to a data set."""

import difflib
import os
from dataclasses import replace
from pathlib import Path

from hardmax.data.arrays import Dataset, Pictures
from hardmax.data.digits import load_digits
from hardmax.data.fashion_mnist import load_fashion_mnist
from hardmax.data.idx_folder import is_idx_folder, read_idx_folder
from hardmax.data.picture_folder import read_picture_folder
from hardmax.data.pictures import recolour, resize
from hardmax.data.reading import Reading
from hardmax.errors import DataError

__all__ = ["NAMED", "find_path", "load"]

#: The data sets that are known by name.
NAMED = {"digits": load_digits, "fashion-mnist": load_fashion_mnist}

#: What else may be given, in words.
OTHERS = "a folder of pictures (one folder a class) or of IDX files"


def load(source: str, reading: Reading = Reading()) -> Dataset:  # noqa: B008 (it is frozen)
    """Return the data set called ``source``, or the one at that path.

    Raises DataError where there is neither, and what the data set's reader raises.
    """
    if source in NAMED:
        return _fitted(NAMED[source](), reading)
    path = find_path(source)
    name = path.resolve().name
    if not is_idx_folder(path):
        return read_picture_folder(path, name, reading)
    return _fitted(read_idx_folder(path, name), reading)


def find_path(source: str) -> Path:
    """Return the folder that ``source`` is the path of. Raises DataError where there is none."""
    path = Path(source)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except PermissionError as error:
        raise DataError(f"cannot look at {path}: {error.strerror}") from error
    except OSError:  # what is no path at all, such as a name that is too long
        is_folder = exists = False
    if is_folder:
        return path
    if exists:
        raise DataError(f"{path} is a file; give {OTHERS}")
    known = ", ".join(NAMED)
    if os.sep in source:
        raise DataError(f"no such folder: {source!r}; give {OTHERS}, or one of {known}")
    near = difflib.get_close_matches(source.lower(), NAMED, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {known}, or {OTHERS}"
    raise DataError(f"unknown data {source!r}; {hint}")


def _fitted(dataset: Dataset, reading: Reading) -> Dataset:
    """Return a data set with the size and the channels that were asked for, if any were."""
    _, height, width, channels = dataset.train.images.shape
    size = reading.size or (height, width)

    def fitted(part: Pictures) -> Pictures:
        return Pictures(
            resize(recolour(part.images, reading.channels or channels), size), part.labels
        )

    return replace(dataset, train=fitted(dataset.train), test=fitted(dataset.test))
