"""When states are saved: every so many minutes, at the ends of epochs, and in what pieces."""

import math
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardmax.errors import RunError
from hardmax.processes.group import Group
from hardmax.training import saving
from hardmax.training.loaders import chunks
from hardmax.training.saving import FIRST, SHARE, Saving

here = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class Clock:
    """A clock that goes on only when it is told to."""

    now = 1000.0

    def monotonic(self):
        return self.now


class Memory:
    """A store of states in memory; saving one takes ``cost`` seconds, or fails for a reason."""

    reason = None
    is_closing = False

    def __init__(self, clock, cost):
        self.clock, self.cost, self.states = clock, cost, []

    def save(self, state):
        self.clock.now += self.cost
        if self.reason:
            raise RunError(self.reason)
        self.states.append(state)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(saving, "time", clock)
    return clock


class Fit:
    """A fit whose state is the time in seconds and the number of batches of the epoch so far."""

    def __init__(self, clock, minutes, step=1, cost=0.0):
        self.clock, self.done = clock, 0
        self.start = clock.now
        self.store = Memory(clock, cost)
        self.saving = Saving(self.store, minutes, self.state, step, Group())

    def state(self):
        return self.clock.now - self.start, self.done

    def epoch(self, count, batch_seconds, parts=1):
        """Train for an epoch of ``count`` batches in ``parts`` chunks; return its pieces."""
        self.done, pieces = 0, []
        for piece in chunks(range(count), parts, 0, self.saving.piece_end):
            batches = len([*piece])
            self.clock.now += batches * batch_seconds
            pieces.append(batches)
            self.done += batches
            self.saving.after_piece(
                self.done,
                batches=batches,
                seconds=batches * batch_seconds,
                ends_epoch=self.done == count,
            )
        return pieces


def test_the_first_piece_is_short_and_the_others_last_until_a_state_is_due(clock):
    fit = Fit(clock, minutes=2)
    assert fit.epoch(1000, 0.5) == [FIRST, 240 - FIRST, 240, 240, 240, 40]
    assert fit.store.states == [(120, 240), (240, 480), (360, 720), (480, 960)]


def test_the_pace_of_the_last_piece_is_that_of_the_next(clock):
    fit = Fit(clock, minutes=1)
    fit.epoch(100, 0.1)
    assert fit.epoch(300, 1.0) == [300]  # 50 seconds were left, and a batch had taken 0.1
    assert fit.epoch(300, 1.0) == [60, 60, 60, 60, 60]


def test_time_that_is_spent_between_pieces_counts_as_well(clock):
    fit = Fit(clock, minutes=1)
    fit.epoch(FIRST, 1.0)
    clock.now += 30  # as for validation
    assert fit.epoch(100, 1.0) == [60 - 30 - FIRST, 60, 100 - 60 - 22]


@pytest.mark.parametrize(
    ("step", "pieces"), [(1, [8, 2, 10, 10, 10]), (16, [16, 16, 8]), (64, [40])]
)
def test_pieces_end_after_multiples_of_the_step(clock, step, pieces):
    fit = Fit(clock, minutes=1, step=step)
    assert fit.epoch(40, 6.0) == pieces


def test_pieces_end_with_chunks_which_need_not_be_multiples_of_the_step(clock):
    fit = Fit(clock, minutes=0.1, step=64)
    assert fit.epoch(300, 1.0, parts=2) == [64, 64, 22, 42, 64, 44]
    # The end of an epoch is none either, but no batch follows that would have to be seeded.
    assert [done for _, done in fit.store.states] == [64, 128, 192, 256, 300]


def test_with_a_tiny_interval_each_batch_is_a_piece_and_each_piece_is_saved(clock):
    fit = Fit(clock, minutes=1e-9)
    assert fit.epoch(20, 0.1) == [FIRST] + 12 * [1]
    fit.saving.after_epoch(is_last=False)
    assert fit.epoch(5, 0.1) == 5 * [1]
    assert len(fit.store.states) == 13 + 1 + 5


@pytest.mark.parametrize("minutes", [math.inf, 1e308])
def test_with_an_infinite_interval_only_the_ends_of_epochs_are_saved(clock, minutes):
    fit = Fit(clock, minutes)
    assert fit.epoch(100, 1e6) == [FIRST, 100 - FIRST]
    assert fit.epoch(100, 1e6) == [100]
    assert fit.store.states == []
    fit.saving.after_epoch(is_last=False)
    assert [done for _, done in fit.store.states] == [100]


def test_batches_that_take_no_time_are_one_piece(clock):
    fit = Fit(clock, minutes=5)
    assert fit.epoch(10_000, 0.0) == [FIRST, 10_000 - FIRST]


@here
@given(
    st.integers(1, 600),
    st.integers(1, 5),
    st.sampled_from([1, 3, 64]),
    st.floats(0.01, 100),
    st.floats(0.001, 10),
    st.floats(0, 100),
)
def test_states_are_saved_when_they_are_due(clock, count, parts, step, minutes, batch, cost):
    fit = Fit(clock, minutes, step, cost)
    epochs = [fit.epoch(count, batch, parts) for _ in range(3)]
    assert {sum(pieces) for pieces in epochs} == {count}
    assert all(done % step == 0 or done == count for _, done in fit.store.states)
    # The first piece does not know the pace; that of an epoch whose chunk ends is cut off.
    late = (2 * step + FIRST) * batch
    times = [0, *(time for time, _ in fit.store.states)]
    for before, after in pairwise(times):
        gap = after - before - (cost if before else 0)
        assert 60 * minutes * (1 - 1e-9) <= gap <= 60 * minutes + late


@pytest.mark.parametrize("cost", [0.5, 3.0])
def test_after_short_epochs_it_is_saved_if_that_takes_a_small_share_of_the_time(clock, cost):
    fit = Fit(clock, minutes=60, cost=cost)
    for epoch in range(100):
        fit.epoch(10, 1.0)
        fit.saving.after_epoch(is_last=epoch == 99)
    # What saving takes is not known before the first time, and the end is always saved.
    every = math.ceil(cost / SHARE / 10)
    epochs = [round((time - i * cost) / 10) for i, (time, _) in enumerate(fit.store.states)]
    assert epochs == sorted({*range(1, 101, every), 100})
    share = cost * (len(epochs) - 2) / (epochs[-2] * 10)
    assert share <= SHARE


def test_after_an_epoch_it_is_saved_if_that_is_due_whatever_it_takes(clock):
    fit = Fit(clock, minutes=1, cost=1000.0)
    for _ in range(3):
        fit.saving.after_piece(7, batches=7, seconds=0.0, ends_epoch=False)
        clock.now += 61
        fit.saving.after_epoch(is_last=False)
    assert len(fit.store.states) == 3


def test_a_save_that_fails_is_told_once_until_one_succeeds(clock):
    fit = Fit(clock, minutes=1)
    for reason in ("the disk is full", "the folder is gone"):
        fit.store.reason = reason
        with pytest.warns(
            UserWarning, match=f"the state of the fit was not saved: {reason}"
        ) as told:
            fit.epoch(300, 1.0)
        assert len(told) == 1
        assert "\n" not in str(told[0].message)
        fit.store.reason = None
        fit.epoch(61, 1.0)
    assert len(fit.store.states) == 2


def test_a_save_that_fails_is_tried_again_only_when_the_next_is_due(clock):
    fit = Fit(clock, minutes=1)
    fit.store.reason = "the disk is full"
    with pytest.warns(UserWarning, match="full"):
        pieces = fit.epoch(180, 1.0)
    assert pieces == [FIRST, 60 - FIRST, 60, 60]


def test_a_store_that_is_closing_gets_a_state_as_soon_as_possible(clock):
    fit = Fit(clock, minutes=60, step=16)
    fit.store.is_closing = True
    fit.epoch(100, batch_seconds=1.0, parts=10)
    assert [done for _, done in fit.store.states] == [80, 100]
    fit.saving.after_epoch(is_last=False)
    assert len(fit.store.states) == 3
