"""Runs that are served, compared with their classifiers."""

import csv
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import numpy as np
import pytest
from run_folders import write
from support import noise

import hardmax
from hardmax.errors import ArgumentError, DataError, ExportError, RunError
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.decision_rules import named, read_costs
from hardmax.export.images import IMAGES
from hardmax.export.outputs import DECISION, LABEL, PROBABILITIES, SCORES
from hardmax.runs.run import Run
from hardmax.serving.limits import Limits
from hardmax.serving.model import ServedModel
from hardmax.serving.rows import feeds_of_csv

DTYPES = {"FP64": np.float64, "FP32": np.float32, "BYTES": object, "UINT8": np.uint8}


@pytest.fixture(scope="module")
def images():
    return noise(40, 6, 5, 3)


@pytest.fixture(scope="module")
def of_images(image_run):
    return ServedModel.open(str(image_run), "clothes")


@pytest.fixture(scope="module")
def of_table(table_run):
    return ServedModel.open(str(table_run), "visits")


def test_images_get_the_answers_of_the_classifier(of_images, image_run, images):
    found = of_images.compute({IMAGES: images})
    expected = hardmax.load(image_run).predict_proba(images)
    np.testing.assert_allclose(found[PROBABILITIES], expected, rtol=0, atol=1e-6)
    assert [*found[LABEL]] == [of_images.classes[place] for place in expected.argmax(1)]
    assert len({*found[LABEL]}) > 1
    softmax = np.exp(found[SCORES]) / np.exp(found[SCORES]).sum(1, keepdims=True)
    np.testing.assert_allclose(softmax, expected, rtol=0, atol=1e-6)


def test_rows_get_the_same_answers_alone_and_together(of_table, table_run, table):
    feeds = feeds_of_csv(table.read_bytes(), of_table, Limits())
    together = of_table.compute(feeds)[PROBABILITIES]
    expected = hardmax.load(table_run).predict_proba(table)
    np.testing.assert_allclose(together, expected, rtol=0, atol=1e-6)
    for row in range(len(together)):
        alone = of_table.compute({name: cells[[row]] for name, cells in feeds.items()})
        np.testing.assert_allclose(alone[PROBABILITIES], together[[row]], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["of_images", "of_table"])
def test_the_tensors_are_those_that_are_declared(name, request, images, table):
    model = request.getfixturevalue(name)
    feeds = {IMAGES: images}
    if name == "of_table":
        feeds = feeds_of_csv(table.read_bytes(), model, Limits())
    for declared, tensors in ((model.inputs, feeds), (model.outputs, model.compute(feeds))):
        assert [one.name for one in declared] == [*tensors]
        for one, tensor in zip(declared, tensors.values(), strict=True):
            assert tensor.dtype == DTYPES[one.datatype]
            assert len(one.shape) == tensor.ndim
            fits = [
                size in (-1, found) for size, found in zip(one.shape, tensor.shape, strict=True)
            ]
            assert all(fits)


def test_threads_may_compute_at_the_same_time(of_images, images):
    expected = of_images.compute({IMAGES: images})[SCORES]
    parts = [slice(at, at + 1 + at % 7) for at in range(33)] * 10
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda part: of_images.compute({IMAGES: images[part]})[SCORES], parts)
        for part, scores in zip(parts, found, strict=True):
            np.testing.assert_allclose(scores, expected[part], rtol=0, atol=1e-5)


def test_decisions_abstain_below_a_probability(image_run, images):
    model = ServedModel.open(str(image_run), "clothes", below=0.7)
    assert model.decides
    found = model.compute({IMAGES: images})
    probabilities = hardmax.load(image_run).predict_proba(images)
    expected = named(probabilities, model.classes, None, 0.7)
    assert [decision or None for decision in found[DECISION]] == expected
    assert None in expected
    assert {*expected} & {*model.classes}


def test_decisions_minimize_costs(image_run, images, tmp_path):
    model = ServedModel.open(str(image_run), "clothes")
    path = tmp_path / "costs.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        costs = [[0, 1, 9], [2, 0, 1], [1, 5, 0]]
        writer = csv.writer(file)
        writer.writerow(["true", *model.classes])
        writer.writerows([name, *row] for name, row in zip(model.classes, costs, strict=True))
    decided = ServedModel.open(str(image_run), "clothes", costs=path)
    found = decided.compute({IMAGES: images})
    probabilities = hardmax.load(image_run).predict_proba(images)
    assert [*found[DECISION]] == named(
        probabilities, model.classes, read_costs(path, model.classes), None
    )
    assert (found[DECISION] != found[LABEL]).any()
    assert not model.decides
    with pytest.raises(ArgumentError):
        ServedModel.open(str(image_run), "clothes", costs=path, below=0.5)
    path.write_text("true,a\na,0\n")
    with pytest.raises(DataError):
        ServedModel.open(str(image_run), "clothes", costs=path)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_the_command_for_it(
    package, image_run, monkeypatch, refused
):
    monkeypatch.setitem(sys.modules, package, None)
    with refused(ExportError, f"serving requires {package},", "pip install 'hardmax[serve]'"):
        ServedModel.open(str(image_run), "clothes")


def test_a_run_that_is_not_whole_is_refused(image_run, tmp_path):
    run = write(tmp_path / "run", Run.open(image_run))
    (run / "report.html").unlink()
    with pytest.raises(RunError, match=r"report\.html"):
        ServedModel.open(str(run), "run")
    with pytest.raises(RunError, match="no such run folder"):
        ServedModel.open(str(tmp_path / "nothing"), "run")


def test_the_report_is_that_of_the_run(image_run, of_images):
    assert of_images.report == (image_run / "report.html").read_bytes()


def test_a_model_is_described_without_paths(of_table, of_images, table_run, table):
    described = of_table.describe()
    assert described["kind"] == "table"
    assert described["classes"] == ("leaves", "stays")
    columns = {column["name"]: column for column in described["columns"]}
    assert {name: column["kind"] for name, column in columns.items()} == {
        "months": "number",
        "plan": "category",
        "contract": "boolean",
        "since": "date",
        "note": "text",
    }
    with table.open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    assert columns["plan"]["choices"] == tuple(sorted({row["plan"] for row in rows}))
    days = sorted(row["since"] for row in rows)
    assert days[0] <= columns["since"]["example"] <= days[-1]
    assert datetime.fromisoformat(columns["since"]["example"])
    assert 1 <= columns["months"]["example"] <= 60
    whole = json.dumps([described, of_images.describe()], allow_nan=False)
    assert str(table_run.parent) not in whole
    assert str(table.parent) not in whole
    assert of_images.describe()["input_shape"] == (6, 5, 3)
    assert of_images.describe()["calibration"] is None


def with_results(run, **results):
    """Return a run with other results."""
    return Run(
        {**run.record, "results": {**run.record["results"], **results}},
        run.network,
        run.input_shape,
        run.classes,
        run.weights,
    )


def test_the_bins_count_the_test_examples(image_run, tmp_path):
    generator = np.random.default_rng(0)
    scores, labels = generator.normal(size=(500, 3)), generator.integers(0, 3, 500)
    test = ClassifierEvaluation(scores, labels)
    run = with_results(Run.open(image_run), test=test.summary(), reliability=test.reliability)
    described = ServedModel.open(str(write(tmp_path / "run", run)), "run").describe()
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    highest, correct = probabilities.max(1), probabilities.argmax(1) == labels
    for one in described["calibration"]:
        inside = (one["lower"] < highest) & (highest <= one["upper"])
        assert one["count"] == inside.sum() > 0
        assert one["accuracy"] == pytest.approx(correct[inside].mean())
        assert one["confidence"] == pytest.approx(highest[inside].mean())
    assert sum(one["count"] for one in described["calibration"]) == 500
    assert described["metrics"]["count"] == 500
    assert described["metrics"]["calibration_error"] == pytest.approx(test.calibration_error)
    assert described["metrics"]["loss"] == test.loss


def test_metrics_of_probabilities_that_changed_since_are_left_out(image_run, tmp_path):
    test = ClassifierEvaluation(np.eye(3), np.arange(3)).summary()
    run = with_results(Run.open(image_run), test=test)
    run.record["calibration"] = {"temperature": 2.0, "before": test, "after": test}
    metrics = ServedModel.open(str(write(tmp_path / "run", run)), "run").describe()["metrics"]
    assert metrics["accuracy"] == 1
    assert metrics["loss"] is None
    assert metrics["calibration_error"] is None
