"""Differences of arrays and of measurements, compared with NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hardmax.errors import ArgumentError
from hardmax.parity.differences import compare, difference
from hardmax.parity.measurement import KINDS, Measurement

FLOATS = st.floats(-1e3, 1e3, width=32)


def test_a_difference_is_relative_to_the_largest_value_of_its_layer():
    one = {"0.weight": np.array([[1.0, -8.0]]), "0.bias": np.array([0.0]), "2.weight": np.ones(1)}
    other = {"0.weight": one["0.weight"], "0.bias": np.array([0.5]), "2.weight": np.array([1.05])}
    result = difference(one, other)
    assert result["absolute"] == 0.5
    # 0.5 / 8 is more than 0.05 / 1.05; relative to the bias alone it would be 1.
    assert (result["relative"], result["array"]) == (0.5 / 8, "0.bias")
    other["2.weight"] = np.array([1.25])
    assert difference(one, other) == {
        "absolute": 0.5,
        "relative": pytest.approx(0.25 / 1.25),
        "array": "2.weight",
    }


@given(st.data(), array_shapes(max_dims=3, max_side=4))
def test_the_difference_of_one_array_agrees_with_numpy(data, shape):
    one, other = (data.draw(arrays(np.float32, shape, elements=FLOATS)) for _ in range(2))
    result = difference({"scores": one}, {"scores": other})
    distance = np.abs(one.astype(np.float64) - other.astype(np.float64)).max()
    largest = np.abs([one, other]).max()
    assert result["absolute"] == distance
    assert result["relative"] == pytest.approx(distance / largest if distance else 0)
    assert result == difference({"scores": other}, {"scores": one})
    assert 0 <= result["relative"] <= 2


@given(arrays(np.float32, (3, 2), elements=FLOATS), st.integers(-20, 20))
def test_the_relative_difference_does_not_depend_on_the_scale(array, exponent):
    other = array * np.float32(1.5) + 1
    one = difference({"scores": array.astype(float)}, {"scores": other.astype(float)})
    scale = 2.0**exponent
    scaled = difference({"scores": array * scale}, {"scores": other * scale})
    assert scaled["relative"] == pytest.approx(one["relative"])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_differ_infinitely(value):
    result = difference({"scores": np.array([1.0, value])}, {"scores": np.array([1.0, value])})
    assert result["absolute"] == result["relative"] == np.inf


@pytest.mark.parametrize("other", [{"b": np.ones(2)}, {"a": np.ones((2, 1))}, {}])
def test_different_names_or_shapes_cannot_be_compared(refused, other):
    with refused(ArgumentError, "names and shapes"):
        difference({"a": np.ones(2)}, other)


@pytest.fixture
def make_measurement():
    """A function that returns a measurement with every array but the scores set to ``value``."""

    def make(framework, value, scores, loss, correct):
        measured = {kind: {"1.weight": np.full((2, 3), value, np.float32)} for kind in KINDS}
        measured["final_scores"] = {"scores": np.array(scores, np.float32)}
        test = {"loss": loss, "accuracy": correct / len(scores)}
        record = {
            "settings": {"framework": framework},
            "environment": {},
            "results": {"test": test},
        }
        epochs = [{"train_loss": 9.0}, {"train_loss": loss / 2}]
        return Measurement(measured, record, epochs, 2**30)

    return make


def test_measurements_are_compared_kind_by_kind(make_measurement):
    one = make_measurement("torch", 1, [[1, 0], [0, 1], [0, 1], [2, 3]], 0.5, 3)
    other = make_measurement("jax", 2, [[1, 0], [1, 0], [0, 1], [3, 2]], 0.75, 1)
    result = compare(one, other)
    assert result["frameworks"] == ["torch", "jax"]
    for kind in KINDS[:-1]:
        assert result[kind] == {"absolute": 1, "relative": 0.5, "array": "1.weight"}
    assert result["final_scores"] == {
        "absolute": 1,
        "relative": pytest.approx(1 / 3),
        "array": "scores",
    }
    assert (result["train_loss"], result["test_loss"]) == (0.125, 0.25)
    assert result["test_accuracy"] == 0.5
    assert (result["same_labels"], result["count"], result["different_labels"]) == (2, 4, [1, 3])


def test_a_measurement_survives_a_round_trip(make_measurement, tmp_path):
    one = make_measurement("torch", 0.1, [[1, 0]], 0.5, 1)
    one.arrays["gradients"]["1.weight"] = np.full((2, 3), 1 / 3)
    one.save(tmp_path / "measured")
    back = Measurement.open(tmp_path / "measured")
    assert (back.record, back.epochs, back.peak_memory) == (one.record, one.epochs, 2**30)
    assert back.arrays["gradients"]["1.weight"].dtype == np.float64
    result = compare(one, back)
    assert [result[kind]["absolute"] for kind in KINDS] == [0] * len(KINDS)
