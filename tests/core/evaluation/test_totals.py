"""Totals and meters do not depend on how the examples are split into batches."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hardmax.evaluation.totals import Meter, Steps, Totals

losses = st.integers(1, 80).flatmap(
    lambda count: arrays(np.float64, count, elements=st.floats(0, 1e6, allow_subnormal=False))
)


@st.composite
def splits(draw):
    """Losses and correctness per example, and the bounds of batches."""
    loss = draw(losses)
    correct = draw(arrays(np.bool_, len(loss)))
    inner = draw(st.sets(st.integers(1, max(len(loss) - 1, 1))))
    cuts = sorted(inner - {len(loss)})
    return loss, correct, list(zip([0, *cuts], [*cuts, len(loss)], strict=True))


def steps(loss, correct, bounds):
    return Steps(
        np.array([loss[a:b].mean() for a, b in bounds]),
        np.array([correct[a:b].sum() for a, b in bounds]),
        np.array([b - a for a, b in bounds]),
    )


@given(splits())
def test_totals_are_the_same_for_every_split_into_batches(split):
    loss, correct, bounds = split
    totals = Totals()
    totals.add(steps(loss, correct, bounds))
    assert totals.count == len(loss)
    assert totals.correct == np.count_nonzero(correct)
    assert totals.loss_sum == pytest.approx(math.fsum(loss), rel=1e-12, abs=1e-300)
    assert totals.loss == pytest.approx(math.fsum(loss) / len(loss), rel=1e-12, abs=1e-300)
    assert totals.accuracy == np.count_nonzero(correct) / len(correct)


@given(splits(), st.integers(0, 80))
def test_totals_do_not_depend_on_the_calls_to_add(split, part):
    loss, correct, bounds = split
    totals = Totals()
    for chunk in (bounds[:part], bounds[part:]):
        totals.add(steps(loss, correct, chunk))
    assert (totals.count, totals.correct) == (len(loss), np.count_nonzero(correct))
    assert totals.loss_sum == pytest.approx(math.fsum(loss), rel=1e-12, abs=1e-300)


@given(splits())
def test_a_meter_returns_the_mean_over_examples_for_every_split(split):
    loss, _, bounds = split
    meter = Meter()
    for a, b in bounds:
        meter.add(np.float64(loss[a:b].sum()), b - a)
    assert meter.mean() == pytest.approx(math.fsum(loss) / len(loss), rel=1e-12, abs=1e-300)


def test_float32_losses_are_summed_in_float64():
    loss = np.full(4096, 0.1, np.float32)
    totals = Totals()
    totals.add(Steps(loss, None, np.full(4096, 4096)))
    assert totals.loss_sum == pytest.approx(4096 * 4096 * float(np.float32(0.1)), rel=1e-12)
    meter = Meter()
    for value in loss:
        meter.add(value, 1)
    assert meter.mean() == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_without_predictions_there_is_a_loss_but_no_accuracy():
    totals = Totals()
    totals.add(Steps(np.array([2.0, 5.0], np.float32), None, np.array([3, 1])))
    assert (totals.loss, totals.correct, totals.accuracy) == (11 / 4, None, None)


def test_empty_totals_have_neither_loss_nor_accuracy():
    totals = Totals()
    assert (totals.loss, totals.accuracy, totals.count) == (None, None, 0)


def test_no_correct_prediction_is_an_accuracy_of_zero():
    totals = Totals()
    totals.add(Steps(np.array([1.0]), np.array([0]), np.array([5])))
    assert (totals.correct, totals.accuracy) == (0, 0.0)


def test_counts_beyond_float32_are_exact():
    totals = Totals()
    for _ in range(3):
        totals.add(Steps(np.array([0.0]), np.array([2**24 + 1]), np.array([2**24 + 3])))
    assert (totals.correct, totals.count) == (3 * (2**24 + 1), 3 * (2**24 + 3))


def test_the_added_steps_are_not_modified():
    given_steps = Steps(np.array([1.0, 2.0], np.float32), np.array([1, 0]), np.array([2, 1]))
    Totals().add(given_steps)
    assert given_steps.loss.dtype == np.float32
    np.testing.assert_array_equal(given_steps.loss, [1, 2])
    np.testing.assert_array_equal(given_steps.examples, [2, 1])


def test_a_meter_reads_its_values_only_in_mean():
    read = []

    class Scalar:
        def __float__(self):
            read.append(1)
            return 3.0

    meter = Meter()
    meter.add(Scalar(), 2)
    assert not read
    assert meter.mean() == 1.5
    assert read
