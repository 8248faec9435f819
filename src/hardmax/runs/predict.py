"""Predictions of a run for new images or table rows."""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hardmax.data.datasets import Examples, Images, Vectors
from hardmax.data.images.batches import ImageBatches, find_images
from hardmax.data.row_encoding import RowEncoding
from hardmax.data.tables.features import PartEncoder, about_absent, encode_table
from hardmax.data.tables.files import OpenTable, is_table_name, open_table
from hardmax.errors import ArgumentError, DataError, RunError
from hardmax.evaluation.calibration import calibrated
from hardmax.evaluation.conformal import check_coverage
from hardmax.evaluation.decision_rules import Costs, named
from hardmax.evaluation.metrics import softmax
from hardmax.runs.evaluate import read_rule, session_of
from hardmax.runs.predictions import Batch, Prediction
from hardmax.runs.run import Run
from hardmax.runs.session import Scorer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Predictions",
    "Predictor",
    "encoded_parts",
    "encoded_rows",
    "open_one_table",
    "predict",
    "unlabeled",
]

#: The most images, and bytes of their pixels, that are scored together if that is not less than a
#: batch. Between single batches the allocator would return their memory and get it again.
PART, PART_BYTES = 1024, 2**24

#: The most rows of a table, and cells, features and probabilities of them, likewise.
ROWS, ENTRIES = 2**14, 2**20


@dataclass(frozen=True)
class Predictions:
    """The predictions for images or the rows of a table, made while ``batches`` are iterated.

    ``count`` is their number, of which bad images are left out, and ``is_table`` whether they are
    for a table. ``decides`` is whether a rule for decisions was given. ``notices`` are what the
    user should know before, and ``later`` returns those after the last batch.
    """

    batches: Iterator[Batch]
    count: int
    is_table: bool
    decides: bool
    notices: tuple[str, ...]
    later: Callable[[], Sequence[str]]


@contextmanager
def predict(
    path: str,
    files: Sequence[str],
    framework: str | None = None,
    *,
    costs: Path | None = None,
    below: float | None = None,
    coverage: float | None = None,
    skip_bad: bool = False,
) -> Iterator[Predictions]:
    """Yield the predictions of a run for image files or for the rows of one table, in order.

    A folder stands for the images below it, a pattern for the files that match it (see
    ``find_images``); with ``skip_bad``, images that cannot be read are left out. ``framework``
    computes the predictions, by default the one used for training. Decisions minimize the expected
    cost given by the file ``costs``, or abstain ``below`` a probability. Prediction sets have the
    given ``coverage``. Raises RunError for an unusable run or, with ``coverage``, one without a
    validation set, DataError for a file that cannot be read or does not fit the run, also while the
    batches are iterated, or for costs that do not fit the classes, ArgumentError for both rules at
    once, a coverage that is not between 0 and 1, or ``skip_bad`` for a table.
    """
    run = Run.open(path)
    rules = read_rule(run, costs, below)
    decides = rules != (None, None)
    about_sets = () if coverage is None else _check_sets(run, path, coverage)
    if run.encoding is None:
        files = [*chain.from_iterable(map(find_images, files))]
        predictor = Predictor(run, session_of(run, framework), len(files), rules, coverage)
        images = predictor.images(files, skip_bad=skip_bad)
        with closing(_predict_images(predictor, images)) as batches:
            yield Predictions(
                batches, len(files), False, decides, about_sets, lambda: images.notices
            )
        return
    if skip_bad:
        raise ArgumentError(f"{path} was trained on a table; only bad image files can be skipped")
    with open_one_table(path, files, run) as table:
        count = table.count
        about_file = (*table.notices, *about_absent(table.path, table.names, run.encoding))
        encoder = PartEncoder(table.path, run.encoding)
        predictor = Predictor(run, session_of(run, framework), count, rules, coverage)
        rows = _predict_rows(predictor, table, encoder)
        yield Predictions(rows, count, True, decides, (*about_file, *about_sets), encoder.notices)


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


def _predict_images(predictor: "Predictor", images: ImageBatches) -> Generator[Batch, None, None]:
    """Yield the predictions for each batch of images."""
    done = 0
    for files, pixels in images.read():
        yield Batch(predictor.predict(unlabeled(pixels), files, done))
        done += len(files)


def _predict_rows(
    predictor: "Predictor", table: OpenTable, encoder: PartEncoder
) -> Iterator[Batch]:
    """Yield the predictions for each part of a table."""
    done = 0
    for part, rows in encoded_parts(predictor, table, encoder):
        files = [str(table.path)] * len(rows)
        yield Batch(predictor.predict(rows, files, done, are_rows=True), part)
        done += len(rows)


def encoded_parts(
    predictor: "Predictor", table: OpenTable, encoder: PartEncoder
) -> Iterator[tuple["pa.Table", Vectors]]:
    """Yield a table in parts, and the rows of each as examples, whose labels are 0.

    Raises DataError for a table that cannot be read, or as the encoder does.
    """
    for part in table.parts(predictor.row_part_size(len(table.names))):
        yield part, _unlabeled_rows(encoder.encode(part))


def unlabeled(pixels: np.ndarray) -> Images:
    """Return images, uint8 (n, height, width, channels), as examples; their labels are 0."""
    return Images(pixels, np.zeros(len(pixels), np.int64))


def encoded_rows(table: "pa.Table", path: Path, encoding: RowEncoding) -> tuple[Vectors, list[str]]:
    """Return the rows of a table as examples, whose labels are 0, and notices.

    Raises like ``encode_table``.
    """
    values, said = encode_table(table, path, encoding)
    return _unlabeled_rows(values), said


def _unlabeled_rows(values: np.ndarray) -> Vectors:
    return Vectors(values, np.zeros(len(values), np.int64))


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
        return self._in_batches(min(PART, PART_BYTES // prod(self.run.input_shape)))

    def row_part_size(self, columns: int) -> int:
        """Return the same for rows of a table with so many columns."""
        entries = columns + prod(self.run.input_shape) + len(self.run.classes)
        return self._in_batches(min(ROWS, ENTRIES // entries))

    def _in_batches(self, most: int) -> int:
        """Return the most examples in one or more batches, at most the given number or a batch."""
        batch = min(self.batch_size, self.session.largest_batch)
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

    def predict(
        self, examples: Examples, files: Sequence[str], start: int = 0, *, are_rows: bool = False
    ) -> list[Prediction]:
        """Return the predictions for the examples from position ``start`` on.

        ``files`` has the file of each; if they ``are_rows`` of one, they have their numbers.
        """
        run = self.run
        scores, with_temperature = self.scores(examples)
        probabilities = softmax(with_temperature)
        decisions = named(probabilities, run.classes, *self.rules)
        return [
            Prediction(
                file=file,
                label=run.classes[best],
                probability=of_classes[best],
                decision=decision,
                probabilities=dict(zip(run.classes, of_classes, strict=True)),
                scores=its_scores,
                prediction_set=members,
                row=place if are_rows else None,
            )
            for place, (file, best, of_classes, decision, its_scores, members) in enumerate(
                zip(
                    files,
                    scores.argmax(axis=1).tolist(),
                    probabilities.tolist(),
                    decisions,
                    scores.tolist(),
                    self._sets(with_temperature, start),
                    strict=True,
                ),
                start + 1,
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


def open_one_table(path: str, files: Sequence[str], run: Run) -> AbstractContextManager[OpenTable]:
    """Open the only table in ``files``, for the run in ``path``.

    Raises DataError if there is another file, or if it cannot be read.
    """
    if len(files) != 1 or not is_table_name(files[0]):
        raise DataError(
            f"{path} was trained on a table; give it one table, such as a .csv or .parquet file, "
            f"got {', '.join(files)}"
        )
    settings, encoding = run.settings, run.encoding
    known = [code.name for code in encoding.columns] if encoding else []
    return open_table(
        Path(files[0]), known, header=settings.header, encoding=settings.text_encoding
    )
