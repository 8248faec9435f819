"""Exports a run as an ONNX file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hardmax.data.datasets import Examples, Images
from hardmax.data.tables.encoding import Encoding
from hardmax.errors import ArgumentError
from hardmax.export.checking import Check, Expected, Exported, load
from hardmax.export.feeds import feeds_of
from hardmax.export.graph import need, open_session
from hardmax.export.images import IMAGES
from hardmax.export.model import model_of
from hardmax.export.outputs import LABEL, PROBABILITIES, Answers
from hardmax.export.quantization import quantized
from hardmax.export.target import target_of, whole
from hardmax.json_values import Json
from hardmax.runs.evaluate import read_rule
from hardmax.runs.predict import read_one_table
from hardmax.runs.run import Run

__all__ = ["Quantized", "export"]

#: The ending of the file.
SUFFIX = ".onnx"

#: How many examples are run through a model at a time.
BATCH = 64


@dataclass(frozen=True)
class Quantized(Exported):
    """An exported file that computes with int8.

    ``checked`` is the check of the file before that, ``compared`` how the answers differ after it,
    and ``before`` and ``after`` are the accuracies on the same examples.
    """

    compared: Check
    before: float
    after: float

    def as_dict(self) -> dict[str, Json]:
        """Return the fields as a JSON-compatible dict."""
        return {
            **super().as_dict(),
            "int8": {"before": self.before, "after": self.after, **self.compared.as_dict()},
        }


@dataclass(frozen=True)
class _Examples:
    """Test examples, and what a model is fed with for them, by input."""

    expected: Expected
    feeds: dict[str, np.ndarray]
    classes: tuple[str, ...]

    def answers(self, model: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Return a model's probabilities (examples, classes) and the numbers of its labels."""
        session = open_session(model)
        places = {name: place for place, name in enumerate(self.classes)}
        probabilities, labels = [], []
        for at in range(0, len(self.expected.examples), BATCH):
            batch: dict[str, Any] = {
                name: cells[at : at + BATCH] for name, cells in self.feeds.items()
            }
            found, names = session.run([PROBABILITIES, LABEL], batch)
            probabilities.append(found)
            labels += [places[name] for name in names]
        return np.concatenate(probabilities), np.array(labels)

    def quantized(self, exact: Exported, content: bytes, labels: np.ndarray) -> Quantized:
        """Return how a model with int8 differs from the ``exact`` one, and from its labels."""
        probabilities, after = self.answers(content)
        return Quantized(
            exact.path,
            len(content),
            exact.checked,
            compared=self.expected.compare(probabilities, after),
            before=self._accuracy(labels),
            after=self._accuracy(after),
        )

    def _accuracy(self, labels: np.ndarray) -> float:
        examples = self.expected.examples
        return float(np.average(labels == examples.labels, weights=examples.weights))


def export(
    path: str,
    out: Path | None = None,
    source: str | None = None,
    framework: str | None = None,
    *,
    costs: Path | None = None,
    below: float | None = None,
    quantize: bool = False,
) -> Exported:
    """Export the run in ``path`` as an ONNX file, by default beside it with the ending .onnx.

    The file is written only if its answers are those of the run, on at most 1,000 test examples of
    the data ``source``, by default of the training data; ``framework`` computes those of the run.
    Its decisions minimize the expected cost given by the file ``costs``, or abstain ``below`` a
    probability. With ``quantize`` its network then computes with int8; see ``Quantized``.

    Raises RunError for an unusable run or a file that cannot be written, DataError for data or
    costs that do not fit it, ArgumentError for both rules at once or a table to quantize, and
    ExportError if onnx or onnxruntime is not installed, if ONNX cannot express the run, if answers
    differ, or if the file would replace one that the run needs.
    """
    need("onnxruntime")  # before the time that the rest takes
    run = Run.open(path)
    if quantize and run.encoding is not None:
        raise ArgumentError(
            f"{path} was trained on a table; only networks of images are quantized, since those of "
            "rows are small"
        )
    answers = Answers(run.classes, run.temperature, *read_rule(run, costs, below))
    target = target_of(run, path, out, SUFFIX)
    with whole(target) as temporary:
        model, inputs = model_of(run, answers)
        dataset = load(run, path, source)
        expected = Expected.of(run, path, dataset.test, framework)
        feeds = _feeds(run, path, source, examples=expected.examples, inputs=inputs)
        examples = _Examples(expected, feeds, run.classes)
        content = model.SerializeToString()
        probabilities, labels = examples.answers(content)
        exported = Exported(target, len(content), expected.check(probabilities, labels))
        if quantize:
            content = quantized(model, dataset.train.inputs).SerializeToString()
            exported = examples.quantized(exported, content, labels)
        temporary.write_bytes(content)
    return exported


def _feeds(
    run: Run, path: str, source: str | None, *, examples: Examples, inputs: dict[str, str]
) -> dict[str, np.ndarray]:
    """Return what a model is fed with for examples: pixels, or cells as they stand in a file."""
    if isinstance(examples, Images):
        return {IMAGES: examples.images}
    assert isinstance(run.encoding, Encoding)
    test = run.settings.test
    file = source or (test if isinstance(test, str) else run.settings.data)
    table, _ = read_one_table(path, [file], run)
    _, places = examples.source(np.arange(len(examples)))
    rows = table.take([int(place) - 1 for place in places])
    return feeds_of(rows, Path(file), run.encoding, inputs)
