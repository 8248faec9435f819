"""Checks an exported run: its answers are those of the run."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hardmax.data.datasets import Examples, Images
from hardmax.data.tables.encoding import Encoding
from hardmax.errors import ExportError
from hardmax.export.feeds import feeds_of
from hardmax.export.graph import need
from hardmax.export.outputs import LABEL, PROBABILITIES
from hardmax.runs.data import load_data
from hardmax.runs.evaluate import session_of
from hardmax.runs.predict import Predictor, read_one_table
from hardmax.runs.run import Run

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = ["Check", "check", "open_session"]

#: The most test examples that are compared, and how many are at a time.
MOST, BATCH = 1000, 64

#: The largest difference between probabilities.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Check:
    """How many test examples were compared, how many have equal labels, and the largest difference.

    ``difference`` is that between probabilities.
    """

    examples: int
    labels: int
    difference: float

    def as_dict(self) -> dict[str, float]:
        """Return the figures."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.examples} test examples, {self.labels} equal labels, largest difference of a "
            f"probability {self.difference:.1e}"
        )


def open_session(model: bytes) -> "InferenceSession":
    """Return a session of ONNX Runtime with a model, on the CPU."""
    runtime = need("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # only errors
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def check(
    model: bytes,
    run: Run,
    path: str,
    *,
    source: str | None,
    framework: str | None,
    inputs: dict[str, str],
) -> Check:
    """Compare the answers of a model with those of its run on at most MOST test examples.

    These are of the data ``source``, by default of the training data, as they stand in the file of
    a table. ``framework`` computes the answers of the run. A label may only differ between classes
    whose probabilities are equal within TOLERANCE. Raises ExportError if answers differ, and the
    same as ``load_data``.
    """
    dataset = load_data(run, path, source)
    count = len(dataset.test)
    rows = np.arange(count) if count <= MOST else np.linspace(0, count - 1, MOST).astype(np.int64)
    examples = dataset.test.take(rows)
    expected = Predictor(run, session_of(run, framework), len(examples)).probabilities(examples)
    found, labels = _answers(
        open_session(model), _feeds(run, path, source, examples=examples, inputs=inputs)
    )
    places = {name: place for place, name in enumerate(run.classes)}
    chosen = np.array([places[label] for label in labels])
    margin = expected.max(axis=1) - np.take_along_axis(expected, chosen[:, None], 1)[:, 0]
    checked = Check(
        len(examples),
        int((chosen == expected.argmax(axis=1)).sum()),
        float(np.abs(found - expected).max()),
    )
    if not checked.difference <= TOLERANCE or margin.max() > TOLERANCE:
        raise ExportError(
            f"the ONNX file of {path} does not give the predictions of the run ({checked}), so it "
            "was not written"
        )
    return checked


def _feeds(
    run: Run, path: str, source: str | None, *, examples: Examples, inputs: dict[str, str]
) -> dict[str, np.ndarray]:
    """Return what the model is fed with for examples: pixels, or cells as they stand in a file."""
    if isinstance(examples, Images):
        return {"images": examples.images}
    assert isinstance(run.encoding, Encoding)
    test = run.settings.test
    file = source or (test if isinstance(test, str) else run.settings.data)
    table, _ = read_one_table(path, [file], run)
    _, places = examples.source(np.arange(len(examples)))
    rows = table.take([int(place) - 1 for place in places])
    return feeds_of(rows, Path(file), run.encoding, inputs)


def _answers(
    session: "InferenceSession", feeds: dict[str, np.ndarray]
) -> tuple[np.ndarray, list[str]]:
    """Return the probabilities and the labels of a model, computed a batch at a time."""
    count = len(next(iter(feeds.values())))
    probabilities, labels = [], []
    for at in range(0, count, BATCH):
        batch: dict[str, Any] = {name: cells[at : at + BATCH] for name, cells in feeds.items()}
        found, named = session.run([PROBABILITIES, LABEL], batch)
        probabilities.append(found)
        labels += [*named]
    return np.concatenate(probabilities), labels
