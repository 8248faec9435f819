"""Slices: p-values against SciPy and the definition of Holm's correction."""

import numpy as np
import pytest
from scipy.stats import binomtest, hypergeom
from sklearn.metrics import log_loss

from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.slices import SMALLEST, evaluate_slices


def evaluated(is_correct, seed=0):
    """Return the evaluation of scores of three classes that are correct on some examples."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, len(is_correct))
    scores = rng.random((len(labels), 3))
    scores[np.arange(len(labels)), np.where(is_correct, labels, (labels + 1) % 3)] += 1
    return ClassifierEvaluation(scores, labels)


def holm(p):
    """Return corrected p-values by the definition: of those below, the largest counts."""
    ranked = sorted(p)
    return [
        min(1, max((len(p) - k) * ranked[k] for k in range(len(p)) if ranked[k] <= one))
        for one in p
    ]


def test_every_figure_of_a_slice_has_its_definition():
    rng = np.random.default_rng(1)
    is_correct = rng.random(800) < 0.8
    evaluation = evaluated(is_correct)
    masks = [rng.random(800) < share for share in (0.05, 0.2, 0.5, 0.9)]
    masks.append(~is_correct | (rng.random(800) < 0.2))
    groups = [("column", str(i), mask) for i, mask in enumerate(masks)]
    found = {one.value: one for one in evaluate_slices(groups, evaluation)}
    p = [hypergeom.cdf(is_correct[m].sum(), 800, is_correct.sum(), m.sum()) for m in masks]
    assert [*found] == [str(i) for i in np.argsort(p)]
    for i, (mask, corrected) in enumerate(zip(masks, holm(p), strict=True)):
        one = found[str(i)]
        assert (one.count, one.correct) == (mask.sum(), is_correct[mask].sum())
        assert one.accuracy == is_correct[mask].mean()
        interval = binomtest(one.correct, one.count).proportion_ci(0.95, "wilson")
        assert one.interval == pytest.approx((interval.low, interval.high))
        loss = log_loss(evaluation.labels[mask], evaluation.probabilities[mask], labels=[0, 1, 2])
        assert one.loss == pytest.approx(loss)
        assert one.p == pytest.approx(corrected, rel=1e-9)
        assert one.is_weak == (i == 4)


def test_small_slices_and_all_examples_are_left_out():
    evaluation = evaluated(np.arange(100) % 4 > 0)
    masks = [np.arange(100) < count for count in (SMALLEST - 1, SMALLEST, 100)]
    found = evaluate_slices([("c", str(m.sum()), m) for m in masks], evaluation)
    assert [one.value for one in found] == [str(SMALLEST)]
    assert evaluate_slices([], evaluation) == []


def test_chance_alone_rarely_marks_a_slice():
    rng = np.random.default_rng(2)
    marked = 0
    for _ in range(200):
        evaluation = evaluated(rng.random(200) < 0.7)
        column = rng.integers(0, 5, 200)
        groups = [("c", str(value), column == value) for value in range(5)]
        marked += any(one.is_weak for one in evaluate_slices(groups, evaluation))
    assert marked / 200 < binomtest(10, 200).proportion_ci(0.99).high
