"""Networks are divided behind their last feature map, and activation maps follow their formula."""

import numpy as np
import pytest
import reference
from support import noise

from hardmax.networks import catalog
from hardmax.networks.activation_maps import Part, activation_maps, halves
from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import (
    Activation,
    BatchNorm,
    Conv,
    Ensemble,
    Flatten,
    GlobalPool,
    Linear,
    Normalize,
    Pool,
)
from hardmax.networks.pretrained import pretrained_network


def divided(network, shape):
    whole = Part(network, shape, initial_weights(network, shape, 0))
    return whole, [*halves(whole)]


@pytest.mark.parametrize(
    ("name", "shape", "expected", "after"),
    [
        ("lenet", (28, 28, 1), (5, 5, 16), Flatten),
        ("small-resnet", (32, 32, 3), (4, 4, 128), GlobalPool),
        ("nin", (96, 64, 3), (4, 2, 3), GlobalPool),
        ("mobilenetv2", (96, 96, 3), (3, 3, 1280), GlobalPool),
        # Its last block has one position for these images.
        ("resnet18", (32, 32, 1), (2, 2, 256), None),
    ],
)
def test_networks_of_the_catalog_are_divided_behind_their_last_feature_map(
    name, shape, expected, after
):
    network = catalog.make(name, shape, 3)
    whole, [(body, head)] = divided(network, shape)
    assert (body.input_shape, head.input_shape) == (shape, expected)
    assert body.network + head.network == network
    assert after is None or isinstance(head.network[0], after)
    images = np.moveaxis(noise(2, *shape) / 255, -1, 1)
    features = reference.Forward(body.weights).run(body.network, images)
    assert np.moveaxis(features, 1, -1).shape[1:] == expected
    scores = reference.Forward(head.weights).run(head.network, features)
    np.testing.assert_array_equal(scores, reference.Forward(whole.weights).run(network, images))


def test_a_pretrained_network_is_divided_behind_its_last_convolution():
    network = pretrained_network("efficientnet-lite0", (32, 32, 3), 4)
    _, [(body, head)] = divided(network, (32, 32, 3))
    assert head.input_shape == (7, 7, 1280)
    assert body.network + head.network == network
    assert head.weights.keys() == {"2.weight", "2.bias"}


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (catalog.make("softmax-regression", (28, 28, 1), 3), (28, 28, 1)),
        (catalog.make("mlp", (28, 28, 1), 3), (28, 28, 1)),
        (catalog.make("realmlp", (7,), 3), (7,)),
        ((Ensemble(catalog.make("realmlp", (7,), 3), 2),), (7,)),
        # Without weights before it, a map would say nothing about what was learned.
        ((Normalize((0.5,), (0.2,)), Pool("max", 2, 2), Flatten(), Linear(3)), (8, 8, 1)),
        ((Conv(4, 8), Activation("relu"), Flatten(), Linear(3)), (8, 8, 1)),
    ],
)
def test_networks_without_feature_maps_are_not_divided(network, shape):
    assert divided(network, shape)[1] == []


def test_each_member_of_an_ensemble_is_divided():
    member = (Conv(4, 3), BatchNorm(), Activation("relu"), GlobalPool(), Linear(3))
    shape = (6, 5, 2)
    network = (Ensemble(member, 3),)
    whole, parts = divided(network, shape)
    assert len(parts) == 3
    images = np.moveaxis(noise(4, *shape) / 255, -1, 1)
    ends = []
    for body, head in parts:
        assert (body.network, head.network) == (member[:3], member[3:])
        features = reference.Forward(body.weights).run(body.network, images)
        ends.append(reference.softmax(reference.Forward(head.weights).run(head.network, features)))
    scores = reference.Forward(whole.weights).run(network, images)
    np.testing.assert_allclose(np.log(np.mean(ends, 0)), scores, rtol=1e-12)


def test_a_map_is_the_positive_part_of_the_weighted_sum_of_the_channels():
    generator = np.random.default_rng(0)
    features, gradients = generator.normal(size=(2, 4, 3, 2, 5)).astype(np.float32)
    expected = np.zeros((4, 3, 2))
    for n, i, j in np.ndindex(4, 3, 2):
        for k in range(5):
            expected[n, i, j] += gradients[n, :, :, k].mean() * features[n, i, j, k]
    found = activation_maps(features, gradients)
    assert found.dtype == np.float32
    assert (expected < 0).any()
    np.testing.assert_allclose(found, np.maximum(expected, 0), atol=1e-6)
