"""EfficientNet-Lite0 pads its images as TensorFlow does."""

import pytest

from hardmax.networks.catalog import make
from hardmax.networks.layers import Conv, GlobalPool, Pad
from hardmax.networks.shapes import output_shape, walk


def padded(side, kernel, stride):
    """Return the zeros (before, after) of TensorFlow's padding SAME, by its documentation."""
    outputs = -(-side // stride)
    zeros = max((outputs - 1) * stride + kernel - side, 0)
    return zeros // 2, zeros - zeros // 2


@pytest.mark.parametrize("shape", [(224, 224, 3), (225, 224, 3), (64, 95, 1), (1, 1, 3)])
def test_every_convolution_is_padded_like_same(shape):
    places = walk(make("efficientnet-lite0", shape, 10), shape)
    assert sum(isinstance(place.layer, Conv) for place in places) == 49
    before = None
    for place in places:
        if isinstance(place.layer, Conv):
            kernel, stride, own = place.layer.kernel, place.layer.stride, place.layer.padding
            image, rows, columns = place.inputs, (own, own), (own, own)
            if before is not None and isinstance(before.layer, Pad):
                image, rows, columns = before.inputs, before.layer.rows, before.layer.columns
            assert rows == padded(image[0], kernel, stride)
            assert columns == padded(image[1], kernel, stride)
            assert place.outputs[:2] == (-(-image[0] // stride), -(-image[1] // stride))
        before = place
    pooled = next(place for place in places if isinstance(place.layer, GlobalPool))
    assert pooled.inputs == (-(-shape[0] // 32), -(-shape[1] // 32), 1280)
    assert output_shape(make("efficientnet-lite0", shape, 7), shape) == (7,)
