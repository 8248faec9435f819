"""Prediction sets cover the true class as often as they promise, and are those of the paper."""

from fractions import Fraction
from itertools import pairwise
from math import ceil, inf, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from hardmax.errors import ArgumentError
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.conformal import Conformity, check_coverage, conformity_scores


def paper_set(probabilities, share, tau):
    """The set S(x, u; pi, tau) of Romano, Sesia and Candès (2020), equations (4) and (5)."""
    order = sorted(range(len(probabilities)), key=lambda y: -probabilities[y])
    reached = np.cumsum([probabilities[y] for y in order])
    least = next((c for c, total in enumerate(reached) if total >= tau), len(order) - 1)
    excess = (reached[least] - tau) / probabilities[order[least]]
    return order[:least] if share <= excess else order[: least + 1]


def test_the_sets_are_those_of_the_paper():
    rng = np.random.default_rng(0)
    for _ in range(300):
        probabilities = softmax(rng.normal(0, 2, rng.integers(2, 8)))
        share, tau = rng.random(2)
        scores = conformity_scores(probabilities[None], np.array([share]))[0]
        inside = {int(y) for y in np.flatnonzero(scores <= tau)}
        assert inside == {*paper_set(probabilities, 1 - share, tau)}


def cases(seed, count, scale):
    """Return scores, ``scale`` times those of the softmax that the labels are drawn from."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.5, (count, 6))
    labels = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    return scale * scores, labels


@pytest.mark.parametrize("scale", [1, 4])
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.97])
def test_sets_cover_as_often_as_asked_on_20_seeds(scale, coverage):
    held_out, new = 1000, 1000
    covered = []
    for seed in range(20):
        scores, labels = cases(seed, held_out + new, scale)
        conformity = Conformity.of(scores[:held_out], labels[:held_out], seed)
        pairs = zip(labels[held_out:], conformity.sets(scores[held_out:], coverage), strict=True)
        covered.append(np.mean([label in one for label, one in pairs]))
    # The sets' coverage varies with the held-out examples, what is found of it with the new ones.
    deviation = sqrt(coverage * (1 - coverage) * (1 / held_out + 1 / new))
    assert np.abs(np.array(covered) - coverage).max() < 4 * deviation
    assert np.mean(covered) == pytest.approx(coverage, abs=3 * deviation / sqrt(20))


def test_the_summary_counts_the_sets():
    scores, labels = cases(7, 900, 1)
    conformity = Conformity.of(scores[:400], labels[:400], 3)
    scores, labels = scores[400:].astype(np.float32), labels[400:]
    sets = conformity.sets(scores, 0.9)
    found = ClassifierEvaluation(scores, labels, conformity=conformity).summary()["prediction_sets"]
    assert found["coverage"] == 0.9
    assert found["covered"] == np.mean([y in one for y, one in zip(labels, sets, strict=True)])
    assert found["size"] == np.mean([len(one) for one in sets])
    assert found["empty"] == np.mean([not one for one in sets])
    for row, one in zip(scores, sets, strict=True):
        assert one == sorted(one, key=lambda y: -row[y])


def test_a_longer_list_begins_with_the_sets_of_a_shorter_one():
    scores, labels = cases(1, 600, 1)
    conformity = Conformity.of(scores, labels, 0)
    assert conformity.sets(scores, 0.8)[:300] == conformity.sets(scores[:300], 0.8)


@given(st.integers(1, 5000), st.integers(1, 999))
def test_the_threshold_has_the_rank_that_guarantees_the_coverage(count, thousandths):
    every = np.arange(1, count + 1) / count
    stored = np.round(np.linspace(1, count, min(count, 1000))).astype(int)
    conformity = Conformity(count, tuple(every[stored - 1].tolist()), 0)
    rank = ceil((count + 1) * Fraction(thousandths, 1000))
    found = conformity.threshold(thousandths / 1000)
    if rank > count:
        assert found == inf
    else:
        assert rank <= round(found * count) <= rank + (0 if count <= 1000 else count / 999 + 1)


def test_of_many_scores_evenly_spaced_ones_are_stored():
    scores, labels = cases(2, 3000, 1)
    conformity = Conformity.of(scores, labels, 0)
    record = conformity.as_record()
    assert (record["count"], len(record["scores"])) == (3000, 1000)
    assert record["scores"] == sorted(record["scores"])
    exact = np.sort([Conformity.of(scores, labels, 0).threshold(k / 3001) for k in (1, 3000)])
    assert [record["scores"][0], record["scores"][-1]] == exact.tolist()


def test_with_too_few_examples_each_set_has_all_classes():
    scores, labels = cases(3, 8, 1)
    conformity = Conformity.of(scores, labels, 0)
    assert {len(one) for one in conformity.sets(scores, 0.9)} == {6}
    assert conformity.threshold(0.8) < 1


@pytest.mark.parametrize("coverage", [0, 1, -0.1, 90, float("nan")])
def test_a_coverage_that_is_no_probability_is_refused(refused, coverage):
    with refused(ArgumentError, "between 0 and 1", coverage):
        check_coverage(coverage)


def test_the_sets_of_batches_are_those_of_all_examples():
    scores, labels = cases(0, 700, 1)
    conformity = Conformity.of(scores, labels, 5)
    expected = conformity.sets(scores, 0.8)
    bounds = (0, 1, 300, 700)
    parts = [conformity.sets(scores[a:b], 0.8, a) for a, b in pairwise(bounds)]
    assert [one for part in parts for one in part] == expected
