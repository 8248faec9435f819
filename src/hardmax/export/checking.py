"""Checks an exported run: its answers are those of the run."""

from dataclasses import asdict, dataclass

import numpy as np

from hardmax.data.datasets import Examples
from hardmax.errors import ExportError
from hardmax.runs.data import load_data
from hardmax.runs.evaluate import session_of
from hardmax.runs.predict import Predictor
from hardmax.runs.run import Run

__all__ = ["Check", "Expected"]

#: The most test examples that are compared.
MOST = 1000

#: The largest difference between probabilities.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Check:
    """How many test examples were compared, and how many of their labels are equal.

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
class Expected:
    """The test examples that an export is checked on, and their probabilities by the run.

    ``probabilities`` are float64 (examples, classes).
    """

    path: str
    examples: Examples
    probabilities: np.ndarray

    @classmethod
    def of(cls, run: Run, path: str, source: str | None, framework: str | None) -> "Expected":
        """Return at most MOST test examples, evenly spaced in their set.

        They are of the data ``source``, by default of that of the training; ``framework`` computes
        the probabilities. Raises the same as ``load_data``.
        """
        test = load_data(run, path, source).test
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
        chosen = np.take_along_axis(expected, labels[:, None], axis=1)[:, 0]
        checked = Check(
            len(expected),
            int((labels == expected.argmax(axis=1)).sum()),
            float(np.abs(probabilities - expected).max()),
        )
        margin = (expected.max(axis=1) - chosen).max()
        if not (checked.difference <= TOLERANCE and margin <= TOLERANCE):
            raise ExportError(
                f"the export of {self.path} does not give the predictions of the run; of {checked}"
            )
        return checked
