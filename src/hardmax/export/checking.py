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

__all__ = ["Check", "Expected", "Exported", "load", "spaced"]

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


def spaced(examples: Examples, most: int) -> Examples:
    """Return at most so many of the examples, evenly spaced."""
    rows = np.linspace(0, len(examples) - 1, min(len(examples), most)).round().astype(np.int64)
    return examples.take(rows)


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

    @property
    def count(self) -> str:
        """The number of examples in words."""
        return f"{self.examples} test example" + "s" * (self.examples != 1)

    @property
    def equal(self) -> str:
        """How many labels are equal, in words."""
        found = "all" if self.labels == self.examples else self.labels
        return f"{found} labels are equal"

    def __str__(self) -> str:
        return f"{self.count}: {self.equal}, probabilities differ by at most {self.difference:.1e}"


@dataclass(frozen=True)
class Exported:
    """An exported file or folder, its size in bytes, and how it was checked.

    ``float32_size`` is the size that a quantized file would have otherwise.
    """

    path: Path
    size: int
    checked: Check
    float32_size: int | None = None

    def as_dict(self) -> dict[str, Json]:
        """Return the fields as a JSON-compatible dict."""
        size = {} if self.float32_size is None else {"float32_bytes": self.float32_size}
        checked = self.checked.as_dict()
        return {"file": str(self.path), "bytes": self.size, **size, "checked": checked}


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
        examples = spaced(test, MOST)
        predictor = Predictor(run, session_of(run, framework), len(examples))
        return cls(path, examples, predictor.probabilities(examples))

    def compare(self, probabilities: np.ndarray, labels: np.ndarray) -> Check:
        """Compare the answers of an export, where ``labels`` are the numbers of the classes."""
        expected = self.probabilities
        return Check(
            len(labels),
            int((labels == expected.argmax(axis=1)).sum()),
            float(np.abs(probabilities - expected).max()),
        )

    def check(self, probabilities: np.ndarray, labels: np.ndarray) -> Check:
        """Return the comparison with the answers of an export, which must be equal.

        A label may only be another one if both classes are equally probable, within TOLERANCE.
        Raises ExportError if answers differ.
        """
        checked = self.compare(probabilities, labels)
        expected = self.probabilities
        chosen = np.take_along_axis(expected, labels[:, None], axis=1)[:, 0]
        margin = (expected.max(axis=1) - chosen).max()
        if not (checked.difference <= TOLERANCE and margin <= TOLERANCE):
            raise ExportError(
                f"the export of {self.path} does not give the predictions of the run; of {checked}"
            )
        return checked
