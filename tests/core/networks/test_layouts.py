"""Conversion of weights to channels-last layout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.errors import RunError
from hardmax.networks.layers import Activation, Flatten, Linear
from hardmax.networks.layouts import check_fit, from_channels_last, to_channels_last
from hardmax.networks.shapes import weight_shapes

sizes = st.integers(1, 4)


def random_weights(network, shape):
    generator = np.random.default_rng(0)
    shapes = weight_shapes(network, shape)
    return {name: generator.standard_normal(size) for name, size in shapes.items()}


@given(shape=st.tuples(sizes, sizes, sizes), hidden=sizes, classes=sizes)
def test_channels_first_and_last_give_the_same_scores(shape, hidden, classes):
    network = (Flatten(), Activation("relu"), Linear(hidden), Activation("relu"), Linear(classes))
    weights = random_weights(network, shape)
    images = np.random.default_rng(1).standard_normal((3, *shape))

    first = images.transpose(0, 3, 1, 2).reshape(3, -1)
    first = np.maximum(first, 0) @ weights["2.weight"].T + weights["2.bias"]
    first = np.maximum(first, 0) @ weights["4.weight"].T + weights["4.bias"]

    converted = to_channels_last(network, shape, weights)
    last = np.maximum(images.reshape(3, -1), 0) @ converted["2.weight"] + converted["2.bias"]
    last = np.maximum(last, 0) @ converted["4.weight"] + converted["4.bias"]
    np.testing.assert_allclose(first, last)

    back = from_channels_last(network, shape, converted)
    assert back.keys() == weights.keys()
    for name, value in weights.items():
        np.testing.assert_array_equal(back[name], value)


def test_the_callers_weights_are_unchanged():
    network = (Flatten(), Linear(2))
    weights = random_weights(network, (2, 2, 3))
    before = {name: value.copy() for name, value in weights.items()}
    to_channels_last(network, (2, 2, 3), weights)
    from_channels_last(network, (2, 2, 3), {**weights, "1.weight": weights["1.weight"].T})
    for name, value in before.items():
        np.testing.assert_array_equal(weights[name], value)


def test_weights_must_match_by_name_and_shape():
    weights = {"w": np.zeros((2, 3)), "b": np.zeros(2)}
    check_fit({"w": (2, 3), "b": (2,)}, weights)
    check_fit({"w": None, "b": (2,)}, weights)
    with pytest.raises(RunError, match=r"missing \['c'\], unknown none"):
        check_fit({"w": (2, 3), "b": (2,), "c": (1,)}, weights)
    with pytest.raises(RunError, match=r"missing none, unknown \['b'\]"):
        check_fit({"w": (2, 3)}, weights)
    with pytest.raises(RunError, match=r"w must have shape \(3, 2\), got \(2, 3\)"):
        check_fit({"w": (3, 2), "b": (2,)}, weights)
