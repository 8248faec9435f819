"""The agreement of predictions with labels; tests/core/runs/test_failures.py has the verdicts."""

import numpy as np
import pytest
from scipy.stats import norm

from hardmax.evaluation.majority import chance_of_agreement


@pytest.mark.parametrize("classes", [2, 5])
def test_the_variance_of_agreement_is_that_of_permutations(classes):
    generator = np.random.default_rng(classes)
    first, second = generator.integers(0, classes, (2, 60))
    second = np.where(generator.random(60) < 0.15, first, second)
    matches = [(first == generator.permutation(second)).sum() for _ in range(20_000)]
    z = ((first == second).sum() - np.mean(matches)) / np.std(matches)
    assert chance_of_agreement(first, second) == pytest.approx(norm.sf(z), abs=0.01)
    assert chance_of_agreement(first, np.zeros(60, int)) == 1
