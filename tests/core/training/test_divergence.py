"""Divergence is told from the loss and that of the first batch."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.errors import DivergenceError
from hardmax.training.divergence import GROWTH, check_loss
from hardmax.training.recipes import Recipe


@given(st.floats(0, 1e30), st.floats(0, 1e30))
def test_a_loss_may_grow_but_not_beyond_the_precision_of_float32(loss, first):
    if loss <= 2**24 * max(first, 1):
        check_loss(loss, first, 1)
    else:
        with pytest.raises(DivergenceError, match=r"in epoch 1 \(.* at the start\); try a smaller"):
            check_loss(loss, first, 1)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_a_divergence(loss):
    with pytest.raises(DivergenceError, match=f"became {loss} in epoch 3; try a smaller"):
        check_loss(loss, 1.0, 3)


@pytest.mark.parametrize("first", [math.nan, math.inf])
def test_a_first_loss_that_is_not_finite_points_to_the_data(first):
    with pytest.raises(DivergenceError, match="before the first step; look for NaN"):
        check_loss(first, first, 1)


def test_the_learning_rate_is_named_if_it_is_known():
    with pytest.raises(DivergenceError, match=r"learning rate than 5, such as 0\.5, or"):
        check_loss(2 * GROWTH, 1.0, 1, lr=5)


@pytest.mark.parametrize(
    ("recipe", "rate"),
    [
        (Recipe(1e30), 0.1),
        (Recipe(0.1), 0.01),
        (Recipe(0.05), 0.005),
        (Recipe(1.0, "adam"), 0.001),
        (Recipe(0.001, "adamw"), 0.0001),
    ],
)
def test_the_rate_to_try_is_the_default_or_a_tenth(recipe, rate):
    assert recipe.smaller_rate == pytest.approx(rate)
