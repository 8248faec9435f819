"""Intervals, log-softmax and confusion matrices, against SciPy and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax as scipy_log_softmax
from scipy.stats import binomtest
from sklearn import metrics as sklearn_metrics

from hardmax.errors import ArgumentError
from hardmax.evaluation.metrics import (
    Evaluation,
    confusion_matrix,
    frequent_confusions,
    log_softmax,
    wilson_interval,
)
from hardmax.evaluation.totals import Totals

shares = st.integers(1, 10**7).flatmap(
    lambda count: st.tuples(st.integers(0, count), st.just(count))
)


@given(shares)
def test_the_interval_agrees_with_scipy_and_contains_the_share(share):
    correct, count = share
    low, high = wilson_interval(correct, count)
    expected = binomtest(correct, count).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)
    assert 0 <= low <= correct / count <= high <= 1


@given(st.integers(1, 10**7))
def test_the_interval_of_none_or_all_is_one_sided(count):
    low, high = wilson_interval(0, count)
    assert low == 0 < high
    low, high = wilson_interval(count, count)
    assert low < 1 == high


@pytest.mark.parametrize(("correct", "count"), [(0, 0), (-1, 5), (6, 5), (0, -1), (1, 0)])
def test_impossible_counts_are_rejected(correct, count):
    with pytest.raises(ArgumentError, match=f"got {correct} of {count}"):
        wilson_interval(correct, count)


def rows(dtype, limit):
    return st.tuples(st.integers(1, 6), st.integers(1, 8)).flatmap(
        lambda shape: arrays(
            dtype, shape, elements=st.floats(-limit, limit, width=np.dtype(dtype).itemsize * 8)
        )
    )


@given(st.one_of(rows(np.float64, 1e4), rows(np.float64, 1e30), rows(np.float32, 2.0**127)))
def test_log_softmax_is_finite_and_agrees_with_scipy_for_scores_of_any_size(scores):
    result = log_softmax(scores)
    assert result.dtype == np.float64
    assert np.isfinite(result).all()
    assert (result <= 0).all()
    np.testing.assert_allclose(result, scipy_log_softmax(scores.astype(float), axis=1), rtol=1e-12)
    np.testing.assert_allclose(np.exp(result).sum(axis=1), 1, rtol=1e-12)


def test_log_softmax_keeps_probabilities_that_underflow_in_softmax():
    result = log_softmax(np.array([[0.0, 1e4]], np.float32))
    np.testing.assert_array_equal(result, [[-1e4, 0.0]])


def test_log_softmax_does_not_modify_scores_and_accepts_no_rows():
    scores = np.array([[1.0, 2.0]])
    log_softmax(scores)
    np.testing.assert_array_equal(scores, [[1, 2]])
    assert log_softmax(np.zeros((0, 3), np.float32)).shape == (0, 3)


label_pairs = st.integers(2, 6).flatmap(
    lambda classes: st.tuples(
        st.just(classes),
        st.lists(
            st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)),
            min_size=1,
            max_size=60,
        ),
    )
)


@given(label_pairs, st.sampled_from([np.uint8, np.int32, np.int64]))
def test_the_confusion_matrix_agrees_with_scikit_learn(case, dtype):
    classes, pairs = case
    labels, predictions = np.array(pairs, dtype).T
    result = confusion_matrix(labels, predictions, classes)
    expected = sklearn_metrics.confusion_matrix(labels, predictions, labels=range(classes))
    assert result.dtype == np.int64
    np.testing.assert_array_equal(result, expected)


def test_the_confusion_matrix_does_not_overflow_uint8_labels():
    labels = np.full(3, 199, np.uint8)
    result = confusion_matrix(labels, labels, 200)
    assert result[199, 199] == result.sum() == 3


@given(label_pairs, st.integers(1, 40))
def test_the_most_frequent_confusions_are_the_largest_off_the_diagonal(case, most):
    classes, pairs = case
    labels, predictions = np.array(pairs).T
    expected = sklearn_metrics.confusion_matrix(labels, predictions, labels=range(classes))
    np.fill_diagonal(expected, 0)
    result = frequent_confusions(labels, predictions, most)
    assert all(expected[true, predicted] == count > 0 for true, predicted, count in result)
    assert len({pair[:2] for pair in result}) == len(result)
    assert [count for *_, count in result] == sorted(expected[expected > 0], reverse=True)[:most]


def test_an_evaluation_is_computed_from_totals():
    evaluation = Evaluation.of(Totals(loss_sum=30.0, correct=45, count=60))
    expected = binomtest(45, 60).proportion_ci(0.95, method="wilson")
    assert (evaluation.count, evaluation.correct, evaluation.accuracy) == (60, 45, 0.75)
    assert evaluation.loss == 0.5
    assert evaluation.interval == pytest.approx((expected.low, expected.high))
    assert str(evaluation) == (
        f"accuracy 0.7500 (45 of 60, 95 % interval {expected.low:.4f} to {expected.high:.4f}), "
        "loss 0.5000"
    )
    assert evaluation.as_dict() == {
        "count": 60,
        "correct": 45,
        "accuracy": 0.75,
        "interval": evaluation.interval,
        "loss": 0.5,
    }


def test_an_evaluation_without_predictions_has_only_a_loss():
    evaluation = Evaluation.of(Totals(loss_sum=3.0, correct=None, count=2))
    assert (evaluation.accuracy, evaluation.interval) == (None, None)
    assert str(evaluation) == "loss 1.5000 on 2 examples"


def test_an_evaluation_of_weighted_examples_has_no_interval():
    evaluation = Evaluation.of(Totals(loss_sum=3.0, correct=1.5, count=2), weighted=True)
    assert (evaluation.accuracy, evaluation.correct, evaluation.interval) == (0.75, None, None)
    assert str(evaluation) == "accuracy 0.7500 and loss 1.5000, weighted means of 2 examples"


def test_an_evaluation_of_no_examples_is_rejected():
    with pytest.raises(ArgumentError, match="no examples"):
        Evaluation.of(Totals())
