"""Learning rates follow their formulas, and invalid recipes are refused."""

from math import ceil, cos, log2, nan, pi

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
        if schedule == "coslog4":
            progress = (step - warmup_steps + 0.5) / (steps - warmup_steps)
            return (1 - cos(2 * pi * log2(1 + 15 * progress))) / 2
        if schedule == "one-cycle":
            progress = (step - warmup_steps + 0.5) / (steps - warmup_steps)
            if progress < 0.25:
                return 4 * progress
            return (1 + cos(pi * (4 * progress - 1) / 3)) / 2
        return 1

    steps = batches * epochs
    warmup_steps = min(ceil(warmup * batches), steps)
    rates = Recipe(lr, schedule=schedule, warmup=warmup).rates(batches, epochs)
    assert rates.dtype == np.float32
    expected = [lr * factor(step) for step in range(steps)]
    np.testing.assert_allclose(rates, expected, rtol=1e-6, atol=1e-7 * lr)


def test_coslog4_has_four_cycles_each_twice_as_long_as_the_last():
    rates = Recipe(1.0, schedule="coslog4").rates(1500, 1)
    peaks = [i for i in range(1, 1499) if rates[i - 1] < rates[i] >= rates[i + 1]]
    lows = [i for i in range(1, 1499) if rates[i - 1] > rates[i] <= rates[i + 1]]
    assert len(peaks) == 4
    np.testing.assert_allclose(lows, [100, 300, 700], atol=1)
    assert max(rates) == pytest.approx(1, abs=1e-4)
    assert min(rates) > 0


def test_one_cycle_rises_for_a_quarter_of_the_steps_then_falls():
    rates = Recipe(2.0, schedule="one-cycle").rates(100, 4)
    assert rates.argmax() in (99, 100)
    assert max(rates) == pytest.approx(2, abs=0.02)
    assert (np.diff(rates[:100]) > 0).all()
    assert (np.diff(rates[100:]) < 0).all()
    assert 0 < rates[0] < 0.02
    assert 0 < rates[-1] < 0.001


@given(st.sampled_from(["adamw", "adamw-ntk"]), st.integers(1, 40), st.integers(1, 5))
def test_decoupled_weight_decay_follows_the_formula(optimizer, batches, epochs):
    recipe = Recipe(0.5, optimizer, weight_decay=0.25, schedule="cosine")
    rates, decays = recipe.rates(batches, epochs), recipe.decays(batches, epochs)
    assert (decays.dtype, decays.shape) == (np.float32, (batches * epochs,))
    for step, (rate, decay) in enumerate(zip(rates, decays, strict=True)):
        late = max(0, (2 * step + 1) / len(rates) - 1)
        factor = (1 + cos(pi * late)) / 2 if optimizer == "adamw-ntk" else 1
        assert decay == pytest.approx(0.25 * factor * rate, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(
    ("optimizer", "lr"), [("sgd", 0.1), ("adam", 0.001), ("adamw", 0.001), ("adamw-ntk", 0.04)]
)
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
        *({"label_smoothing": value} for value in (-0.1, 1, nan)),
    ],
)
def test_invalid_settings_are_refused(settings):
    with pytest.raises(ArgumentError) as refusal:
        Recipe(**settings)
    assert "\n" not in str(refusal.value)
