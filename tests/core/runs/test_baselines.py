"""Baselines reach what scikit-learn's classifiers reach on the same rows."""

import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from threadpoolctl import threadpool_info

from hardmax.data.datasets import Dataset, Vectors
from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.row_encoding import RowEncoding
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.reports.baselines import conclusion
from hardmax.runs import baselines
from hardmax.runs.baselines import Baseline, compare_with, fit_baselines
from hardmax.runs.settings import Settings

NAMES = ["most frequent class", "LogisticRegression", "HistGradientBoosting"]


class Encoded(RowEncoding):
    """Stands for the encoding that made the rows: baselines only see that there is one."""


def made(count, features=4, classes=2, seed=0):
    """Return rows whose class is the sign of a product, or a part of its range."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, features)).astype(np.float32)
    product = values[:, 0] * values[:, 1] + 0.1 * rng.normal(size=count)
    edges = np.quantile(product, np.arange(1, classes) / classes)
    return Vectors(values, np.searchsorted(edges, product))


SETTINGS = Settings(data="rows")


def table(train, test, classes=2):
    return Dataset("rows", train, test, tuple(map(str, range(classes))), encoding=Encoded())


def independent(model, train, test, classes):
    """Return accuracy and log loss of a classifier as scikit-learn computes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(*train)
    probabilities = model.predict_proba(test[0])
    return (
        accuracy_score(test[1], model.predict(test[0])),
        log_loss(test[1], probabilities, labels=range(classes)),
    )


@pytest.mark.parametrize(("name", "label"), [("penguins", "species"), ("churn", "Exited")])
def test_baselines_of_a_real_table_agree_with_scikit_learn(name, label):
    folder = Path(os.environ.get("HARDMAX_DATA", "")) / "tables"
    if not folder.is_dir():
        pytest.skip("HARDMAX_DATA does not name a folder that holds tables/")
    test = str(folder / f"{name}-test.csv")
    reading = Reading(label=label, test=test, validation=0.2)
    dataset = load(str(folder / f"{name}-train.csv"), reading)
    parts = dataset.train, dataset.validation
    inputs = np.concatenate([part.inputs for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    threads = [library["num_threads"] for library in threadpool_info()]
    found = fit_baselines(dataset, SETTINGS)
    assert [library["num_threads"] for library in threadpool_info()] == threads
    assert [one.name for one in found] == NAMES
    assert [one.rows for one in found] == [len(labels)] * 3
    assert [one.features for one in found] == [0, *[inputs.shape[1]] * 2]
    held, classes = (dataset.test.inputs, dataset.test.labels), len(dataset.classes)
    shares = np.bincount(labels) / len(labels)
    truth = [(np.mean(held[1] == shares.argmax()), -np.log(shares[held[1]]).mean())]
    models = LogisticRegression(max_iter=1000), HistGradientBoostingClassifier(random_state=0)
    truth += [independent(model, (inputs, labels), held, classes) for model in models]
    for one, (accuracy, loss) in zip(found, truth, strict=True):
        assert one.is_correct.mean() == pytest.approx(accuracy)
        assert one.loss == pytest.approx(loss, rel=1e-6)


def test_large_tables_are_fitted_to_some_rows_and_features(monkeypatch):
    train, test = made(4000, features=12), made(500, features=12, seed=1)
    train.values.base[:, 2:] *= 0.1
    monkeypatch.setattr(baselines, "LOGISTIC_SIZE", 12 * 1000)
    monkeypatch.setattr(baselines, "BOOSTED_FEATURES", 2)
    monkeypatch.setattr(baselines, "BOOSTED_ROWS", 1000)
    monkeypatch.setattr(baselines, "BOOSTED_SIZE", 2 * (1 + 2))
    found = fit_baselines(table(train.take(slice(3000)), test), SETTINGS)
    assert [(one.rows, one.features) for one in found] == [(3000, 0), (1000, 12), (2000, 2)]
    # The class depends on the two features that vary most, and on nothing linear in them.
    assert found[1].is_correct.mean() < 0.6
    assert found[2].is_correct.mean() > 0.85
    again = fit_baselines(replace(table(train.take(slice(3000)), test), validation=test), SETTINGS)
    assert [one.rows for one in again] == [3500, 1000, 2000]


def test_a_class_of_one_row_among_ten_thousand_is_no_obstacle():
    train, test = made(10_500, features=2), made(100, features=2, seed=1)
    labels = train.labels.copy()
    labels[7] = 2
    notices = []
    found = fit_baselines(
        table(replace(train, labels=labels), test, classes=3), SETTINGS, notices.append
    )
    assert [one.name for one in found] == NAMES
    assert notices == []


def test_baselines_that_cannot_be_fitted_are_named_in_one_notice():
    train, test = made(120, classes=60), made(60, seed=1)
    notices = []
    found = fit_baselines(table(train, test, classes=60), SETTINGS, notices.append)
    assert [one.name for one in found] == NAMES[:2]
    (notice,) = notices
    assert "rows: baselines that could not be trained: HistGradientBoosting (" in notice
    assert "there are 60 classes; at most 50 are allowed" in notice
    one_class = Vectors(train.values, np.zeros(120, np.int64))
    found = fit_baselines(table(one_class, test), SETTINGS, notices.append)
    assert [one.name for one in found] == NAMES[:1]
    reason = "(it needs rows of two classes, and all 120 are of one)"
    assert notices[1].endswith(f": {NAMES[1]} {reason}; {NAMES[2]} {reason}")
    # A class without training rows has the least probability that scikit-learn's log_loss has.
    loss = -np.log(np.finfo(float).eps) * np.mean(test.labels == 1)
    assert found[0].loss == pytest.approx(loss)


masks = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


@given(masks)
def test_the_comparison_is_mcnemars_test(pairs):
    network, baseline = np.array(pairs).T
    scores = np.where(network[:, None], [1.0, 0.0], [0.0, 1.0])
    evaluation = ClassifierEvaluation(scores, np.zeros(len(pairs), np.int64))
    (one,) = compare_with([Baseline("other", 9, 3, baseline, 0.5)], evaluation)
    only = [int((network & ~baseline).sum()), int((baseline & ~network).sum())]
    assert [one["only_network"], one["only_baseline"]] == only
    assert one["accuracy"] == baseline.mean()
    expected = binomtest(only[0], sum(only)).pvalue if sum(only) else 1
    assert one["p"] == pytest.approx(expected)
    sentence = conclusion([one], len(pairs))
    assert f"of the {len(pairs)} test examples correctly" in sentence
    assert ("more than chance" in sentence) == (expected < 0.05)
    assert sentence.startswith("hardmax and other classify equally") == (only[0] == only[1])


def result(name, only_network, only_baseline, loss=0.5):
    accuracy = (500 - only_network + only_baseline) / 1000
    found = {"name": name, "rows": 9, "features": 3, "accuracy": accuracy, "loss": loss}
    p = binomtest(only_network, only_network + only_baseline).pvalue
    return {**found, "only_network": only_network, "only_baseline": only_baseline, "p": p}


def test_the_conclusion_is_about_the_best_baseline():
    weak, good, same = result("weak", 90, 5), result("good", 10, 30), result("same", 20, 40, 0.6)
    assert conclusion([weak, same, good], 1000) == (
        "good classifies 20 more of the 1000 test examples correctly than hardmax; this is more "
        "than chance (McNemar's test: p = 0.00222)"
    )
    assert conclusion([weak], 1000).startswith(
        "hardmax classifies 85 more of the 1000 test examples "
    )
    assert conclusion([result("close", 10, 12)], 1000).endswith(
        "than hardmax; this may be chance (McNemar's test: p = 0.832)"
    )
