"""Exports a run as an ONNX file."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hardmax.data.datasets import Examples, Images
from hardmax.data.tables.encoding import Encoding
from hardmax.errors import ArgumentError
from hardmax.export.checking import Check, Expected
from hardmax.export.feeds import feeds_of
from hardmax.export.graph import need
from hardmax.export.model import IMAGES, model_of
from hardmax.export.outputs import LABEL, PROBABILITIES, Answers
from hardmax.files import write_whole
from hardmax.json_values import Json
from hardmax.runs.evaluate import read_rules
from hardmax.runs.predict import read_one_table
from hardmax.runs.run import Run

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = ["Exported", "export", "open_session"]

#: How many examples are run through the model at a time.
BATCH = 64


@dataclass(frozen=True)
class Exported:
    """An exported file, its size in bytes, and how it was checked."""

    path: Path
    size: int
    checked: Check

    def as_dict(self) -> dict[str, Json]:
        """Return the fields as a JSON-compatible dict."""
        return {"file": str(self.path), "bytes": self.size, "checked": self.checked.as_dict()}


def export(
    path: str,
    out: Path | None = None,
    source: str | None = None,
    framework: str | None = None,
    *,
    costs: Path | None = None,
    below: float | None = None,
) -> Exported:
    """Export the run in ``path`` as an ONNX file, by default beside it with the ending .onnx.

    The file is written only if its answers are those of the run, on at most 1,000 test examples of
    the data ``source``, by default of the training data; ``framework`` computes those of the run.
    Its decisions minimize the expected cost given by the file ``costs``, or abstain ``below`` a
    probability. Raises RunError for an unusable run or a file that cannot be written, DataError for
    data or costs that do not fit it, ArgumentError for both rules at once, and ExportError if onnx
    or onnxruntime is not installed, if ONNX cannot express the run, or if answers differ.
    """
    if costs is not None and below is not None:
        raise ArgumentError(
            "use either costs or a probability to abstain below, not both; to let costs abstain, "
            "give them an extra column with the cost of abstaining"
        )
    need("onnxruntime")  # before the time that the rest takes
    run = Run.open(path)
    matrix, below = read_rules(run, costs, below)
    model, inputs = model_of(run, Answers(run.classes, run.temperature, matrix, below))
    content = model.SerializeToString()
    expected = Expected.of(run, path, source, framework)
    feeds = _feeds(run, path, source, examples=expected.examples, inputs=inputs)
    probabilities, names = _answers(open_session(content), feeds)
    places = {name: place for place, name in enumerate(run.classes)}
    checked = expected.check(probabilities, np.array([places[name] for name in names]))
    target = Path(f"{os.path.normpath(path)}.onnx") if out is None else out
    write_whole(target, content)
    return Exported(target, len(content), checked)


def open_session(model: bytes) -> "InferenceSession":
    """Return a session of ONNX Runtime with a model, on the CPU.

    Raises ExportError if onnxruntime is not installed.
    """
    runtime = need("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # only errors
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _feeds(
    run: Run, path: str, source: str | None, *, examples: Examples, inputs: dict[str, str]
) -> dict[str, np.ndarray]:
    """Return what the model is fed with for examples: pixels, or cells as they stand in a file."""
    if isinstance(examples, Images):
        return {IMAGES: examples.images}
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
