"""Ensembles: several networks, each trained without a fold, as one run."""

import json

import numpy as np
import pandas as pd
import pytest
import reference
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, log_loss

from hardmax.evaluation.calibration import fit_temperature
from hardmax.runs.data import load_data
from hardmax.runs.members import members_of
from hardmax.runs.run import Run
from hardmax.sklearn import HardmaxClassifier


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensembles")
    frame = load_iris(as_frame=True).frame
    frame["target"] = frame["target"].map(dict(enumerate(["setosa", "versicolor", "virginica"])))
    frame.to_csv(folder / "iris.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def trained(run, framework):
    """The output of an ensemble that ``auto`` chose, but for its size."""
    done = run(
        *("train", "iris.csv", "--label", "target", "--epochs", 6, "--hidden", "16"),
        *("--ensemble", 3, "--framework", framework, "--out", "run"),
        *("--no-baselines", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert "auto: 3 networks of model realmlp (hidden 16), 6 epochs" in done.stderr
    return json.loads(done.stdout)


def probabilities(scores, temperature):
    return reference.softmax(scores / temperature)


def test_the_test_probabilities_are_the_calibrated_mean_of_the_members(folder, trained):
    found = Run.open(folder / "run")
    dataset = load_data(found, str(folder / "run"), None)
    X = dataset.test.values.astype(np.float64)
    scores = reference.Forward(found.weights).run(found.network, X)
    expected = probabilities(scores, found.temperature)
    assert trained["test"]["loss"] == pytest.approx(
        log_loss(dataset.test.labels, expected), rel=1e-4
    )
    predicted = expected.argmax(1)
    assert trained["test"]["accuracy"] == accuracy_score(dataset.test.labels, predicted)


def test_the_temperature_is_that_of_the_out_of_fold_scores(folder, trained):
    found = Run.open(folder / "run")
    train = load_data(found, str(folder / "run"), None).train
    network = found.network[0].member
    scores = np.empty((len(train), 3))
    for number, member in enumerate(members_of(found.settings, train, None)):
        prefix = f"0.{number}."
        weights = {
            name.removeprefix(prefix): value
            for name, value in found.weights.items()
            if name.startswith(prefix)
        }
        X = member.held_out.values.astype(np.float64)
        scores[member.fold] = np.log(reference.softmax(reference.Forward(weights).run(network, X)))
        record = trained["members"][number]
        assert record["validation_accuracy"] == pytest.approx(
            accuracy_score(member.held_out.labels, scores[member.fold].argmax(1))
        )
    temperature = fit_temperature(scores, train.labels, smoothing=1 / (len(train) + 2))
    assert found.temperature == pytest.approx(temperature, rel=1e-3)
    summary = found.record["results"]["out_of_fold"]
    assert summary["accuracy"] == accuracy_score(train.labels, scores.argmax(1))
    calibrated = probabilities(scores, temperature)
    assert summary["loss"] == pytest.approx(log_loss(train.labels, calibrated), rel=1e-4)


def test_the_run_evaluates_and_predicts_as_it_was_trained(run, folder, trained):
    again = json.loads(run("evaluate", "run", "--json").stdout)
    assert again["correct"] == trained["test"]["correct"]
    assert again["loss"] == pytest.approx(trained["test"]["loss"], rel=1e-5)
    done = run("predict", "run", "iris.csv", "--out", "predicted.csv")
    assert done.returncode == 0, done.stderr
    names = [f"probability of {name}" for name in ("setosa", "versicolor", "virginica")]
    np.testing.assert_allclose(pd.read_csv(folder / "predicted.csv")[names].sum(axis=1), 1)
    refused = run("calibrate", "run")
    assert refused.returncode == 2
    assert "was calibrated when it was trained" in refused.stderr


def test_the_report_tells_how_the_members_were_trained(folder, trained):
    page = (folder / "run" / "report.html").read_text()
    assert "3 networks" in page
    assert "3 folds" in page


@pytest.mark.shared
def test_scores_that_are_worse_than_chance_are_not_calibrated(hardmax, framework, tmp_path):
    """What is true of one group is false of the other, and each fold is a group."""
    x, group = np.random.default_rng(0).normal(size=100), np.arange(100) % 2
    label = np.where((x > 0) == (group > 0), "yes", "no")
    frame = pd.DataFrame({"x": x, "group": np.array(["a", "b"])[group], "label": label})
    pd.concat([frame, frame]).to_csv(tmp_path / "train.csv", index=False)
    frame.to_csv(tmp_path / "test.csv", index=False)
    options = ("--model", "softmax-regression", "--lr", 1, "--folds", 2, "--epochs", 20)
    command = ("train", "train.csv", "--label", "label", "--group", "group", "--test", "test.csv")
    done = hardmax(*command, "--framework", framework, *options, "--out", "run")
    assert done.returncode == 0, done.stderr
    record = Run.open(tmp_path / "run").record
    assert "calibration" not in record
    assert record["results"]["out_of_fold"]["accuracy"] < 0.1
    assert "are calibrated on these" not in (tmp_path / "run/report.html").read_text()


def test_the_estimator_averages_and_calibrates(framework):
    X, y = load_iris(return_X_y=True)
    X = ((X - X.mean(0)) / X.std(0)).astype(np.float32)
    model = HardmaxClassifier("mlp", framework, folds=3, epochs=4, lr=0.5, random_state=0)
    model.fit(X, y)
    scores = reference.Forward(model.weights_).run(model.network_, X.astype(np.float64))
    expected = probabilities(scores, model.temperature_)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-5)
    # Random states 0 to 4 give 0.84 to 0.97.
    assert model.score(X, y) > 0.75
