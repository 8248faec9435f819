"""Paired tests, against SciPy and the normal approximation."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from hardmax.errors import ArgumentError
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.paired_tests import bootstrap_interval, compare, mcnemar


def compared(first, second, labels):
    """Compare scores, float (n, classes), on integer labels (n,)."""
    return compare(*(ClassifierEvaluation(scores, labels) for scores in (first, second)))


def exact_p(first, second):
    """Return the p-value in integers: twice the tail of the binomial distribution, at most 1."""
    n, term, tail = first + second, 1, 0
    for i in range(min(first, second) + 1):
        tail += term
        term = term * (n - i) // (i + 1)
    return min(1.0, float(Fraction(2 * tail, 2**n)))


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_mcnemar_agrees_with_the_binomial_distribution(first, second):
    # Not with SciPy's binomtest, which returns 0 for probabilities near 1e-300.
    assert mcnemar(first, second) == pytest.approx(exact_p(first, second), rel=1e-6, abs=1e-300)


@given(st.integers(0, 100), st.integers(0, 100))
def test_mcnemar_agrees_with_scipy(first, second):
    truth = binomtest(first, first + second).pvalue if first + second else 1
    assert mcnemar(first, second) == pytest.approx(truth, rel=1e-6)


def test_the_bootstrap_agrees_with_the_normal_interval():
    x = np.random.default_rng(0).normal(1, 2, 5000)
    spread = 1.96 * x.std() / np.sqrt(len(x))
    truth = (x.mean() - spread, x.mean() + spread)
    assert bootstrap_interval(x, 1) == pytest.approx(truth, abs=0.1 * spread)
    assert bootstrap_interval(x, 1) == bootstrap_interval(x, 1)


def test_classifiers_are_compared_example_by_example():
    labels = np.array([0, 0, 0, 1, 1])
    first = np.array([[2, 0], [2, 0], [0, 2], [0, 2], [2, 0]], float)
    second = np.array([[2, 0], [0, 2], [2, 0], [2, 0], [2, 0]], float)
    pair = compared(first, second, labels)
    assert (pair.count, pair.both, pair.neither) == (5, 1, 1)
    assert pair.only == ([1, 3], [2])
    assert pair.p == 1
    assert pair.accuracy == (3 / 5, 2 / 5)
    good, bad = np.log1p(np.exp(-2)), np.log1p(np.exp(2))
    assert pair.loss == pytest.approx(((3 * good + 2 * bad) / 5, (2 * good + 3 * bad) / 5))


def test_the_intervals_of_a_better_classifier_exclude_zero():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 2000)
    truth = np.eye(3)[labels]
    first, second = (truth * size + rng.normal(size=(2000, 3)) for size in (2.0, 1.5))
    pair = compared(first, second, labels)
    assert pair.p < 1e-3
    assert pair.intervals["accuracy"][0] > 0 > pair.intervals["loss"][1]
    swapped = compared(second, first, labels)
    assert swapped.p == pair.p
    assert swapped.only == pair.only[::-1]


def test_a_classifier_does_not_differ_from_itself():
    scores = np.random.default_rng(0).normal(size=(50, 3))
    pair = compared(scores, scores, np.arange(50) % 3)
    assert (pair.p, pair.only) == (1, ([], []))
    assert pair.intervals == {"accuracy": (0, 0), "loss": (0, 0)}


def test_scores_of_different_examples_are_rejected(refused):
    three, other, four = (
        ClassifierEvaluation(np.zeros((len(labels), 2)), np.array(labels))
        for labels in ([0, 0, 1], [0, 1, 0], [0, 0, 1, 1])
    )
    with refused(ArgumentError, "(3, 2)", "(4, 2)"):
        compare(three, four)
    with refused(ArgumentError, "same labeled examples"):
        compare(three, other)
