"""Running sums of several quantities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.d2l.accumulator import Accumulator
from hardmax.errors import ArgumentError


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))))
def test_an_accumulator_keeps_separate_sums(rows):
    sums = Accumulator(2)
    for row in rows:
        sums.add(*row)
    assert sums[0] == sum(a for a, _ in rows)
    assert sums[1] == sum(b for _, b in rows)


def test_an_accumulator_takes_scalar_arrays_and_can_be_reset():
    sums = Accumulator(3)
    sums.add(np.float32(0.5), np.array(2), True)
    assert [sums[0], sums[1], sums[2]] == [0.5, 2, 1]
    assert isinstance(sums[1], float)
    sums.reset()
    assert sums.data == [0, 0, 0]
    sums.add(1, 1, 1)
    assert sums[-1] == 1


@pytest.mark.parametrize("numbers", [(), (1,), (1, 2, 3)])
def test_the_wrong_number_of_values_is_refused_and_changes_nothing(numbers):
    sums = Accumulator(2)
    sums.add(1, 2)
    with pytest.raises(ArgumentError, match=rf"takes 2 numbers .* got {len(numbers)}"):
        sums.add(*numbers)
    assert sums.data == [1, 2]
