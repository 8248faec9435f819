"""Learning rates follow their formulas, and invalid recipes are refused."""

from math import ceil, cos, nan, pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.errors import ArgumentError
from hardmax.training.recipes import SCHEDULES, Recipe


@given(
    st.sampled_from(SCHEDULES),
    st.integers(1, 20),
    st.integers(1, 12),
    st.floats(0, 15),
    st.floats(1e-4, 10),
)
def test_rates_follow_the_formula(schedule, batches, epochs, warmup, lr):
    def factor(step):
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        if schedule == "step":
            return 0.1 ** ((step >= steps // 2) + (step >= steps * 3 // 4))
        if schedule == "cosine":
            return (1 + cos(pi * (step - warmup_steps) / (steps - warmup_steps))) / 2
        return 1

    steps = batches * epochs
    warmup_steps = min(ceil(warmup * batches), steps)
    rates = Recipe(lr, schedule=schedule, warmup=warmup).rates(batches, epochs)
    assert rates.dtype == np.float32
    expected = [lr * factor(step) for step in range(steps)]
    np.testing.assert_allclose(rates, expected, rtol=1e-6, atol=1e-7 * lr)


@pytest.mark.parametrize(("optimizer", "lr"), [("sgd", 0.1), ("adam", 0.001), ("adamw", 0.001)])
def test_the_default_rate_depends_on_the_optimizer(optimizer, lr):
    assert Recipe(optimizer=optimizer).lr == lr


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "rmsprop"},
        {"schedule": "linear"},
        *({"lr": lr} for lr in (0, -1, nan, 1e39)),
        *({"momentum": momentum} for momentum in (-0.1, 1, nan)),
        {"momentum": 0.9, "optimizer": "adam"},
        *({name: value} for name in ("weight_decay", "warmup") for value in (-1, nan, 1e39)),
    ],
)
def test_invalid_settings_are_refused(settings):
    with pytest.raises(ArgumentError) as refusal:
        Recipe(**settings)
    assert "\n" not in str(refusal.value)
