"""The stopwatch, compared with the clock that it reads and with arithmetic."""

import math
import time
from itertools import accumulate

import pytest

from hardmax.d2l.timing import Timer


def measured():
    """A timer with three recorded times, and bounds on each of them."""
    timer, bounds = Timer(), []
    for _ in range(3):
        before = time.perf_counter()
        timer.start()
        started = time.perf_counter()
        sum(range(1000))
        stopping = time.perf_counter()
        seconds = timer.stop()
        bounds.append((stopping - started, seconds, time.perf_counter() - before))
    return timer, bounds


def test_each_time_is_between_clock_readings_inside_and_outside():
    timer, bounds = measured()
    assert len(timer.times) == 3
    for inner, seconds, outer in bounds:
        assert inner <= seconds <= outer


def test_stop_returns_the_recorded_times():
    timer, bounds = measured()
    assert timer.times == [seconds for _, seconds, _ in bounds]


def test_a_timer_starts_on_construction():
    timer = Timer()
    started = time.perf_counter()
    time.sleep(0.001)
    stopping = time.perf_counter()
    assert timer.stop() >= stopping - started > 0


def test_stopping_again_measures_from_the_same_start():
    timer = Timer()
    assert timer.stop() <= timer.stop()


def test_sum_mean_and_running_sums_agree_with_the_times():
    timer, _ = measured()
    assert timer.sum() == pytest.approx(math.fsum(timer.times))
    assert timer.avg() == pytest.approx(math.fsum(timer.times) / 3)
    assert timer.cumsum() == pytest.approx(list(accumulate(timer.times)))
    assert isinstance(timer.cumsum(), list)
