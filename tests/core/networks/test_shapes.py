"""Shapes, weights and FLOPs follow their formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.errors import ArgumentError
from hardmax.networks.descriptions import from_json, to_json
from hardmax.networks.layers import (
    BatchNorm,
    Concat,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Normalize,
    Pad,
    Pool,
    Residual,
    Resize,
    Sequence,
)
from hardmax.networks.shapes import output_shape, walk, weight_count, weight_shapes

sides = st.integers(1, 12)


def windows(height, width, size, stride, padding):
    """Return the number of windows, vertically and horizontally, according to NumPy."""
    padded = np.zeros((height + 2 * padding, width + 2 * padding))
    views = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
    return views[::stride, ::stride].shape[:2]


@given(sides, sides, st.integers(1, 4), st.integers(1, 5), st.integers(1, 4), st.data())
def test_a_convolution_has_one_pixel_per_window(height, width, channels, kernel, stride, data):
    padding = data.draw(st.integers(0, kernel - 1))
    bias = data.draw(st.booleans())
    layer = Conv(3, kernel, stride, padding, bias=bias)
    if min(height, width) + 2 * padding < kernel:
        with pytest.raises(ArgumentError, match="pixels"):
            walk((layer,), (height, width, channels))
        return
    (place,) = walk((layer,), (height, width, channels))
    expected = windows(height, width, kernel, stride, padding)
    assert place.outputs == (*expected, 3)
    assert place.weight_count == 3 * (channels * kernel**2 + bias)
    products = channels * kernel**2
    additions = products - 1 + bias
    assert place.flops == expected[0] * expected[1] * 3 * (products + additions)


@given(sides, sides, st.integers(1, 5), st.integers(1, 4))
def test_pooling_keeps_the_channels(height, width, size, stride):
    size = min(size, height, width)
    expected = windows(height, width, size, stride, 0)
    for kind in ("max", "average"):
        assert output_shape((Pool(kind, size, stride),), (height, width, 5)) == (*expected, 5)


@given(sides, sides, st.sampled_from([1, 2, 4]))
def test_groups_divide_the_weights(height, width, groups):
    (place,) = walk((Conv(8, 1, groups=groups, bias=False),), (height, width, 4))
    assert place.weight_count == 8 * 4 // groups


def test_nested_layers_are_named_by_their_path():
    network = (
        Sequence((Residual((Conv(2, 1),), (BatchNorm(),)),)),
        Concat(((), (Conv(3, 1, bias=False),))),
        GlobalPool(),
        Linear(4),
    )
    assert weight_shapes(network, (5, 5, 2)) == {
        "0.0.body.0.weight": (2, 2, 1, 1),
        "0.0.body.0.bias": (2,),
        **{
            f"0.0.shortcut.0.{kind}": (2,)
            for kind in ("weight", "bias", "running_mean", "running_var")
        },
        "1.1.0.weight": (3, 2, 1, 1),
        "3.weight": (4, 5),
        "3.bias": (4,),
    }
    assert weight_count(network, (5, 5, 2)) == 6 + 4 + 6 + 24


@pytest.mark.parametrize(
    "network",
    [
        (Linear(2),),
        (Flatten(), Conv(2, 1)),
        (Conv(4, 1, groups=2),),
        (Residual((Conv(2, 1),)),),
        (Concat(((), (Pool("max", 2, 2),))),),
        (Flatten(), BatchNorm()),
        (Flatten(), Resize(3, 3)),
        (Normalize((0.5,), (0.5,)),),
        (Flatten(), Pad((0, 1), (0, 1))),
    ],
)
def test_layers_that_do_not_fit_are_refused_on_one_line(network):
    with pytest.raises(ArgumentError) as refusal:
        walk(network, (4, 4, 3))
    assert "\n" not in str(refusal.value)


def test_images_are_resized_and_padded():
    network = (Resize(7, 9), Normalize((0.5,) * 3, (0.5,) * 3), Pad((1, 2), (0, 4)))
    assert [place.outputs for place in walk(network, (4, 4, 3))] == [
        (7, 9, 3),
        (7, 9, 3),
        (10, 13, 3),
    ]
    assert weight_count(network, (4, 4, 3)) == 0
    assert from_json(to_json(network)) == network
