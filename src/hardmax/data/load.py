"""From what a person names to a data set."""

import difflib
import os
from dataclasses import replace
from pathlib import Path

from hardmax.data.datasets import Dataset, Examples, Pictures
from hardmax.data.images.digits import load_digits
from hardmax.data.images.fashion_mnist import load_fashion_mnist
from hardmax.data.images.files import recolour, resize
from hardmax.data.images.folder import read_picture_folder
from hardmax.data.images.idx_folder import is_idx_folder, read_idx_folder
from hardmax.data.images.npz import read_npz
from hardmax.data.options import Reading, listed
from hardmax.data.tables.files import ENDINGS as TABLES
from hardmax.data.tables.read import read_table_dataset
from hardmax.errors import ArgumentError, DataError

__all__ = ["NAMED", "find_path", "is_table", "load"]

#: The data sets that are known by name.
NAMED = {"digits": load_digits, "fashion-mnist": load_fashion_mnist}

#: The endings of files that can be read.
FILES = frozenset({".npz"}) | TABLES

#: What else may be given, in words.
OTHERS = (
    "a folder of pictures (one folder a class) or of IDX files, an .npz file, or a table "
    "(.csv, .tsv, .parquet)"
)


def load(source: str, reading: Reading = Reading()) -> Dataset:  # noqa: B008 (it is frozen)
    """Return the data set called ``source``, or the one at that path.

    Raises DataError where there is neither, and what the data set's reader raises.
    """
    if isinstance(reading.test, str):
        return _load_apart(source, reading.test, replace(reading, test=None))
    dataset = _read(source, reading)
    if reading.test is not None and "split_off" not in dataset.prepared:
        raise DataError(
            f"{dataset.name} has a test part of its own; a fraction to test on is split off data "
            "that has none"
        )
    return dataset


def _read(source: str, reading: Reading) -> Dataset:
    if is_table(source):
        _check_no_pictures(source, reading)
        path = find_path(source)
        return read_table_dataset(path, path.stem, reading)
    if reading.label is not None:
        raise ArgumentError(f"{source} is no table; only tables take a label column")
    if source in NAMED:
        return _fitted(NAMED[source](), reading)
    path = find_path(source)
    name = path.resolve().name
    if path.is_file():
        return _fitted(read_npz(path, path.stem, reading), reading)
    if is_idx_folder(path):
        return _fitted(read_idx_folder(path, name), reading)
    return read_picture_folder(path, name, reading)


def is_table(source: str) -> bool:
    """Tell whether ``source`` is the path of a table, by its ending."""
    return Path(source).suffix.lower() in TABLES and not Path(source).is_dir()


def _check_no_pictures(source: str, reading: Reading) -> None:
    """Raise ArgumentError where what only pictures have is asked of a table."""
    for name in ("size", "channels"):
        if getattr(reading, name) is not None:
            raise ArgumentError(f"{source} is a table, which has no {name}; that is for pictures")
    if reading.skip_bad:
        raise ArgumentError(f"{source} is a table; only picture files can be skipped")


def _load_apart(source: str, test: str, reading: Reading) -> Dataset:
    """Return a data set whose test part is other data, read as the training's is."""
    if is_table(source) != is_table(test):
        raise ArgumentError(f"{source} and {test} cannot go together: only one of them is a table")
    learnt = _read(source, replace(reading, whole=True))
    as_learnt = replace(
        reading,
        whole=True,
        shape=None if learnt.encoding else learnt.shape,
        classes=learnt.classes,
        encoding=learnt.encoding,
    )
    judged = _read(test, as_learnt)
    if judged.classes != learnt.classes:
        raise DataError(
            f"{test} has the classes {listed(judged.classes)}, and {source} has "
            f"{listed(learnt.classes)}; they must be the same"
        )
    unused = [] if learnt.test is learnt.train else [f"{source}: its own test part is not used"]
    return replace(
        learnt,
        test=judged.test,
        prepared={**learnt.prepared, "test": {"name": judged.name, **judged.prepared}},
        remarks=(*learnt.remarks, *unused, *judged.remarks),
        rows=learnt.rows + judged.rows,
    )


def find_path(source: str) -> Path:
    """Return the folder or file that ``source`` is the path of.

    Raises DataError where there is none, or where it is a file of no kind that can be read.
    """
    path = Path(source)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except PermissionError as error:
        raise DataError(f"cannot look at {path}: {error.strerror}") from error
    except OSError:  # what is no path at all, such as a name that is too long
        is_folder = exists = False
    if is_folder or (exists and path.suffix.lower() in FILES):
        return path
    if exists:
        raise DataError(f"{path} is a file of no kind that can be read; give {OTHERS}")
    known = ", ".join(NAMED)
    if os.sep in source or path.suffix.lower() in FILES:
        raise DataError(f"no such folder or file: {source!r}; give {OTHERS}, or one of {known}")
    near = difflib.get_close_matches(source.lower(), NAMED, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {known}, or {OTHERS}"
    raise DataError(f"unknown data {source!r}; {hint}")


def _fitted(dataset: Dataset, reading: Reading) -> Dataset:
    """Return a data set with the size and the channels that were asked for, if any were."""
    height, width, channels = dataset.shape
    size = reading.size or (height, width)

    def fitted(part: Examples) -> Pictures:
        return Pictures(
            resize(recolour(part.inputs, reading.channels or channels), size), part.labels
        )

    train = fitted(dataset.train)
    test = train if dataset.test is dataset.train else fitted(dataset.test)
    return replace(dataset, train=train, test=test)
