"""The bins of the piecewise linear encoding of features."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.errors import ArgumentError
from hardmax.networks.descriptions import from_json, to_json
from hardmax.networks.quantiles import quantile_bins
from hardmax.networks.shapes import output_shape

NUMBERS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40)
TINY = float(np.finfo(np.float32).smallest_subnormal)


def test_bins_have_as_many_rows_each():
    values = np.random.default_rng(0).standard_normal((1001, 2)).astype(np.float32)
    layer = quantile_bins(values, [1], 10)
    assert layer.features == (1,) * 10
    counts = np.histogram(values[:, 1], [*layer.lows, layer.highs[-1]])[0]
    np.testing.assert_array_equal(counts, [100] * 9 + [101])


@given(NUMBERS, st.integers(2, 12))
def test_bins_are_adjacent_and_begin_and_end_with_the_values(values, bins):
    column = np.array(values, np.float32)[:, None]
    layer = quantile_bins(column, [0], bins)
    if layer is None:
        return
    assert len(layer.features) <= bins
    assert layer.lows[1:] == layer.highs[:-1]
    assert layer.lows[0] == column.min()
    assert layer.highs[-1] == pytest.approx(column.max(), abs=1e-5 * float(np.ptp(column)))
    assert np.isfinite(np.array(layer.slopes, np.float32)).all()
    assert {*layer.lows, *layer.highs} <= {*column[:, 0].tolist()}
    assert from_json(to_json((layer,))) == (layer,)


def test_few_values_have_a_bin_between_each_two():
    column = np.repeat(np.arange(4, dtype=np.float32), [1, 50, 3, 200])[:, None]
    layer = quantile_bins(column, [0], 500)
    assert (layer.lows, layer.highs) == ((0, 1, 2), (1, 2, 3))


@pytest.mark.parametrize("values", [[0, TINY, 1], [-TINY, 0, TINY], [1, 1 + 1e-7, 4]])
def test_bounds_that_are_too_close_are_one(values):
    assert quantile_bins(np.array(values, np.float32)[:, None], [0], 8) is None


def test_features_of_two_values_have_no_bins():
    values = np.array([[0, 5], [1, 5], [1, 5]], np.float32)
    assert quantile_bins(values, [0, 1], 8) is None


def test_features_that_are_not_there_are_refused(refused):
    layer = quantile_bins(np.arange(9, dtype=np.float32).reshape(3, 3), [2], 2)
    assert output_shape((layer,), (3,)) == (5,)
    with refused(ArgumentError, "feature 2"):
        output_shape((layer,), (2,))
    with pytest.raises(ArgumentError, match="such as the rows of a table"):
        output_shape((layer,), (3, 3, 1))
