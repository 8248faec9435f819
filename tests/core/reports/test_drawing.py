"""Drawings: round numbers at the axes, and their numbers as CSV."""

import base64
import csv
import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.reports.curves import training_curves
from hardmax.reports.drawing import UNIT, Range, csv_url, curve, whole_ticks
from hardmax.training.recipes import Recipe


def read_csv(url):
    kind, _, data = url.partition(",")
    assert kind == "data:text/csv;charset=utf-8;base64"
    return [*csv.reader(io.StringIO(base64.b64decode(data).decode()))]


@given(st.floats(1e-30, 1e300))
def test_an_axis_of_losses_ends_at_a_round_number_that_is_not_far(highest):
    found = Range.up_to(highest)
    assert found.low == 0
    assert highest * (1 - 1e-8) <= found.high <= 2.6 * highest
    digits = f"{found.high / 5:.6e}".partition("e")[0]
    assert float(digits) in (1, 2, 2.5, 5)


@given(st.floats(0, 1), st.floats(0, 1))
def test_an_axis_of_shares_has_tenths_around_them(one, other):
    low, high = sorted([one, other])
    found = Range.of_shares(low, high)
    assert found.low <= low <= high <= found.high + 1e-12
    assert found.high - found.low >= 0.1 - 1e-12
    assert found.low == pytest.approx(round(10 * found.low) / 10)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.6, 1, [0.6, 0.7, 0.8, 0.9, 1]),
        (0.7, 1, [0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1]),
        (0.9, 1, [0.9, 0.92, 0.94, 0.96, 0.98, 1]),
        (0, 2.5, [0, 0.5, 1, 1.5, 2, 2.5]),
        (0, 1.25e-4, [0, 2.5e-5, 5e-5, 7.5e-5, 1e-4, 1.25e-4]),
    ],
)
def test_ticks_are_round_numbers(low, high, ticks):
    assert Range(low, high).ticks == pytest.approx(ticks)


@given(st.integers(1, 10**6))
def test_epochs_are_whole_numbers_at_even_distances(last):
    ticks = whole_ticks(last)
    assert all(tick.is_integer() for tick in ticks)
    assert ticks[0] == 0
    assert ticks[-1] <= last
    assert 2 <= len(ticks) <= 8
    assert len({b - a for a, b in itertools.pairwise(ticks)}) == 1


def test_numbers_are_written_as_csv_with_names_as_they_are():
    name = 'a "b", <c>\nd; größer'
    found = read_csv(csv_url(("curve", "x"), [(name, 0.1234567), ("b", "text"), ("c", 3)]))
    assert found == [["curve", "x"], [name, "0.123457"], ["b", "text"], ["c", "3"]]


def test_a_long_curve_is_sampled_by_the_lengths_that_are_drawn():
    xs = np.arange(100_000.0)
    ys = np.where(xs < 50_000, 0.0, 1e-4)
    found = curve("a", xs, ys, across=Range(0, 1e5), up=Range(0, 1e-4))
    # The jump is as high as the drawing is wide, and has half of the points, which are one.
    assert [sum(y == level for _, y in found.numbers) for level in (0, 1e-4)] == pytest.approx(
        [50, 50], abs=2
    )
    assert found.numbers[0] == (0, 0)
    assert found.numbers[-1] == (99_999, 1e-4)


def epochs(count):
    keys = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
    return [dict.fromkeys(keys, 0.5 + 0.01 * i) | {"epoch": i} for i in range(1, count + 1)]


def test_the_learning_rate_is_drawn_as_it_was():
    settings = {"lr": 0.2, "schedule": "cosine", "warmup": 1, "batch_size": 30, "epochs": 8}
    record = {"settings": settings, "data": {"train": 100}}
    *_, rate = training_curves(record, epochs(5), "test")
    assert rate.title == "Learning rate"
    assert rate.x_ticks == (0, 1, 2, 3, 4, 5)
    truth = Recipe(lr=0.2, schedule="cosine", warmup=1).rates(4, 8)
    drawn = dict(rate.curves[0].numbers)
    assert [*drawn] == [step / 4 for step in range(20)]
    np.testing.assert_allclose([*drawn.values()], truth[:20])
    assert rate.up == UNIT._replace(high=pytest.approx(0.25))
    header, first, *_ = read_csv(rate.csv)
    assert header == ["curve", "epoch", "learning rate"]
    assert first == ["learning rate", "0", f"{truth[0]:.6g}"]
    assert rate.file == "learning-rate.csv"


def test_a_constant_learning_rate_is_not_drawn():
    record = {"settings": {"lr": 0.2, "momentum": 0.9}, "data": {"train": 100}}
    assert [one.title for one in training_curves(record, epochs(2), "test")] == [
        "Loss by epoch",
        "Accuracy by epoch",
    ]
