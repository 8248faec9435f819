"""Exports the network of a run in the format of PyTorch, JAX or TensorFlow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hardmax import __version__
from hardmax.data.datasets import Examples
from hardmax.evaluation.calibration import calibrated
from hardmax.evaluation.metrics import softmax
from hardmax.export.checking import Expected, Exported, load
from hardmax.export.target import target_of, whole
from hardmax.runs.evaluate import session_of
from hardmax.runs.record import dumps
from hardmax.runs.run import Run
from hardmax.runs.session import Session

__all__ = ["export_native"]

#: The most examples that are run through the network at a time.
BATCH = 64


def export_native(
    path: str, to: str, out: Path | None = None, source: str | None = None
) -> Exported:
    """Export the network of the run in ``path`` in the format of the framework ``to``.

    It takes examples as the framework's own models do, with pixels divided by 255 or columns
    encoded, and returns scores. It is written to ``out``, by default beside the run, only if its
    scores give the predictions of the run, on at most 1,000 test examples of the data ``source``,
    by default of the training data. Where the format has room it has metadata, JSON: ``classes``;
    ``hardmax``, the version; ``temperature``, by which scores are divided before the softmax.

    Raises RunError for an unusable run, or a file or folder that cannot be written, DataError for
    data that does not fit it, MissingFrameworkError, and ExportError if ``to`` is mxnet, a package
    is missing or answers differ.
    """
    run = Run.open(path)
    session = session_of(run, to)
    exporter = session.trainer.export
    target = target_of(run, path, out, exporter.SUFFIX)
    about = {"hardmax": __version__, "classes": run.classes, "temperature": run.temperature}
    with whole(target, exporter.IS_FOLDER) as temporary:
        exporter.save(session.model, run.input_shape, temporary, dumps(about))
        expected = Expected.of(run, path, load(run, path, source).test, to)
        scores = _scores(session, exporter.load(temporary), expected.examples)
        probabilities = softmax(calibrated(scores, run.temperature))
        checked = expected.check(probabilities, scores.argmax(axis=1))
        files = [file for file in (temporary, *temporary.rglob("*")) if file.is_file()]
        size = sum(file.stat().st_size for file in files)
    return Exported(target, size, checked)


def _scores(
    session: Session, scores_of: Callable[[Any], np.ndarray], examples: Examples
) -> np.ndarray:
    """Return scores, float32 (examples, classes): of the first alone, of the others in batches."""
    size, rows = min(BATCH, session.largest_batch), np.arange(len(examples))
    scores = []
    for part in (rows[:1], rows[1:]):
        if len(part):
            loader = session.data(None, examples.take(part), size).val_dataloader()
            assert loader is not None
            scores += [scores_of(X) for X, *_ in loader]
    return np.concatenate(scores)
