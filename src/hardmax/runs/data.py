"""The data of a run, read again as it was read for the training."""

import os

from hardmax.data import load
from hardmax.data.datasets import Dataset
from hardmax.data.options import Reading
from hardmax.errors import DataError
from hardmax.runs.run import Run

__all__ = ["check_fit", "load_data"]


def load_data(run: Run, path: str, source: str | None) -> Dataset:
    """Return the data set that the run in ``path`` was trained on, or ``source``; it fits the run.

    Raises DataError for data that does not, or that is no longer what the run was trained on.
    """
    own = run.entry("asked", "data", str)
    if source is not None and load.is_table(source) != (run.encoding is not None):
        kind, other = ("no table", "one") if run.encoding else ("a table", "pictures")
        raise DataError(f"{source} is {kind}, and {path} was trained on {other}")
    dataset = load.load(own if source is None else source, _reading(run, source))
    if source is None and dataset.fingerprint != run.entry("data", "fingerprint", str):
        raise DataError(
            f"{own} has changed since the run was trained on it; to judge the run on it as it is "
            f"now, name it: hardmax evaluate {path} {own}"
        )
    check_fit(run, dataset, source or own)
    return dataset


def check_fit(run: Run, dataset: Dataset, source: str) -> None:
    """Raise DataError where a data set's examples or classes are not as the run's are."""
    if dataset.shape != run.input_shape or len(dataset.classes) != len(run.classes):
        _, things = dataset.test.words
        of_run = "pictures" if run.encoding is None else "rows"
        raise DataError(
            f"{source} has {len(dataset.classes)} classes of {things} {dataset.shape}, "
            f"the run {len(run.classes)} classes of {of_run} {run.input_shape}"
        )


def _reading(run: Run, source: str | None) -> Reading:
    """Return how to read data to judge a run on: as it was read for the training.

    Of data that has no test part, and is not what the run was trained on, nothing is split off.
    """
    size = run.entry("asked", "size", list | None)
    trained_on = source is None or os.path.abspath(source) == run.entry("asked", "data", str)
    return Reading(
        size=None if size is None else tuple(size),
        channels=run.entry("asked", "channels", int | None),
        skip_bad=run.record["asked"].get("skip_bad") is True,
        test=run.entry("asked", "test", float | str | None) if trained_on else None,
        seed=run.entry("asked", "seed", int),
        shape=None if run.encoding else run.input_shape,
        classes=run.classes,
        whole=not trained_on,
        label=run.entry("asked", "label", str | None),
        encoding=run.encoding,
    )
