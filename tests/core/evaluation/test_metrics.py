"""Intervals, probabilities and confusion, against SciPy and scikit-learn."""

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
def test_the_interval_is_scipys_and_contains_the_share(share):
    correct, count = share
    low, high = wilson_interval(correct, count)
    truth = binomtest(correct, count).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((truth.low, truth.high), rel=1e-9, abs=1e-12)
    assert 0 <= low <= correct / count <= high <= 1


@given(st.integers(1, 10**7))
def test_a_share_of_none_or_all_still_leaves_doubt_on_the_other_side(count):
    low, high = wilson_interval(0, count)
    assert low == 0 < high
    low, high = wilson_interval(count, count)
    assert low < 1 == high


@pytest.mark.parametrize(("correct", "count"), [(0, 0), (-1, 5), (6, 5), (0, -1), (1, 0)])
def test_impossible_counts_are_refused(correct, count):
    with pytest.raises(ArgumentError, match=f"got {correct} of {count}"):
        wilson_interval(correct, count)


def rows(dtype, limit):
    return st.tuples(st.integers(1, 6), st.integers(1, 8)).flatmap(
        lambda shape: arrays(
            dtype, shape, elements=st.floats(-limit, limit, width=np.dtype(dtype).itemsize * 8)
        )
    )


@given(st.one_of(rows(np.float64, 1e4), rows(np.float64, 1e30), rows(np.float32, 2.0**127)))
def test_log_softmax_is_finite_and_scipys_for_scores_of_any_size(scores):
    got = log_softmax(scores)
    assert got.dtype == np.float64
    assert np.isfinite(got).all()
    assert (got <= 0).all()
    np.testing.assert_allclose(got, scipy_log_softmax(scores.astype(float), axis=1), rtol=1e-12)
    np.testing.assert_allclose(np.exp(got).sum(axis=1), 1, rtol=1e-12)


def test_log_softmax_keeps_small_probabilities_that_softmax_would_lose():
    got = log_softmax(np.array([[0.0, 1e4]], np.float32))
    np.testing.assert_array_equal(got, [[-1e4, 0.0]])


def test_log_softmax_leaves_its_scores_alone_and_takes_none():
    scores = np.array([[1.0, 2.0]])
    log_softmax(scores)
    np.testing.assert_array_equal(scores, [[1, 2]])
    assert log_softmax(np.zeros((0, 3), np.float32)).shape == (0, 3)


decided = st.integers(2, 6).flatmap(
    lambda classes: st.tuples(
        st.just(classes),
        st.lists(
            st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)),
            min_size=1,
            max_size=60,
        ),
    )
)


@given(decided, st.sampled_from([np.uint8, np.int32, np.int64]))
def test_the_confusion_matrix_is_scikit_learns(case, dtype):
    classes, pairs = case
    labels, decisions = np.array(pairs, dtype).T
    got = confusion_matrix(labels, decisions, classes)
    truth = sklearn_metrics.confusion_matrix(labels, decisions, labels=range(classes))
    assert got.dtype == np.int64
    np.testing.assert_array_equal(got, truth)


def test_the_confusion_matrix_of_many_classes_does_not_overflow_a_byte():
    labels = np.full(3, 199, np.uint8)
    got = confusion_matrix(labels, labels, 200)
    assert got[199, 199] == got.sum() == 3


@given(decided, st.integers(1, 40))
def test_the_most_frequent_confusions_are_the_largest_off_the_diagonal(case, most):
    classes, pairs = case
    labels, decisions = np.array(pairs).T
    truth = sklearn_metrics.confusion_matrix(labels, decisions, labels=range(classes))
    np.fill_diagonal(truth, 0)
    got = frequent_confusions(labels, decisions, most)
    assert all(truth[true, decided] == count > 0 for true, decided, count in got)
    assert len({pair[:2] for pair in got}) == len(got)
    assert [count for *_, count in got] == sorted(truth[truth > 0], reverse=True)[:most]


def test_an_evaluation_reads_everything_off_the_totals():
    evaluation = Evaluation.of(Totals(loss_sum=30.0, correct=45, count=60))
    truth = binomtest(45, 60).proportion_ci(0.95, method="wilson")
    assert (evaluation.count, evaluation.correct, evaluation.accuracy) == (60, 45, 0.75)
    assert evaluation.loss == 0.5
    assert evaluation.interval == pytest.approx((truth.low, truth.high))
    assert str(evaluation) == (
        f"accuracy 0.7500 (45 of 60, 95 % interval {truth.low:.4f} to {truth.high:.4f}), "
        "loss 0.5000"
    )
    assert evaluation.as_dict() == {
        "count": 60,
        "correct": 45,
        "accuracy": 0.75,
        "interval": evaluation.interval,
        "loss": 0.5,
    }


def test_an_evaluation_without_decisions_tells_the_loss_alone():
    evaluation = Evaluation.of(Totals(loss_sum=3.0, correct=None, count=2))
    assert (evaluation.accuracy, evaluation.interval) == (None, None)
    assert str(evaluation) == "loss 1.5000 on 2 examples"


def test_an_evaluation_of_nothing_is_refused():
    with pytest.raises(ArgumentError, match="no examples"):
        Evaluation.of(Totals())
