"""Checks an exported run: its answers are those of the run."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hardmax.data.datasets import Examples
from hardmax.errors import ExportError
from hardmax.json_values import Json
from hardmax.runs.evaluate import session_of
from hardmax.runs.predict import Predictor
from hardmax.runs.run import Run

__all__ = ["Check", "Expected", "Exported"]

#: The most test examples that are compared.
MOST = 1000

#: The largest difference between probabilities.
TOLERANCE = 1e-5


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
        return (
            f"{self.examples} test examples: {self.labels} labels are equal, probabilities differ "
            f"by at most {self.difference:.1e}"
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

    def compare(self, probabilities: np.ndarray, labels: np.ndarray) -> Check:
        """Compare answers, where ``labels`` are the numbers of the classes."""
        return Check(
            len(labels),
            int((labels == self.probabilities.argmax(axis=1)).sum()),
            float(np.abs(probabilities - self.probabilities).max()),
        )

    def check(self, probabilities: np.ndarray, labels: np.ndarray) -> Check:
        """Return ``compare`` of the answers of an export.

        A label may only be another one if both classes are equally probable, within TOLERANCE.
        Raises ExportError if answers differ.
        """
        expected = self.probabilities
        checked = self.compare(probabilities, labels)
        chosen = np.take_along_axis(expected, labels[:, None], axis=1)[:, 0]
        margin = (expected.max(axis=1) - chosen).max()
        if not (checked.difference <= TOLERANCE and margin <= TOLERANCE):
            raise ExportError(
                f"the export of {self.path} does not give the predictions of the run; of {checked}"
            )
        return checked
