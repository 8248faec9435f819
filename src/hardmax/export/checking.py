"""Checks an exported run: its answers are those of the run."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hardmax.data.datasets import Dataset, Examples
from hardmax.errors import DataError, ExportError
from hardmax.json_values import Json
from hardmax.runs.data import load_data
from hardmax.runs.evaluate import session_of
from hardmax.runs.predict import Predictor
from hardmax.runs.run import Run

__all__ = ["Check", "Expected", "Exported", "load"]

#: The most test examples that are compared.
MOST = 1000

#: The largest difference between probabilities.
TOLERANCE = 1e-5


def load(run: Run, path: str, source: str | None) -> Dataset:
    """Return the data that the export of a run is checked on.

    Raises the same as ``load_data``; if it is not the data of the training that was given, the
    error says how to give other data.
    """
    try:
        return load_data(run, path, source)
    except DataError as error:
        if source is not None:
            raise
        raise DataError(f"{error}; the export can be checked on other data: --data DATA") from error


@dataclass(frozen=True)
class Check:
    """How many test examples were compared, and how many of their ``labels`` are equal.

    ``difference`` is the largest one between probabilities.
    """

    examples: int
    labels: int
    difference: float

    def as_dict(self) -> dict[str, float]:
        """Return the figures."""
        return asdict(self)

    def __str__(self) -> str:
        examples = f"{self.examples} test example" + "s" * (self.examples != 1)
        equal = "all labels" if self.labels == self.examples else f"{self.labels} labels"
        return (
            f"{examples}: {equal} are equal, probabilities differ by at most {self.difference:.1e}"
        )


@dataclass(frozen=True)
class Exported:
    """An exported file or folder, its size in bytes, and how it was checked."""

    path: Path
    size: int
    checked: Check

    def as_dict(self) -> dict[str, Json]:
        """Return the fields as a JSON-compatible dict."""
        return {"file": str(self.path), "bytes": self.size, "checked": self.checked.as_dict()}


@dataclass(frozen=True)
class Expected:
    """The test examples that an export is checked on, and their probabilities by the run.

    ``probabilities`` are float64 (examples, classes).
    """

    path: str
    examples: Examples
    probabilities: np.ndarray

    @classmethod
    def of(cls, run: Run, path: str, test: Examples, framework: str | None) -> "Expected":
        """Return at most MOST of the ``test`` examples, evenly spaced.

        ``framework`` computes the probabilities.
        """
        count = len(test)
        rows = np.linspace(0, count - 1, min(count, MOST)).round().astype(np.int64)
        examples = test.take(rows)
        predictor = Predictor(run, session_of(run, framework), len(examples))
        return cls(path, examples, predictor.probabilities(examples))

    def check(self, probabilities: np.ndarray, labels: np.ndarray) -> Check:
        """Compare the answers of an export, where ``labels`` are the numbers of the classes.

        A label may only be another one if both classes are equally probable, within TOLERANCE.
        Raises ExportError if answers differ.
        """
        expected = self.probabilities
        checked = Check(
            len(labels),
            int((labels == expected.argmax(axis=1)).sum()),
            float(np.abs(probabilities - expected).max()),
        )
        chosen = np.take_along_axis(expected, labels[:, None], axis=1)[:, 0]
        margin = (expected.max(axis=1) - chosen).max()
        if not (checked.difference <= TOLERANCE and margin <= TOLERANCE):
            raise ExportError(
                f"the export of {self.path} does not give the predictions of the run; of {checked}"
            )
        return checked
