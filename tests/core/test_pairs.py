"""Tests of pairs, against SciPy and a formula."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from hardmax.pairs import bootstrap_interval, mcnemar


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_mcnemar_is_the_binomial_test(first, second):
    truth = binomtest(first, first + second).pvalue if first + second else 1
    assert mcnemar(first, second) == pytest.approx(truth, rel=1e-6, abs=1e-300)


def test_the_bootstrap_agrees_with_the_normal_interval():
    x = np.random.default_rng(0).normal(1, 2, 5000)
    spread = 1.96 * x.std() / np.sqrt(len(x))
    truth = (x.mean() - spread, x.mean() + spread)
    assert bootstrap_interval(x, 1) == pytest.approx(truth, abs=0.1 * spread)
    assert bootstrap_interval(x, 1) == bootstrap_interval(x, 1)
