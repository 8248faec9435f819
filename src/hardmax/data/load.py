"""Load a data set by name or path."""

import difflib
import os
from dataclasses import replace
from pathlib import Path

from hardmax.checks import listed
from hardmax.data.datasets import Dataset, Examples, Images
from hardmax.data.image_table import read_image_dataset
from hardmax.data.images.digits import load_digits
from hardmax.data.images.fashion_mnist import load_fashion_mnist
from hardmax.data.images.files import convert_channels
from hardmax.data.images.folder import read_image_folder
from hardmax.data.images.idx_folder import is_idx_folder, read_idx_folder
from hardmax.data.images.larger import with_larger
from hardmax.data.images.npz import read_npz
from hardmax.data.images.resizing import has_other_ratio, how_resized, resize
from hardmax.data.options import Reading, ReadingOptions
from hardmax.data.tables.files import is_table_name, table_name
from hardmax.data.tables.read import read_table_dataset
from hardmax.errors import ArgumentError, DataError
from hardmax.fields import flag, options_of

__all__ = ["NAMED", "check_no_table_options", "find_path", "is_table", "load"]

#: The data sets available by name.
NAMED = {"digits": load_digits, "fashion-mnist": load_fashion_mnist}

#: The other sources, for messages.
PATHS = (
    "a folder of images (one folder per class) or of IDX files, an .npz file, or a table "
    "(.csv, .tsv, .parquet, .feather, .jsonl, .xlsx and others)"
)


def load(source: str, reading: Reading = Reading()) -> Dataset:  # noqa: B008 (it is frozen)
    """Return the data set with the name or path ``source``.

    Raises DataError if there is none, and whatever its reader raises.
    """
    dataset = _load(source, reading)
    if reading.validation is not None and dataset.unsplit is None:
        if dataset.validation is not None:
            raise DataError(
                f"{dataset.name} already has a validation set; a fraction can only be split off "
                "data without one"
            )
        dataset = dataset.with_validation(reading.validation, reading.seed)
    return with_larger(dataset, Path(source), reading) if reading.crops else dataset


def _load(source: str, reading: Reading) -> Dataset:
    """Return a data set; only a table has its validation set split off by the reader.

    The encoding of a table is learned from the training set without the validation set.
    """
    if isinstance(reading.test, str):
        return _load_with_test(source, reading.test, replace(reading, test=None))
    dataset = _read(source, reading)
    if reading.test is not None and "split_off" not in dataset.preprocessing:
        raise DataError(
            f"{dataset.name} already has a test set; a fraction can only be split off data "
            "without one"
        )
    return dataset


def _read(source: str, reading: Reading) -> Dataset:
    if is_table(source):
        if reading.files is not None:
            path = find_path(source)
            return read_image_dataset(path, table_name(path), reading)
        _check_no_image_options(source, reading)
        path = find_path(source)
        return read_table_dataset(path, table_name(path), reading)
    check_no_table_options(source, reading)
    if source in NAMED:
        return _convert(NAMED[source](), reading)
    path = find_path(source)
    name = path.resolve().name
    if not path.is_dir():
        return _convert(read_npz(path, path.stem, reading), reading)
    if is_idx_folder(path):
        return _convert(read_idx_folder(path, name), reading)
    return read_image_folder(path, name, reading)


def is_table(source: str) -> bool:
    """Return whether ``source`` is the path of a table, by its extension."""
    return is_table_name(source) and not Path(source).is_dir()


def _check_no_image_options(source: str, reading: Reading) -> None:
    """Raise ArgumentError if a table is read with options for images."""
    for name in ("size", "channels", "resize", "background"):
        if getattr(reading, name) is not None:
            raise ArgumentError(f"{source} is a table; {name} applies only to images")
    if reading.skip_bad:
        raise ArgumentError(f"{source} is a table; only bad image files can be skipped")


def check_no_table_options(source: str, reading: Reading) -> None:
    """Raise ArgumentError if other data is read with options for tables."""
    if reading.label is not None:
        raise ArgumentError(f"{source} is not a table; only tables have a label column")
    for name, (_, option) in options_of(ReadingOptions).items():
        if option.of_tables and getattr(reading, name) is not None:
            raise ArgumentError(
                f"{source} is not a table; {flag(name, option)} applies only to tables"
            )


def _load_with_test(source: str, test: str, reading: Reading) -> Dataset:
    """Return a data set with the test set from other data, read like the training set."""
    if is_table(source) != is_table(test) and reading.files is None:
        raise ArgumentError(f"{source} and {test} cannot be combined: only one of them is a table")
    training = _read(source, replace(reading, whole=True))
    like_training = replace(
        reading,
        whole=True,
        validation=None,
        shape=None if training.encoding else training.shape,
        classes=training.classes,
        encoding=training.encoding,
    )
    other = _read(test, like_training if is_table(test) else like_training.without_table)
    if other.classes != training.classes:
        raise DataError(
            f"{test} has the classes {listed(other.classes)}, and {source} has "
            f"{listed(training.classes)}; they must be the same"
        )
    unused = [f"{source}: its test set is not used"] if training.has_test else []
    return replace(
        training,
        test=other.test,
        has_test=True,
        preprocessing={
            **training.preprocessing,
            "test": {"name": other.name, **other.preprocessing},
        },
        notices=(*training.notices, *unused, *other.notices),
        warnings=(*training.warnings, *other.warnings),
        rows=training.rows + other.rows,
    )


def find_path(source: str) -> Path:
    """Return ``source`` as a path.

    Raises DataError if it does not exist, or is not a supported file type.
    """
    path = Path(source)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except PermissionError as error:
        raise DataError(f"cannot access {path}: {error.strerror}") from error
    except OSError:  # not a valid path, such as a name that is too long
        is_folder = exists = False
    is_file_name = path.suffix.lower() == ".npz" or is_table_name(source)
    if is_folder or (exists and is_file_name):
        return path
    if exists:
        raise DataError(f"{path} is not a supported file type; use {PATHS}")
    known = ", ".join(NAMED)
    if os.sep in source or is_file_name:
        raise DataError(f"no such folder or file: {source!r}; use {PATHS}, or one of {known}")
    near = difflib.get_close_matches(source.lower(), NAMED, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"use one of {known}, or {PATHS}"
    raise DataError(f"unknown data {source!r}; {hint}")


def _convert(dataset: Dataset, reading: Reading) -> Dataset:
    """Return a data set with its images converted to the size and channels in ``reading``."""
    height, width, channels = dataset.shape
    size = reading.size or (height, width)

    def convert(part: Examples) -> Images:
        assert isinstance(part, Images)
        images = convert_channels(part.images, reading.channels or channels)
        return replace(part, images=resize(images, size, reading))

    train = convert(dataset.train)
    test = convert(dataset.test) if dataset.has_test else train
    notices = dataset.notices
    if has_other_ratio(height, width, size):
        notices += (
            f"{dataset.name}: the images of {height} x {width} are {how_resized(reading)}; change "
            "it with --resize",
        )
    return replace(dataset, train=train, test=test, notices=notices)
