"""The trained network of a run as a classifier in Python."""

import logging
import os
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hardmax.checks import listed, shortened
from hardmax.data.images.batches import find_images
from hardmax.data.images.files import fit_images
from hardmax.data.images.resizing import MODES
from hardmax.data.row_encoding import RowEncoding
from hardmax.data.tables.arrow import need_pyarrow
from hardmax.data.tables.features import PartEncoder, about_absent
from hardmax.data.tables.frames import is_frame, table_of
from hardmax.errors import ArgumentError, DataError
from hardmax.reports.records import RunRecord
from hardmax.runs.evaluate import session_of
from hardmax.runs.predict import (
    Predictor,
    encoded_parts,
    encoded_rows,
    open_one_table,
    unlabeled,
)
from hardmax.runs.run import Run
from hardmax.runs.session import Scorer
from hardmax.runs.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RunClassifier", "TrainedClassifier"]

log = logging.getLogger(__name__)

#: What is allowed.
IMAGES = (
    "give paths of images, folders or patterns, or an array uint8 (n, height, width[, channels])"
)
ROWS = "give the path of a table, a data frame, or an array of numbers (n, columns)"


class RunClassifier:
    """The classifier of the run in the folder ``path``, whose scores ``scorer`` computes.

    ``hardmax.load`` and ``load`` of a framework make one.
    """

    def __init__(self, path: str, run: Run, scorer: Scorer):
        self.path = path
        self._run, self._scorer = run, scorer

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self._run.classes

    @property
    def classes_(self) -> np.ndarray:
        """The names of the classes as an array of shape (classes,), as in scikit-learn."""
        return np.array(self.classes)

    @property
    def settings(self) -> Settings:
        """The settings of the training."""
        return self._run.settings

    @property
    def record(self) -> RunRecord:
        """The content of run.json."""
        return self._run.record

    def __repr__(self) -> str:
        """Return the run, its model and its classes."""
        classes = f"{len(self.classes)} classes ({listed(self.classes)})"
        return f"{self.path}: {self.settings.model} for {classes}"

    def predict(self, inputs: Any) -> np.ndarray:
        """Return the most likely class of each input, names of shape (n,).

        ``inputs`` are those of ``predict_proba``, which says what is raised.
        """
        names: np.ndarray = self.classes_[self.predict_proba(inputs).argmax(axis=1)]
        return names

    def predict_proba(self, inputs: Any) -> np.ndarray:
        """Return the probabilities of the classes, float64 (n, classes), as ``hardmax predict``.

        Of images, ``inputs`` are a path or a list of paths, each of a file, of a folder of images
        or a pattern; or an array of bytes (uint8) of shape (n, height, width) or (n, height, width,
        channels), which is resized like files. Of rows, the path of a table; a data frame of
        pandas, polars or pyarrow with the columns of the training; or, if all of these are numbers,
        an array of numbers of shape (n, columns) in their order. Raises ArgumentError for inputs of
        another kind, and DataError for files, images or rows that do not fit the run.
        """
        encoding = self._run.encoding
        if encoding is not None:
            return self._of_rows(inputs, encoding)
        if isinstance(inputs, np.ndarray) and inputs.ndim > 1:
            return self._of_images(inputs)
        if is_frame(inputs):
            raise ArgumentError(f"{self.path} was trained on images, not on rows; {IMAGES}")
        return self._of_files(self._paths(inputs))

    def _predictor(self, count: int) -> Predictor:
        return Predictor(self._run, self._scorer, count)

    def _paths(self, inputs: Any) -> list[str]:
        """Return one or more paths as texts. Raises ArgumentError for anything else, or none."""
        items = [inputs] if isinstance(inputs, str | os.PathLike) else inputs
        are_many = isinstance(items, Sequence | np.ndarray) and len(items) > 0
        if are_many and all(isinstance(item, str | os.PathLike) for item in items):
            return [*map(os.fspath, items)]
        allowed = IMAGES if self._run.encoding is None else ROWS
        raise ArgumentError(f"cannot classify {shortened(repr(inputs))}; {allowed}")

    def _of_files(self, paths: Sequence[str]) -> np.ndarray:
        files = [*chain.from_iterable(map(find_images, paths))]
        predictor = self._predictor(len(files))
        images = predictor.images(files)
        parts = [predictor.probabilities(unlabeled(pixels)) for _, pixels in images.read()]
        for notice in images.notices:
            log.info(notice)
        return np.concatenate(parts)

    def _of_images(self, images: np.ndarray) -> np.ndarray:
        if images.ndim == 3:
            images = images[..., np.newaxis]
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in MODES:
            raise DataError(
                "images must be uint8 of shape (n, height, width), or (n, height, width, channels) "
                f"with 1 or 3 channels, got {images.dtype} of shape {images.shape}"
            )
        if 0 in images.shape:
            raise DataError(f"there are no images or no pixels in an array of {images.shape}")
        predictor = self._predictor(len(images))
        size = predictor.part_size
        shape, reading = self._run.input_shape, self.settings
        parts = [
            fit_images(images[at : at + size], shape, reading) for at in range(0, len(images), size)
        ]
        return np.concatenate([predictor.probabilities(unlabeled(part)) for part in parts])

    def _of_rows(self, inputs: Any, encoding: RowEncoding) -> np.ndarray:
        if is_frame(inputs):
            table = table_of(inputs)
        elif isinstance(inputs, np.ndarray) and inputs.ndim > 1:
            table = self._of_numbers(inputs, encoding)
        else:
            return self._of_table(self._paths(inputs), encoding)
        rows, notices = encoded_rows(table, Path("X"), encoding)
        for notice in notices:
            log.warning(notice)
        return self._predictor(len(rows)).probabilities(rows)

    def _of_table(self, files: Sequence[str], encoding: RowEncoding) -> np.ndarray:
        with open_one_table(self.path, files, self._run) as table:
            predictor = self._predictor(table.count)
            about_file = about_absent(table.path, table.names, encoding)
            encoder = PartEncoder(table.path, encoding)
            parts = encoded_parts(predictor, table, encoder)
            probabilities = np.concatenate([predictor.probabilities(rows) for _, rows in parts])
        for notice in (*table.notices, *about_file, *encoder.notices()):
            log.warning(notice)
        return probabilities

    def _of_numbers(self, values: np.ndarray, encoding: RowEncoding) -> "pa.Table":
        """Return an array (n, columns) as a table with the columns of the training."""
        others = [code.name for code in encoding.columns if code.kind != "number"]
        if others:
            raise DataError(
                f"{self.path} was trained on columns that are not numbers ("
                f"{listed(map(shortened, others))}); give a data frame, or the path of a table"
            )
        names = [code.name for code in encoding.columns]
        if values.ndim != 2 or values.shape[1] != len(names) or not len(values):
            raise DataError(
                f"the rows must be an array of shape (n, {len(names)}), with the columns "
                f"{listed(map(shortened, names))}, got shape {values.shape}"
            )
        if values.dtype.kind not in "iuf":
            raise DataError(
                f"the rows must be an array of numbers, got {values.dtype}; give a data frame for "
                "columns of other types"
            )
        return need_pyarrow().table(dict(zip(names, values.T, strict=True)))


class TrainedClassifier(RunClassifier):
    """The classifier of a run folder, in a framework that need not be that of its training.

    ``model`` is the framework's own, with the trained weights and in evaluation mode; ``classes``
    are the names of the classes, ``settings`` those of the training, and ``record`` is the content
    of the run's run.json. Raises RunError for an unusable run.
    """

    def __init__(self, run: str | os.PathLike[str], framework: str):
        path = os.fspath(run)
        opened = Run.open(path)
        self._session = session_of(opened, framework)
        super().__init__(path, opened, self._session)
        self._session.backend.runtime.set_training(self.model, False)

    @property
    def model(self) -> Any:
        """The model."""
        return self._session.model
