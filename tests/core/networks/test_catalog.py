"""Every named network accepts small and larger images, and has the published weights."""

import pytest

from hardmax.errors import ArgumentError
from hardmax.networks.catalog import NETWORKS, REALMLP, make, recipe
from hardmax.networks.descriptions import from_json, to_json
from hardmax.networks.layers import Conv, Dropout, GlobalPool, PeriodicEmbedding
from hardmax.networks.shapes import output_shape, walk, weight_count


@pytest.mark.parametrize("shape", [(28, 28, 1), (96, 96, 3)])
@pytest.mark.parametrize("name", sorted(NETWORKS.keys() - {"realmlp"}))
def test_every_network_returns_one_score_per_class(name, shape):
    network = make(name, shape, 7)
    assert output_shape(network, shape) == (7,)
    assert from_json(to_json(network)) == network


def test_alexnets_weight_count_follows_from_its_layers():
    convs = 96 * (121 + 1) + 256 * (25 * 96 + 1) + 384 * (9 * 256 + 1)
    convs += 384 * (9 * 384 + 1) + 256 * (9 * 384 + 1)
    dense = 4096 * (256 * 5 * 5 + 1) + 4096 * 4097 + 10 * 4097
    assert weight_count(make("alexnet", (224, 224, 1), 10), (224, 224, 1)) == convs + dense


def test_an_mlp_takes_its_options():
    network = make("mlp", (2, 2, 1), 3, hidden=(5, 6), activation="tanh", dropout=0.5)
    assert weight_count(network, (2, 2, 1)) == 5 * 5 + 6 * 6 + 3 * 7
    assert network.count(Dropout(0.5)) == 2


@pytest.mark.parametrize(
    ("side", "halvings"), [(2, 0), (8, 0), (16, 0), (22, 0), (23, 1), (28, 1), (32, 1), (64, 2)]
)
def test_a_small_resnet_halves_images_to_about_16_pixels(side, halvings):
    shape = (side, 2 * side, 3)
    places = walk(make("small-resnet", shape, 10), shape)
    convolutions = [place for place in places if isinstance(place.layer, Conv)]
    stem = [place.layer.stride for place in convolutions if "." not in place.name]
    assert stem == ([2] * halvings or [1])
    # Each of the second and the third block halves the image once more.
    rows, columns = (-(-one // 2 ** (halvings + 2)) for one in shape[:2])
    pooled = next(place for place in places if isinstance(place.layer, GlobalPool))
    assert pooled.inputs == (rows, columns, 128)


@pytest.mark.parametrize(("side", "halvings"), [(8, 0), (28, 0), (45, 0), (46, 1), (64, 1)])
def test_a_fourth_width_takes_the_place_of_a_halving(side, halvings):
    shape = (side, side, 3)
    network = make("small-resnet", shape, 10, widths=(4, 8, 16, 32))
    stem = [layer.stride for layer in network if isinstance(layer, Conv)]
    assert stem == ([2] * halvings or [1])
    pooled = next(p for p in walk(network, shape) if isinstance(p.layer, GlobalPool))
    assert pooled.inputs == (-(-side // 2 ** (halvings + 3)),) * 2 + (32,)


def test_a_small_resnet_takes_its_widths():
    network = make("small-resnet", (28, 28, 1), 7, widths=(5, 6))
    stem, first = (9 + 2) * 5, 2 * (9 * 5 + 2) * 5
    second = (9 * 5 + 2) * 6 + (9 * 6 + 2) * 6 + (5 + 2) * 6
    assert weight_count(network, (28, 28, 1)) == stem + first + second + (6 + 1) * 7
    with pytest.raises(ArgumentError, match="needs a width for each of its blocks"):
        make("small-resnet", (28, 28, 1), 7, widths=())


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_a_recipe_is_that_of_its_optimizer(optimizer):
    found = recipe("small-resnet", optimizer=optimizer)
    assert found == NETWORKS["small-resnet"].recipe
    other = recipe("small-resnet", optimizer="adam")
    assert {*found} - {*other} == {"lr", "momentum"}
    assert recipe("realmlp", optimizer="sgd") == REALMLP


def test_realmlp_takes_vectors_and_embeds_up_to_500_features():
    for features, embedded in ((1, True), (500, True), (501, False)):
        network = make("realmlp", (features,), 7)
        assert output_shape(network, (features,)) == (7,)
        assert from_json(to_json(network)) == network
        assert isinstance(network[0], PeriodicEmbedding) == embedded
    inputs, units = 4 * 13, 256
    embedding = 13 * (16 + 16 + 3 * 16 + 3)
    dense = (inputs + 2) * units + 2 * (units + 2) * units + (units + 1) * 3
    network = make("realmlp", (13,), 3)
    assert weight_count(network, (13,)) == embedding + inputs + dense
    with pytest.raises(ArgumentError, match="such as the rows of a table") as error:
        make("realmlp", (28, 28, 1), 10)
    assert "\n" not in str(error.value)


def test_options_of_another_network_are_refused():
    with pytest.raises(
        ArgumentError, match="lenet does not take hidden; leave it out or use mlp, r"
    ):
        make("lenet", (28, 28, 1), 10, hidden=(5,))


@pytest.mark.parametrize("name", ["lenet", "alexnet", "nin"])
def test_images_that_are_too_small_are_refused_on_one_line(name):
    with pytest.raises(ArgumentError, match=f"model {name} does not fit") as refusal:
        make(name, (2, 2, 1), 10)
    assert "\n" not in str(refusal.value)
