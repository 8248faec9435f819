"""Networks that compute in 8-bit integers: their weights, their ranges, and what they lose."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import reference
from example_networks import EVERY_LAYER, random_weights
from support import noise

from hardmax.data.datasets import Images
from hardmax.errors import ExportError
from hardmax.export.checking import Expected
from hardmax.export.quantization import check_quantized, quantized
from hardmax.networks.layers import (
    Activation,
    BatchNorm,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Normalize,
    Pad,
    Resize,
)

SHAPE = (6, 6, 3)

NETWORK = (
    *(Resize(8, 8), Normalize((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)), Pad((0, 1), (0, 1))),
    *(Conv(8, 3, 2, bias=False), BatchNorm(1e-3), Activation("relu6"), Flatten(), Linear(4)),
)


def scores(model, images):
    """Return the scores of a quantized network."""
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString())
    pixels = np.moveaxis(images, -1, 1).astype(np.float32) / 255
    return session.run(None, {session.get_inputs()[0].name: pixels})[0]


def operands(model, kind):
    """Return the integers, scale and zero point of the constant inputs of the only node of a kind.

    None stands for an input that is no constant.
    """
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    made = {node.output[0]: node for node in model.graph.node}
    (node,) = (node for node in model.graph.node if node.op_type == kind)
    return [[arrays.get(name) for name in made[value].input] for value in node.input]


def test_weights_are_integers_by_channel_and_batch_norm_is_part_of_them():
    weights = random_weights(NETWORK, SHAPE)
    model = quantized(NETWORK, SHAPE, weights, noise(20, *SHAPE))
    kinds = {node.op_type for node in model.graph.node}
    assert not kinds & {"BatchNormalization", "Pad", "Clip"}
    spread = np.sqrt(weights["4.running_var"].astype(np.float64) + 1e-3)
    factor = (weights["4.weight"] / spread)[:, None, None, None]
    of_layers = {"Conv": weights["3.weight"] * factor, "Gemm": weights["7.weight"]}
    for kind, expected in of_layers.items():
        _, (integers, scale, zero), *_ = operands(model, kind)
        assert integers.dtype == np.int8
        assert not zero.any()
        rest = (*range(1, expected.ndim),)
        np.testing.assert_allclose(scale, np.abs(expected).max(rest) / 127, rtol=1e-5)
        in_units = expected / np.expand_dims(scale, rest)
        assert np.abs(integers - in_units).max() <= 0.501
        assert np.abs(integers).max(rest).min() == 127


def test_ranges_are_those_of_the_given_images():
    weights = random_weights(NETWORK, SHAPE)
    for images in (noise(70, *SHAPE) // 2, noise(70, *SHAPE)):
        model = quantized(NETWORK, SHAPE, weights, images)
        (_, scale, zero), *_ = operands(model, "Conv")
        before = reference.scores(NETWORK[:3], weights, images)
        low, high = min(before.min(), 0), before.max()
        np.testing.assert_allclose(scale, (high - low) / 255, rtol=1e-4)
        assert abs(zero - np.rint(-low / scale)) <= 1
        assert zero.dtype == np.uint8


@pytest.mark.parametrize(
    ("network", "shape"), [(NETWORK, SHAPE), (EVERY_LAYER, (7, 9, 2))], ids=["short", "every"]
)
def test_scores_are_close_to_those_in_float64(network, shape):
    weights = random_weights(network, shape)
    images = noise(200, *shape)
    found = scores(quantized(network, shape, weights, images[:100]), images[100:])
    expected = reference.scores(network, weights, images[100:])
    error = np.abs(found - expected).max() / np.ptp(expected)
    assert 1e-4 < error < 0.05
    assert len(np.unique(found)) > 256  # scores themselves are no integers of 8 bits


def test_scores_after_a_pool_are_no_integers_of_8_bits():
    network = (Conv(4, 3), GlobalPool())
    images = noise(100, *SHAPE)
    found = scores(quantized(network, SHAPE, random_weights(network, SHAPE), images), images)
    assert len(np.unique(found)) > 256


@pytest.fixture
def expected():
    """Answers of a run on 100 images, of which it is right about 90."""
    labels = np.arange(100) % 2
    probabilities = np.where(np.eye(2)[labels] > 0, 0.75, 0.25)
    labels = np.where(np.arange(100) < 90, labels, 1 - labels)
    return Expected("runs/it", Images(noise(100, 2, 2, 1), labels), probabilities)


def test_the_accuracy_of_the_file_is_measured(expected):
    labels = expected.probabilities.argmax(axis=1)
    labels[0] = 1 - labels[0]  # now wrong
    labels[95:97] = 1 - labels[95:97]  # now right
    probabilities = expected.probabilities + np.array([0.125, -0.125])
    checked = check_quantized(expected, probabilities, labels)
    assert checked.as_dict() == {
        "examples": 100,
        "labels": 97,
        "difference": 0.125,
        "accuracy": 0.91,
        "run_accuracy": 0.9,
    }
    weights = np.where(np.arange(100) == 0, 101.0, 1.0)
    heavy = replace(expected, examples=replace(expected.examples, weights=weights))
    with pytest.raises(ExportError, match=r"accuracy 0\.4550, that of the run 0\.9500"):
        check_quantized(heavy, probabilities, labels)


@pytest.mark.parametrize(("wrong", "is_refused"), [(2, False), (3, True)])
def test_a_file_may_lose_two_hundredths_of_accuracy(expected, wrong, is_refused):
    labels = expected.probabilities.argmax(axis=1)
    labels[:wrong] = 1 - labels[:wrong]
    if is_refused:
        with pytest.raises(ExportError, match=r"runs/it loses .* more than 0\.02; of 100 test"):
            check_quantized(expected, expected.probabilities, labels)
    else:
        assert check_quantized(expected, expected.probabilities, labels).labels == 100 - wrong
