"""Reads an input as the commands do, and checks that what was read can be right."""

from pathlib import Path

import numpy as np

from hardmax.data.load import is_table, load
from hardmax.data.options import Reading
from hardmax.data.survey import survey
from hardmax.data.tables.survey import survey_table
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.reports.report import render
from hardmax.runs.run import Run

__all__ = ["read"]


def read(kind: str, source: str) -> None:
    """Read an input. Raises HardmaxError if it is refused, AssertionError if it is read wrongly."""
    if kind == "run":
        _read_run(source)
    else:
        _read_data(source, "file" if kind == "image table" else None)


def _read_data(source: str, files: str | None) -> None:
    label = "label" if is_table(source) else None
    reading = Reading(label=label, files=files, validation=0.2)
    dataset = load(source, reading)
    parts = [dataset.train, dataset.test, dataset.validation]
    assert len(dataset.classes) >= 2, dataset.classes
    for part in parts:
        assert part is not None
        inputs = part.inputs
        assert len(inputs) == len(part.labels) > 0
        assert inputs.shape[1:] == dataset.shape
        assert np.isfinite(inputs).all()
        assert 0 <= part.labels.min() <= part.labels.max() < len(dataset.classes)
    if label is None or files is not None:
        survey(source, reading)
    else:
        survey_table(Path(source), reading)


def _read_run(source: str) -> None:
    run = Run.open(source)
    assert run.temperature > 0
    assert all(np.isfinite(array).all() for array in run.weights.values())
    labels = np.arange(10) % len(run.classes)
    scores = np.eye(len(run.classes), dtype=np.float32)[labels]
    dataset = load("digits", Reading())
    evaluation = ClassifierEvaluation(
        scores, labels, classes=run.classes, temperature=run.temperature
    )
    assert "<html" in render(run.record, dataset.test.take(slice(0, 10)), evaluation, source="data")
