"""Loads data for a run, with the options it was loaded with for training."""

import contextlib
import os
from dataclasses import replace

from hardmax.data import load
from hardmax.data.datasets import Dataset
from hardmax.data.options import Reading
from hardmax.errors import DataError, HardmaxError
from hardmax.reports.links import Links
from hardmax.runs.run import Run

__all__ = ["check_fit", "links_of", "load_data", "test_file"]


def load_data(run: Run, path: str, source: str | None, validation: float | None = None) -> Dataset:
    """Return the data set ``source``, or the one that the run in ``path`` was trained on.

    A validation set is only split off if its fraction of the training set is given. Raises
    DataError if the data does not fit the run or has changed since training.
    """
    original = run.settings.data
    is_unlike = source is not None and load.is_table(source) != (run.encoding is not None)
    if is_unlike and run.settings.files is None:
        kind, expected = ("not a table", "one") if run.encoding else ("a table", "images")
        raise DataError(f"{source} is {kind}, but {path} was trained on {expected}")
    dataset = load.load(original if source is None else source, _reading(run, source, validation))
    if source is not None and not _is_original(run, source):
        dataset = _as_original(run, path, source, dataset)
    if source is None and dataset.fingerprint != run.record["data"]["fingerprint"]:
        raise DataError(
            f"{original} has changed since the run was trained on it; to evaluate the run on the "
            f"changed data, name it: hardmax evaluate {path} {original}"
        )
    check_fit(run, dataset, source or original)
    if source is not None and run.settings.files is not None and not load.is_table(source):
        notice = (
            f"{path} was trained on images that {original} lists; if some of them are in {source}, "
            "the accuracy is too high"
        )
        return replace(dataset, notices=(*dataset.notices, notice))
    return dataset


def test_file(run: Run, source: str | None, dataset: Dataset) -> str:
    """Return the name of what the test set of a data set that ``load_data`` returned is from."""
    test = run.settings.test
    is_same = _is_original(run, source) or (
        dataset.fingerprint == run.record["data"]["fingerprint"]
    )
    return test if is_same and isinstance(test, str) else source or run.settings.data


def _is_original(run: Run, source: str | None) -> bool:
    """Return whether data was not given, or is named as that of the training is."""
    return source is None or os.path.abspath(source) == run.settings.data


def _as_original(run: Run, path: str, source: str, dataset: Dataset) -> Dataset:
    """Return a data set, split as for training if it has the contents of the data of the run.

    The rows it was trained on must not be mistaken for a test set because they have another name.
    """
    counts = run.record["data"]
    training = counts["train"] + counts["validation"]
    found = len(dataset.train) + (0 if dataset.validation is None else len(dataset.validation))
    if found not in (training, training + counts["test"]):
        return dataset
    with contextlib.suppress(HardmaxError):
        split = load.load(source, _reading(run, None, None))
        if split.fingerprint == counts["fingerprint"]:
            notice = (
                f"{source} has the same contents as the data that {path} was trained on; only its "
                "test set is evaluated"
            )
            return replace(split, notices=(*split.notices, notice))
    return dataset


def check_fit(run: Run, dataset: Dataset, source: str) -> None:
    """Raise DataError if the examples or classes of a data set do not fit the run."""
    if dataset.shape != run.input_shape or len(dataset.classes) != len(run.classes):
        _, examples = dataset.test.words
        expected = "images" if run.encoding is None else "rows"
        raise DataError(
            f"{source} has {len(dataset.classes)} classes of {examples} {dataset.shape}, "
            f"the run has {len(run.classes)} classes of {expected} {run.input_shape}"
        )


def _reading(run: Run, source: str | None, validation: float | None) -> Reading:
    """Return the options to read data with, so that it is read as it was for training.

    Data without a test set is split only if it is what the run was trained on.
    """
    settings = run.settings
    trained_on = _is_original(run, source)
    is_table = source is None or load.is_table(source)
    return replace(
        settings.reading if is_table else settings.reading.without_table,
        test=settings.test if trained_on else None,
        validation=validation,
        shape=None if run.encoding else run.input_shape,
        classes=run.classes,
        whole=not trained_on,
        encoding=run.encoding,
        crops=False,
    )


def links_of(run: Run, page: str, source: str) -> Links:
    """Return links from a page in the folder ``page`` to the image files of a run.

    ``source`` is what the run was evaluated on: the data of its training, or other data.
    """
    data, test = run.settings.data, run.settings.test
    if isinstance(test, str) and os.path.abspath(source) == os.path.abspath(data):
        source = test
    return Links(os.path.realpath(page), _folder_of(data), _folder_of(source))


def _folder_of(source: str) -> str:
    """Return the folder that the names of image files in a folder or a table are relative to."""
    path = os.path.abspath(source)
    return path if os.path.isdir(path) else os.path.dirname(path)
