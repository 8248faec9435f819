"""Differences of arrays and of measurements, against NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hardmax.errors import ArgumentError
from hardmax.parity.differences import compare, difference
from hardmax.parity.measurement import KINDS, Measurement

FLOATS = st.floats(-1e3, 1e3, width=32)


def test_a_difference_is_told_in_proportion_to_the_largest_entry_of_its_layer():
    one = {"0.weight": np.array([[1.0, -8.0]]), "0.bias": np.array([0.0]), "2.weight": np.ones(1)}
    other = {"0.weight": one["0.weight"], "0.bias": np.array([0.5]), "2.weight": np.array([1.05])}
    found = difference(one, other)
    assert found["absolute"] == 0.5
    # 0.5 of 8 is more than 0.05 of 1.05; of the bias's own size it would have been all.
    assert (found["relative"], found["array"]) == (0.5 / 8, "0.bias")
    other["2.weight"] = np.array([1.25])
    assert difference(one, other) == {
        "absolute": 0.5,
        "relative": pytest.approx(0.25 / 1.25),
        "array": "2.weight",
    }


@given(st.data(), array_shapes(max_dims=3, max_side=4))
def test_one_array_is_compared_as_numpy_would(data, shape):
    one, other = (data.draw(arrays(np.float32, shape, elements=FLOATS)) for _ in range(2))
    found = difference({"scores": one}, {"scores": other})
    distance = np.abs(one.astype(np.float64) - other.astype(np.float64)).max()
    largest = np.abs([one, other]).max()
    assert found["absolute"] == distance
    assert found["relative"] == pytest.approx(distance / largest if distance else 0)
    assert found == difference({"scores": other}, {"scores": one})
    assert 0 <= found["relative"] <= 2


@given(arrays(np.float32, (3, 2), elements=FLOATS), st.integers(-20, 20))
def test_the_relative_difference_does_not_know_the_unit(array, exponent):
    other = array * np.float32(1.5) + 1
    one = difference({"scores": array.astype(float)}, {"scores": other.astype(float)})
    unit = 2.0**exponent
    scaled = difference({"scores": array * unit}, {"scores": other * unit})
    assert scaled["relative"] == pytest.approx(one["relative"])


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_what_is_not_finite_differs_without_bound(odd):
    found = difference({"scores": np.array([1.0, odd])}, {"scores": np.array([1.0, odd])})
    assert found["absolute"] == found["relative"] == np.inf


@pytest.mark.parametrize("other", [{"b": np.ones(2)}, {"a": np.ones((2, 1))}, {}])
def test_other_names_or_shapes_cannot_be_compared(refused, other):
    with refused(ArgumentError, "names and shapes"):
        difference({"a": np.ones(2)}, other)


@pytest.fixture
def make_measurement():
    """A function that returns a measurement in which everything is ``value``, but the scores."""

    def make(framework, value, scores, loss, correct):
        measured = {kind: {"1.weight": np.full((2, 3), value, np.float32)} for kind in KINDS}
        measured["final_scores"] = {"scores": np.array(scores, np.float32)}
        test = {"loss": loss, "accuracy": correct / len(scores)}
        record = {"asked": {"framework": framework}, "results": {"test": test}}
        epochs = [{"train_loss": 9.0}, {"train_loss": loss / 2}]
        return Measurement(measured, record, epochs, 2**30)

    return make


def test_measurements_are_compared_kind_by_kind(make_measurement):
    one = make_measurement("torch", 1, [[1, 0], [0, 1], [0, 1], [2, 3]], 0.5, 3)
    other = make_measurement("jax", 2, [[1, 0], [1, 0], [0, 1], [3, 2]], 0.75, 1)
    found = compare(one, other)
    assert found["frameworks"] == ["torch", "jax"]
    for kind in KINDS[:-1]:
        assert found[kind] == {"absolute": 1, "relative": 0.5, "array": "1.weight"}
    assert found["final_scores"] == {
        "absolute": 1,
        "relative": pytest.approx(1 / 3),
        "array": "scores",
    }
    assert (found["train_loss"], found["test_loss"]) == (0.125, 0.25)
    assert found["test_accuracy"] == 0.5
    assert (found["same_labels"], found["count"], found["other_labels"]) == (2, 4, [1, 3])


def test_a_measurement_comes_back_from_its_file(make_measurement, tmp_path):
    one = make_measurement("torch", 0.1, [[1, 0]], 0.5, 1)
    one.arrays["gradients"]["1.weight"] = np.full((2, 3), 1 / 3)
    one.save(tmp_path / "measured")
    back = Measurement.open(tmp_path / "measured")
    assert (back.record, back.epochs, back.peak_memory) == (one.record, one.epochs, 2**30)
    assert back.arrays["gradients"]["1.weight"].dtype == np.float64
    found = compare(one, back)
    assert [found[kind]["absolute"] for kind in KINDS] == [0] * len(KINDS)
