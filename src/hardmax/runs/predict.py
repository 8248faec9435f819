"""Predictions of a run for new images or table rows."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hardmax.data.datasets import Examples, Images, Vectors
from hardmax.data.images.batches import ImageBatches, find_images
from hardmax.data.row_encoding import RowEncoding
from hardmax.data.tables.features import encode_table
from hardmax.data.tables.files import TableFile, is_table_name, read_table
from hardmax.errors import ArgumentError, DataError, RunError
from hardmax.evaluation.calibration import calibrated
from hardmax.evaluation.conformal import check_coverage
from hardmax.evaluation.decision_rules import Costs, named
from hardmax.evaluation.metrics import softmax
from hardmax.runs.evaluate import read_rule, session_of
from hardmax.runs.predictions import Prediction, with_predictions
from hardmax.runs.run import Run
from hardmax.runs.session import Scorer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "ImagePredictions",
    "Predictor",
    "TablePredictions",
    "encoded_rows",
    "predict",
    "read_one_table",
    "unlabeled",
]

#: The most images, and bytes of their pixels, that are scored together if that is not less than a
#: batch. Between single batches the allocator would return their memory and get it again.
PART, PART_BYTES = 1024, 2**24


@dataclass(frozen=True)
class TablePredictions:
    """The predictions for the rows of a table, in order.

    ``table`` has the columns of the input followed by those of the predictions; ``notices`` are
    what the user should know.
    """

    all: list[Prediction]
    table: "pa.Table"
    notices: tuple[str, ...]


@dataclass(frozen=True)
class ImagePredictions:
    """The predictions for images in the order of their files, made while they are iterated.

    ``batches`` is a generator of lists; close it if it is not used up. ``decides`` is whether a
    rule for decisions was given. ``notices`` are what the user should know before, and those of
    ``images``, which the batches are made of, after that.
    """

    batches: Generator[list[Prediction], None, None]
    images: ImageBatches
    decides: bool
    notices: tuple[str, ...]


def predict(
    path: str,
    files: Sequence[str],
    framework: str | None = None,
    *,
    costs: Path | None = None,
    below: float | None = None,
    coverage: float | None = None,
    skip_bad: bool = False,
) -> ImagePredictions | TablePredictions:
    """Return the predictions of a run for image files or for the rows of one table.

    A folder stands for the images below it, a pattern for the files that match it (see
    ``find_images``); with ``skip_bad``, images that cannot be read are left out. ``framework``
    computes the predictions, by default the one used for training. Decisions minimize the expected
    cost given by the file ``costs``, or abstain ``below`` a probability. Prediction sets have the
    given ``coverage``. Raises RunError for an unusable run or, with ``coverage``, one without a
    validation set, DataError for a file that cannot be read or does not fit the run or costs that
    do not fit the classes, ArgumentError for both rules at once, a coverage that is not between 0
    and 1, or ``skip_bad`` for a table.
    """
    run = Run.open(path)
    rules = read_rule(run, costs, below)
    decides = rules != (None, None)
    about_sets = () if coverage is None else _check_sets(run, path, coverage)
    if run.encoding is None:
        files = [*chain.from_iterable(map(find_images, files))]
        predictor = Predictor(run, session_of(run, framework), len(files), rules, coverage)
        images = predictor.images(files, skip_bad=skip_bad)
        return ImagePredictions(_predict_images(predictor, images), images, decides, about_sets)
    if skip_bad:
        raise ArgumentError(f"{path} was trained on a table; only bad image files can be skipped")
    table, about_file = read_one_table(path, files, run)
    rows, about_rows = encoded_rows(table, Path(files[0]), run.encoding)
    predictor = Predictor(run, session_of(run, framework), len(rows), rules, coverage)
    predictions = [
        replace(prediction, row=row)
        for row, prediction in enumerate(predictor.predict(rows, [files[0]] * len(rows)), 1)
    ]
    table = with_predictions(table, predictions, decides=decides)
    return TablePredictions(predictions, table, (*about_file, *about_rows, *about_sets))


def _check_sets(run: Run, path: str, coverage: float) -> tuple[str, ...]:
    """Return a notice if sets have all classes. Raises like ``predict``."""
    check_coverage(coverage)
    if run.conformity is None:
        raise RunError(
            f"{path} was trained without a validation set, from which prediction sets are "
            "calibrated; train with --validation FRACTION"
        )
    if math.isfinite(run.conformity.threshold(coverage)):
        return ()
    return (
        f"the {run.conformity.count} validation examples of {path} are too few for a coverage of "
        f"{coverage:g}; each set has all classes",
    )


def _predict_images(
    predictor: "Predictor", images: ImageBatches
) -> Generator[list[Prediction], None, None]:
    """Yield the predictions for each batch of images."""
    done = 0
    for files, pixels in images.read():
        yield predictor.predict(unlabeled(pixels), files, done)
        done += len(files)


def unlabeled(pixels: np.ndarray) -> Images:
    """Return images, uint8 (n, height, width, channels), as examples; their labels are 0."""
    return Images(pixels, np.zeros(len(pixels), np.int64))


def encoded_rows(table: "pa.Table", path: Path, encoding: RowEncoding) -> tuple[Vectors, list[str]]:
    """Return the rows of a table as examples, whose labels are 0, and notices.

    Raises like ``encode_table``.
    """
    values, said = encode_table(table, path, encoding)
    return Vectors(values, np.zeros(len(values), np.int64)), said


@dataclass(frozen=True)
class Predictor:
    """What turns examples, ``count`` in all, into predictions; the network is built once.

    ``rules`` are costs, and a probability to abstain below.
    """

    run: Run
    session: Scorer
    count: int
    rules: tuple[Costs | None, float | None] = (None, None)
    coverage: float | None = None

    @property
    def batch_size(self) -> int:
        """The batch size of the training, so that sums round as they did there."""
        return self.run.settings.batch(self.count)

    @property
    def part_size(self) -> int:
        """The number of images that are read and scored together, in one or more batches."""
        batch = min(self.batch_size, self.session.largest_batch)
        most = min(PART, PART_BYTES // prod(self.run.input_shape))
        return batch * max(most // batch, 1)

    def images(self, files: Sequence[str], *, skip_bad: bool = False) -> ImageBatches:
        """Return what reads image files, in parts, as the network takes them."""
        shape, reading = self.run.input_shape, self.run.settings
        return ImageBatches(files, shape, reading, size=self.part_size, skip_bad=skip_bad)

    def scores(self, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
        """Return scores, float32 (examples, classes), and those with the run's temperature."""
        scores = self.session.scores(examples, self.batch_size)
        return scores, calibrated(scores, self.run.temperature)

    def probabilities(self, examples: Examples) -> np.ndarray:
        """Return calibrated probabilities, float64 (examples, classes)."""
        return softmax(self.scores(examples)[1])

    def predict(self, examples: Examples, files: Sequence[str], start: int = 0) -> list[Prediction]:
        """Return the predictions for the examples from position ``start`` on.

        ``files`` has the file of each.
        """
        run = self.run
        scores, with_temperature = self.scores(examples)
        probabilities = softmax(with_temperature)
        decisions = named(probabilities, run.classes, *self.rules)
        return [
            Prediction(
                file=file,
                label=run.classes[best],
                probability=float(row[best]),
                decision=decision,
                probabilities=dict(zip(run.classes, row.tolist(), strict=True)),
                scores=row_scores.tolist(),
                prediction_set=members,
            )
            for file, best, row, decision, row_scores, members in zip(
                files,
                scores.argmax(axis=1),
                probabilities,
                decisions,
                scores,
                self._sets(with_temperature, start),
                strict=True,
            )
        ]

    def _sets(self, scores: np.ndarray, start: int) -> Sequence[list[str] | None]:
        """Return the prediction sets by calibrated scores; None for each without coverage."""
        if self.coverage is None or self.run.conformity is None:
            return [None] * len(scores)
        return [
            [self.run.classes[number] for number in numbers]
            for numbers in self.run.conformity.sets(scores, self.coverage, start)
        ]


def read_one_table(path: str, files: Sequence[str], run: Run) -> TableFile:
    """Return the only table in ``files``, for the run in ``path``, and notices.

    Raises DataError if there is another file, or if it cannot be read.
    """
    if len(files) != 1 or not is_table_name(files[0]):
        raise DataError(
            f"{path} was trained on a table; give it one table, such as a .csv or .parquet file, "
            f"got {', '.join(files)}"
        )
    settings, encoding = run.settings, run.encoding
    known = [code.name for code in encoding.columns] if encoding else []
    return read_table(
        Path(files[0]), known, header=settings.header, encoding=settings.text_encoding
    )
