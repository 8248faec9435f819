"""Exports a run as an ONNX file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hardmax.data.datasets import Examples, Images
from hardmax.data.tables.encoding import Encoding
from hardmax.export.checking import Expected, Exported, load
from hardmax.export.feeds import feeds_of
from hardmax.export.graph import need, open_session
from hardmax.export.images import IMAGES
from hardmax.export.model import model_of
from hardmax.export.outputs import LABEL, PROBABILITIES, Answers
from hardmax.export.quantization import (
    INT8,
    QUANTIZATION,
    check_images,
    check_quantized,
    quantize,
)
from hardmax.export.target import target_of, whole
from hardmax.runs.data import test_file
from hardmax.runs.evaluate import read_rule
from hardmax.runs.predict import open_one_table
from hardmax.runs.record import dumps
from hardmax.runs.run import Run

__all__ = ["export"]

#: The ending of the file.
SUFFIX = ".onnx"

#: How many examples are run through a model at a time.
BATCH = 64


def export(
    path: str,
    out: Path | None = None,
    source: str | None = None,
    framework: str | None = None,
    *,
    costs: Path | None = None,
    below: float | None = None,
    quantized: bool = False,
) -> Exported:
    """Export the run in ``path`` as an ONNX file, by default beside it with the ending .onnx.

    The file is written only if its answers are those of the run, on at most 1,000 test examples of
    the data ``source``, by default of the training data; ``framework`` computes those of the run.
    Its decisions minimize the expected cost given by the file ``costs``, or abstain ``below`` a
    probability. If it is ``quantized``, its network computes in 8-bit integers; its answers are
    others then, but the accuracy must be kept: see ``check_quantized``.

    Raises RunError for an unusable run or a file that cannot be written, DataError for data or
    costs that do not fit it, ArgumentError for both rules at once, and ExportError if onnx or
    onnxruntime is not installed, if ONNX cannot express the run, if answers differ, if a run on a
    table would be quantized, or if the file would replace one that the run needs.
    """
    need("onnxruntime")  # before the time that the rest takes
    run = Run.open(path)
    if quantized:
        check_images(run, path)
    answers = Answers(run.classes, run.temperature, *read_rule(run, costs, below))
    target = target_of(run, path, out, SUFFIX)
    with whole(target) as temporary:
        model, inputs = model_of(run, answers)
        dataset = load(run, path, source)
        expected = Expected.of(run, path, dataset.test, framework)
        file = test_file(run, source, dataset)
        feeds = _feeds(run, path, file, examples=expected.examples, inputs=inputs)
        size = None
        if quantized:
            size = model.ByteSize()
            model, _ = model_of(run, answers, quantize(run, path, dataset))
        check = check_quantized if quantized else Expected.check
        checked = check(expected, *_answers(model.SerializeToString(), feeds, run.classes))
        if quantized:
            about = {"type": INT8, **checked.as_dict()}
            model.metadata_props.add(key=QUANTIZATION, value=dumps(about))
        content = model.SerializeToString()
        temporary.write_bytes(content)
    return Exported(target, len(content), checked, size)


def _feeds(
    run: Run, path: str, file: str, *, examples: Examples, inputs: dict[str, str]
) -> dict[str, np.ndarray]:
    """Return what a model is fed with for examples: pixels, or cells as they stand in a file."""
    if isinstance(examples, Images):
        return {IMAGES: examples.images}
    assert isinstance(run.encoding, Encoding)
    with open_one_table(path, [file], run) as opened:
        table = opened.table()
    _, places = examples.source(np.arange(len(examples)))
    rows = table.take([int(place) - 1 for place in places])
    return feeds_of(rows, run.encoding, inputs)


def _answers(
    model: bytes, feeds: dict[str, np.ndarray], classes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return a model's probabilities (examples, classes) and the numbers of its labels."""
    session = open_session(model)
    places = {name: place for place, name in enumerate(classes)}
    probabilities, labels = [], []
    for at in range(0, len(next(iter(feeds.values()))), BATCH):
        batch: dict[str, Any] = {name: cells[at : at + BATCH] for name, cells in feeds.items()}
        found, names = session.run([PROBABILITIES, LABEL], batch)
        probabilities.append(found)
        labels += [places[name] for name in names]
    return np.concatenate(probabilities), np.array(labels)
