"""Every figure against scikit-learn or a formula, and against itself for other blocks."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.dummy import DummyClassifier

from hardmax.errors import ArgumentError
from hardmax.evaluation import classification, one_vs_rest
from hardmax.evaluation.classification import judge
from hardmax.evaluation.metrics import log_softmax


@st.composite
def scored(draw, most=30):
    """Scores with many ties, labels of some of the classes, and weights of which some are 0."""
    n, classes = draw(st.integers(1, most)), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    scores = rng.integers(-2, 3, (n, classes)) * draw(st.sampled_from([1.0, 3.0, 1e4]))
    labels = rng.integers(0, draw(st.integers(1, classes)), n)
    weights = rng.integers(0, 4, n) * draw(st.sampled_from([1.0, 0.1]))
    weights[rng.integers(n)] += 1
    return scores.astype(draw(st.sampled_from([np.float32, np.float64]))), labels, weights


def sklearns(figure, *arguments, **options):
    """A figure of scikit-learn's, which warns where there is little to read it off."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return figure(*arguments, **options)


@given(scored(), st.booleans())
def test_decisions_are_judged_as_by_scikit_learn(data, weighted):
    scores, labels, weights = data
    own = {"sample_weight": weights} if weighted else {}
    found = judge(scores, labels, weights if weighted else None)
    decided, classes = scores.argmax(axis=1), range(scores.shape[1])
    assert (found.count, found.correct) == (len(labels), (decided == labels).sum())
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, decided, **own))
    assert (found.interval is None) == weighted
    guesser = DummyClassifier(strategy="most_frequent").fit(scores, labels, **own)
    assert found.majority == pytest.approx(guesser.score(scores, labels, **own))
    matrix = sklearns(metrics.confusion_matrix, labels, decided, labels=classes, **own)
    assert np.array(found.confusion) == pytest.approx(matrix)
    truth = sklearns(
        metrics.precision_recall_fscore_support,
        *(labels, decided),
        labels=classes,
        zero_division=0,
        **own,
    )
    for name, values in zip(("precision", "recall", "f1", "support"), truth, strict=True):
        assert [x or 0 for x in found.classes[name]] == pytest.approx(list(values))
    present = matrix.sum(axis=0) + matrix.sum(axis=1) > 0
    for mean, by in (("macro", present), ("weighted", matrix.sum(axis=1))):
        expected = [np.average(values, weights=by) for values in truth[:3]]
        assert list(getattr(found, mean).values()) == pytest.approx(expected)
    one_sided = (matrix.sum(axis=0) > 0).sum() == 1 or (matrix.sum(axis=1) > 0).sum() == 1
    assert (found.matthews is None) == one_sided
    if not one_sided:
        kappa = metrics.cohen_kappa_score(labels, decided, **own)
        assert found.kappa == pytest.approx(kappa, abs=1e-9)
        correlation = metrics.matthews_corrcoef(labels, decided, **own)
        assert found.matthews == pytest.approx(correlation, abs=1e-9)


def test_the_means_are_scikit_learns_own():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(200, 6)), rng.integers(0, 5, 200)
    scores[:, 4] = -9  # class 4 is never decided, and class 5 never true
    found = judge(scores, labels)
    for name in ("macro", "weighted"):
        truth = metrics.precision_recall_fscore_support(
            labels, scores.argmax(axis=1), average=name, zero_division=0
        )
        assert list(getattr(found, name).values()) == pytest.approx(list(truth[:3]))


@given(scored(), st.booleans())
def test_probabilities_are_judged_as_by_scikit_learn(data, weighted):
    scores, labels, weights = data
    own = {"sample_weight": weights} if weighted else {}
    weights = weights if weighted else np.ones(len(labels))
    found = judge(scores, labels, weights if weighted else None)
    logs = log_softmax(scores)
    losses = -logs[np.arange(len(labels)), labels]
    assert found.loss == pytest.approx(np.average(losses, weights=weights))
    for k in range(scores.shape[1]):
        hit = labels == k
        area, precision = (found.classes[name][k] for name in ("roc_auc", "average_precision"))
        assert (precision is None) == (not weights[hit].any())
        assert (area is None) == (not (weights[hit].any() and weights[~hit].any()))
        if precision is not None:
            truth = metrics.average_precision_score(hit, logs[:, k], **own)
            assert precision == pytest.approx(truth)
        if area is not None:
            assert area == pytest.approx(metrics.roc_auc_score(hit, logs[:, k], **own))
    defined = [area for area in found.classes["roc_auc"] if area is not None]
    assert found.roc_auc == (pytest.approx(np.mean(defined)) if defined else None)


@given(scored())
def test_the_brier_score_is_the_sum_of_its_parts(data):
    scores, labels, weights = data
    p = np.exp(log_softmax(scores))
    true = labels[:, None] == np.arange(scores.shape[1])
    found = judge(scores, labels, weights).brier
    truth = np.average(((p - true) ** 2).sum(axis=1), weights=weights)
    assert found["score"] == pytest.approx(truth)
    shares = np.average(true, axis=0, weights=weights)
    assert found["uncertainty"] == pytest.approx((shares * (1 - shares)).sum())
    assert found["reliability"] >= 0
    parts = found["reliability"] - found["resolution"] + found["uncertainty"]
    assert parts == pytest.approx(found["score"], abs=1e-12)


def test_the_parts_of_a_binned_forecast_are_murphys():
    """Where all forecasts in a bin are one number, the resolution is its textbook formula."""
    rng = np.random.default_rng(0)
    ill = rng.choice([0.1, 0.5, 0.8], 5000)
    labels = (rng.random(5000) < ill**1.5).astype(int)
    found = judge(np.log(np.stack([1 - ill, ill], axis=1)), labels).brier
    base, resolution, reliability = labels.mean(), 0.0, 0.0
    for forecast in np.unique(ill):
        inside = ill == forecast
        rate = labels[inside].mean()
        reliability += inside.mean() * (forecast - rate) ** 2
        resolution += inside.mean() * (rate - base) ** 2
    # Both classes have the same part in it.
    assert found["reliability"] == pytest.approx(2 * reliability)
    assert found["resolution"] == pytest.approx(2 * resolution)


@given(scored())
def test_top_k_takes_the_first_of_equal_scores_first(data):
    scores, labels, weights = data
    ranks = np.argsort(-scores, axis=1, kind="stable") == labels[:, None]
    found = judge(scores, labels, weights).top
    assert list(found) == [str(k) for k in range(2, min(6, scores.shape[1]))]
    for k, share in found.items():
        truth = np.average(ranks[:, : int(k)].any(axis=1), weights=weights)
        assert share == pytest.approx(truth)


@given(scored())
def test_the_calibration_error_is_that_of_the_definition(data):
    scores, labels, weights = data
    p = np.exp(log_softmax(scores))
    sure, right = p.max(axis=1), scores.argmax(axis=1) == labels
    error = 0.0
    for b in range(15):
        inside = weights * ((sure > b / 15) & (sure <= (b + 1) / 15))
        error += abs(inside @ right - inside @ sure) / weights.sum()
    found = judge(scores, labels, weights)
    # A confidence on a bin's edge may be rounded into either.
    if np.abs(sure * 15 - np.rint(sure * 15))[sure < 1].min(initial=1) > 1e-9:
        assert found.calibration_error == pytest.approx(error, abs=1e-12)
    assert sum(point["share"] for point in found.reliability) == pytest.approx(1)


@given(scored(), st.integers(1, 9))
def test_blocks_change_nothing(data, block):
    whole = judge(*data)
    with pytest.MonkeyPatch.context() as patch:
        for module in (classification, one_vs_rest):
            patch.setattr(module, "BLOCK", block)
        assert judge(*data) == whole


def test_nothing_of_the_callers_is_changed():
    scores, labels = np.ones((3, 2), np.float32), np.array([0, 1, 1])
    for array in (scores, labels):
        array.flags.writeable = False
    judge(scores, labels)


def test_many_classes_have_no_matrix_and_a_summary_is_short():
    scores, labels = np.eye(1001, dtype=np.float32), np.arange(1001)
    found = judge(scores, labels)
    assert (found.accuracy, found.confusion) == (1.0, None)
    assert not {"classes", "confusion", "reliability", "coverage"} & found.summary().keys()
    assert found.figures().startswith("top 5 1.0000, macro F1 1.0000, ")


def test_one_class_has_figures_too():
    found = judge(np.zeros((4, 1)), np.zeros(4, int))
    assert (found.accuracy, found.loss, found.kappa, found.roc_auc) == (1, 0, None, None)
    assert "kappa" not in found.figures()


@pytest.mark.parametrize(
    ("scores", "labels", "weights", "words"),
    [
        (np.zeros((2, 2)), [0], None, "shape"),
        (np.zeros(2), [0, 1], None, "shape"),
        (np.zeros((2, 2)), [0, 2], None, "labels must be 0 to 1, got 0 to 2"),
        (np.zeros((2, 2)), [-1, 0], None, "got -1 to 0"),
        (np.array([[0, np.nan]]), [0], None, "finite"),
        (np.zeros((1, 2)), [0], [-1.0], "not negative"),
        (np.zeros((1, 2)), [0], [np.inf], "finite"),
        (np.zeros((1, 2)), [0], [0.0], "nothing to judge"),
        (np.zeros((0, 2)), [], None, "nothing to judge"),
    ],
)
def test_what_cannot_be_judged_is_refused(refused, scores, labels, weights, words):
    with refused(ArgumentError, words):
        judge(scores, np.array(labels, int), None if weights is None else np.array(weights))


@given(scored())
def test_coverage_is_of_the_surest_decisions(data):
    scores, labels, weights = data
    sure, right = np.exp(log_softmax(scores)).max(axis=1), scores.argmax(axis=1) == labels
    for point, share in zip(judge(*data).coverage, (1, 0.95, 0.9, 0.8, 0.5), strict=True):
        kept = weights * (sure >= point["below"])
        assert point["coverage"] == pytest.approx(kept.sum() / weights.sum())
        assert point["accuracy"] == pytest.approx(kept @ right / kept.sum())
        assert point["coverage"] > share - 1e-9
        # Any less would be less than the share.
        fewer = weights @ (sure > point["below"])
        assert fewer / weights.sum() < share + 1e-9
