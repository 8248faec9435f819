"""Every metric against scikit-learn or its formula, and for different block sizes."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.dummy import DummyClassifier

from hardmax.errors import ArgumentError
from hardmax.evaluation import examples
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.metrics import log_softmax


@st.composite
def scored(draw, most=30):
    """Scores with many ties, labels that may not have every class, and weights that may be 0."""
    n, classes = draw(st.integers(1, most)), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    scores = rng.integers(-2, 3, (n, classes)) * draw(st.sampled_from([1.0, 3.0, 1e4]))
    labels = rng.integers(0, draw(st.integers(1, classes)), n)
    weights = rng.integers(0, 4, n) * draw(st.sampled_from([1.0, 0.1]))
    weights[rng.integers(n)] += 1
    return scores.astype(draw(st.sampled_from([np.float32, np.float64]))), labels, weights


def without_warnings(metric, *arguments, **options):
    """Return a metric of scikit-learn, which warns about undefined values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return metric(*arguments, **options)


@given(scored(), st.booleans())
def test_metrics_of_predictions_agree_with_scikit_learn(data, weighted):
    scores, labels, weights = data
    options = {"sample_weight": weights} if weighted else {}
    found = ClassifierEvaluation(scores, labels, weights if weighted else None)
    predicted, classes = scores.argmax(axis=1), range(scores.shape[1])
    assert (found.count, found.correct) == (len(labels), (predicted == labels).sum())
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted, **options))
    assert (found.interval is None) == weighted
    baseline = DummyClassifier(strategy="most_frequent").fit(scores, labels, **options)
    assert found.majority == pytest.approx(baseline.score(scores, labels, **options))
    matrix = without_warnings(
        metrics.confusion_matrix, labels, predicted, labels=classes, **options
    )
    assert np.array(found.confusion) == pytest.approx(matrix)
    expected = without_warnings(
        metrics.precision_recall_fscore_support,
        *(labels, predicted),
        labels=classes,
        zero_division=0,
        **options,
    )
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert [x or 0 for x in found.by_class[name]] == pytest.approx(list(values))
    present = matrix.sum(axis=0) + matrix.sum(axis=1) > 0
    for mean, by in (("macro", present), ("weighted", matrix.sum(axis=1))):
        means = [np.average(values, weights=by) for values in expected[:3]]
        assert list(getattr(found, mean).values()) == pytest.approx(means)
    one_sided = (matrix.sum(axis=0) > 0).sum() == 1 or (matrix.sum(axis=1) > 0).sum() == 1
    assert (found.matthews is None) == one_sided
    if not one_sided:
        kappa = metrics.cohen_kappa_score(labels, predicted, **options)
        assert found.kappa == pytest.approx(kappa, abs=1e-9)
        correlation = metrics.matthews_corrcoef(labels, predicted, **options)
        assert found.matthews == pytest.approx(correlation, abs=1e-9)


def test_macro_and_weighted_means_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(200, 6)), rng.integers(0, 5, 200)
    scores[:, 4] = -9  # class 4 is never predicted, and class 5 never true
    found = ClassifierEvaluation(scores, labels)
    for name in ("macro", "weighted"):
        expected = metrics.precision_recall_fscore_support(
            labels, scores.argmax(axis=1), average=name, zero_division=0
        )
        assert list(getattr(found, name).values()) == pytest.approx(list(expected[:3]))


@given(scored(), st.booleans())
def test_metrics_of_probabilities_agree_with_scikit_learn(data, weighted):
    scores, labels, weights = data
    options = {"sample_weight": weights} if weighted else {}
    weights = weights if weighted else np.ones(len(labels))
    found = ClassifierEvaluation(scores, labels, weights if weighted else None)
    logs = log_softmax(scores)
    losses = -logs[np.arange(len(labels)), labels]
    assert found.loss == pytest.approx(np.average(losses, weights=weights))
    for k in range(scores.shape[1]):
        is_class = labels == k
        area, precision = (found.by_class[name][k] for name in ("roc_auc", "average_precision"))
        assert (precision is None) == (not weights[is_class].any())
        assert (area is None) == (not (weights[is_class].any() and weights[~is_class].any()))
        if precision is not None:
            expected = metrics.average_precision_score(is_class, logs[:, k], **options)
            assert precision == pytest.approx(expected)
        if area is not None:
            assert area == pytest.approx(metrics.roc_auc_score(is_class, logs[:, k], **options))
    defined = [area for area in found.by_class["roc_auc"] if area is not None]
    assert found.roc_auc == (pytest.approx(np.mean(defined)) if defined else None)


@given(scored())
def test_the_brier_score_is_the_sum_of_its_parts(data):
    scores, labels, weights = data
    p = np.exp(log_softmax(scores))
    true = labels[:, None] == np.arange(scores.shape[1])
    found = ClassifierEvaluation(scores, labels, weights).brier
    expected = np.average(((p - true) ** 2).sum(axis=1), weights=weights)
    assert found["score"] == pytest.approx(expected)
    shares = np.average(true, axis=0, weights=weights)
    assert found["uncertainty"] == pytest.approx((shares * (1 - shares)).sum())
    assert found["reliability"] >= 0
    parts = found["reliability"] - found["resolution"] + found["uncertainty"]
    assert parts == pytest.approx(found["score"], abs=1e-12)


def test_the_brier_parts_of_a_binned_forecast_agree_with_murphy():
    """If all forecasts in a bin are equal, the resolution is that of the textbook formula."""
    rng = np.random.default_rng(0)
    ill = rng.choice([0.1, 0.5, 0.8], 5000)
    labels = (rng.random(5000) < ill**1.5).astype(int)
    found = ClassifierEvaluation(np.log(np.stack([1 - ill, ill], axis=1)), labels).brier
    base, resolution, reliability = labels.mean(), 0.0, 0.0
    for forecast in np.unique(ill):
        inside = ill == forecast
        rate = labels[inside].mean()
        reliability += inside.mean() * (forecast - rate) ** 2
        resolution += inside.mean() * (rate - base) ** 2
    # Both classes contribute equally.
    assert found["reliability"] == pytest.approx(2 * reliability)
    assert found["resolution"] == pytest.approx(2 * resolution)


@given(scored())
def test_top_k_breaks_ties_in_favor_of_the_first_class(data):
    scores, labels, weights = data
    ranks = np.argsort(-scores, axis=1, kind="stable") == labels[:, None]
    found = ClassifierEvaluation(scores, labels, weights).top
    assert list(found) == [str(k) for k in range(2, min(6, scores.shape[1]))]
    for k, share in found.items():
        expected = np.average(ranks[:, : int(k)].any(axis=1), weights=weights)
        assert share == pytest.approx(expected)


@given(scored())
def test_the_calibration_error_agrees_with_its_definition(data):
    scores, labels, weights = data
    p = np.exp(log_softmax(scores))
    confidence, correct = p.max(axis=1), scores.argmax(axis=1) == labels
    error = 0.0
    for b in range(15):
        inside = weights * ((confidence > b / 15) & (confidence <= (b + 1) / 15))
        error += abs(inside @ correct - inside @ confidence) / weights.sum()
    found = ClassifierEvaluation(scores, labels, weights)
    # A confidence on the edge of a bin may be rounded into either neighbor.
    scaled = confidence[confidence < 1] * 15
    if np.abs(scaled - np.rint(scaled)).min(initial=1) > 1e-9:
        assert found.calibration_error == pytest.approx(error, abs=1e-12)
    assert sum(point["share"] for point in found.reliability) == pytest.approx(1)


@given(scored(), st.integers(1, 9))
def test_the_block_size_does_not_change_the_metrics(data, block):
    whole = ClassifierEvaluation(*data).as_dict()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples, "BLOCK", block)
        assert ClassifierEvaluation(*data).as_dict() == whole


def test_the_arguments_are_not_modified():
    scores, labels = np.ones((3, 2), np.float32), np.array([0, 1, 1])
    for array in (scores, labels):
        array.flags.writeable = False
    ClassifierEvaluation(scores, labels).as_dict()


def test_many_classes_have_no_confusion_matrix_and_a_short_summary():
    scores, labels = np.eye(1001, dtype=np.float32), np.arange(1001)
    found = ClassifierEvaluation(scores, labels)
    assert (found.accuracy, found.confusion) == (1.0, None)
    assert not {"classes", "confusion", "reliability", "coverage"} & found.summary().keys()
    assert found.figures().startswith("top 5 1.0000, macro F1 1.0000, ")


def test_a_single_class_can_be_evaluated():
    found = ClassifierEvaluation(np.zeros((4, 1)), np.zeros(4, int))
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
        (np.zeros((1, 2)), [0], [0.0], "nothing to evaluate"),
        (np.zeros((0, 2)), [], None, "nothing to evaluate"),
    ],
)
def test_invalid_arguments_are_rejected(refused, scores, labels, weights, words):
    with refused(ArgumentError, words):
        ClassifierEvaluation(
            scores, np.array(labels, int), None if weights is None else np.array(weights)
        )


@given(scored())
def test_coverage_takes_the_most_confident_predictions(data):
    scores, labels, weights = data
    confidence = np.exp(log_softmax(scores)).max(axis=1)
    correct = scores.argmax(axis=1) == labels
    for point, share in zip(
        ClassifierEvaluation(*data).coverage, (1, 0.95, 0.9, 0.8, 0.5), strict=True
    ):
        covered = weights * (confidence >= point["below"])
        assert point["coverage"] == pytest.approx(covered.sum() / weights.sum())
        assert point["accuracy"] == pytest.approx(covered @ correct / covered.sum())
        assert point["coverage"] > share - 1e-9
        # With a higher threshold, coverage would be too low.
        fewer = weights @ (confidence > point["below"])
        assert fewer / weights.sum() < share + 1e-9


@given(scored(), st.sampled_from([0.25, 2.0, 3.0]))
def test_a_temperature_changes_the_probabilities_but_not_the_predictions(data, temperature):
    scores, labels, _ = data
    found = ClassifierEvaluation(scores, labels, temperature=temperature)
    expected = ClassifierEvaluation(scores.astype(np.float64) / temperature, labels)
    assert found.as_dict() == expected.as_dict()
    assert np.array_equal(found.predictions, scores.argmax(axis=1))
    assert found.uncalibrated.as_dict() == ClassifierEvaluation(scores, labels).as_dict()
    assert np.allclose(found.probabilities, np.exp(log_softmax(scores / temperature)))


def test_decision_rules_are_evaluated_if_there_are_any():
    scores, labels = np.array([[2.0, 0], [0, 0.1]]), np.array([0, 0])
    assert ClassifierEvaluation(scores, labels).rules == []
    most_likely, abstaining = ClassifierEvaluation(scores, labels, below=0.8).rules
    assert (most_likely["coverage"], most_likely["accuracy"]) == (1, 0.5)
    assert (abstaining["coverage"], abstaining["accuracy"]) == (0.5, 1)


def test_classes_are_numbered_unless_they_have_names():
    scores, labels = np.eye(2), np.arange(2)
    assert ClassifierEvaluation(scores, labels).classes == ("0", "1")
    assert ClassifierEvaluation(scores, labels, classes=("a", "b")).classes == ("a", "b")


def test_what_was_computed_is_kept():
    found = ClassifierEvaluation(np.eye(3), np.arange(3))
    assert found.by_class is found.by_class
    assert found.losses is found.losses
    assert found.confusion is found.confusion
