"""Networks as values, their JSON, and the names, shapes and initial values of their weights."""

import json
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hardmax.errors import ArgumentError, RunError
from hardmax.networks.catalog import NETWORKS, check_name, make, mlp, softmax_regression
from hardmax.networks.descriptions import from_json, to_json
from hardmax.networks.initializers import SIGMA, initial_weights
from hardmax.networks.layers import Activation, Flatten, Linear
from hardmax.networks.shapes import output_shape, weight_shapes

layers = st.just(Flatten()) | st.builds(Linear, st.integers(1, 9)) | st.just(Activation("relu"))
networks = st.lists(layers, max_size=8).map(lambda layers: (Flatten(), *layers))
shapes = st.tuples(*[st.integers(1, 6)] * 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("softmax-regression", {"1.weight": (10, 784), "1.bias": (10,)}),
        (
            "mlp",
            {"1.weight": (256, 784), "1.bias": (256,), "3.weight": (10, 256), "3.bias": (10,)},
        ),
    ],
)
def test_the_books_networks_have_the_books_weights(name, expected):
    assert weight_shapes(NETWORKS[name].network(10), (28, 28, 1)) == expected


@given(st.integers(1, 50), shapes)
def test_the_number_of_weights_follows_the_formula(classes, shape):
    def count(network):
        return sum(prod(size) for size in weight_shapes(network, shape).values())

    pixels = prod(shape)
    assert count(softmax_regression(classes)) == (pixels + 1) * classes
    assert count(mlp(classes)) == (pixels + 1) * 256 + 257 * classes


@given(networks, shapes)
def test_shapes_agree_with_numpy(network, shape):
    """Run the network on zeros, layer by layer, with weights of the inferred shapes."""
    expected = weight_shapes(network, shape)
    X = np.zeros((2, *shape))
    for position, layer in enumerate(network):
        match layer:
            case Flatten():
                X = X.reshape(2, -1)
            case Linear():
                W, b = (np.zeros(expected.pop(f"{position}.{name}")) for name in ("weight", "bias"))
                X = X @ W.T + b
                assert X.shape[-1] == layer.outputs
    assert expected == {}


@pytest.mark.parametrize("network", [(Linear(3),), (Activation("relu"), Linear(3), Flatten())])
def test_a_linear_layer_on_images_is_refused(network, refused):
    with refused(ArgumentError, "Linear", "(4, 5, 1)", "Flatten"):
        weight_shapes(network, (4, 5, 1))


def test_too_many_layers_are_refused(refused):
    with refused(RunError, "at most 2000 layers"):
        from_json([{"layer": "Flatten"}] * 300_000)


def test_networks_are_values():
    assert mlp(10) == mlp(10) != mlp(9)
    assert len({softmax_regression(3), softmax_regression(3), mlp(3)}) == 2
    with pytest.raises(AttributeError):
        mlp(10)[1].outputs = 3


@given(networks)
def test_a_network_round_trips_through_json(network):
    assert from_json(json.loads(json.dumps(to_json(network)))) == network


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("null", ""),
        ("7", ""),
        ('"Flatten"', ""),
        ("{}", ""),
        ('{"layer": "Flatten"}', ""),
        ("[7]", ""),
        ("[[]]", ""),
        ("[null]", ""),
        ("[{}]", "layer"),
        ('[{"outputs": 3}]', "layer"),
        ('[{"layer": "Convolution"}]', "Convolution"),
        ('[{"layer": ["Linear"]}]', ""),
        ('[{"layer": "Linear"}]', "outputs"),
        ('[{"layer": "Linear", "outputs": 3, "bias": 0}]', "bias"),
        ('[{"layer": "Linear", "outputs": 0}]', "0"),
        ('[{"layer": "Linear", "outputs": -2}]', "-2"),
        ('[{"layer": "Linear", "outputs": 2.0}]', "2.0"),
        ('[{"layer": "Linear", "outputs": NaN}]', "nan"),
        ('[{"layer": "Linear", "outputs": "10"}]', "'10'"),
        ('[{"layer": "Linear", "outputs": true}]', "True"),
        ('[{"layer": "Linear", "outputs": [3]}]', "[3]"),
        ('[{"layer": "Activation", "function": "exec"}]', "exec"),
        ('[{"layer": "Activation", "function": ["relu"]}]', "relu"),
        ('[{"layer": "Dropout", "rate": 0.5, "schedule": "cosine"}]', "cosine"),
        ('[{"layer": "PeriodicEmbedding", "outputs": 1}]', "outputs"),
        ('[{"layer": "PiecewiseLinear", "features": []}]', "lows"),
        (
            '[{"layer": "PiecewiseLinear", "features": [0, 1], "lows": [0.0], "highs": [1.0]}]',
            "got 2, 1 and 1",
        ),
        (
            '[{"layer": "PiecewiseLinear", "features": [-1], "lows": [0.0], "highs": [1.0]}]',
            "-1",
        ),
        (
            '[{"layer": "PiecewiseLinear", "features": [0], "lows": [1.0], "highs": [1.0]}]',
            "below",
        ),
        (
            '[{"layer": "PiecewiseLinear", "features": [0], "lows": [NaN], "highs": [1.0]}]',
            "finite",
        ),
        ('[{"layer": "PiecewiseLinear", "features": [0], "lows": [0], "highs": [1]}]', "floats"),
        ('[{"layer": "Resize", "height": 0, "width": 3}]', "height"),
        ('[{"layer": "Resize", "height": 3, "width": 1025}]', "1025"),
        ('[{"layer": "Normalize", "mean": [], "std": []}]', "for each channel"),
        ('[{"layer": "Normalize", "mean": [0.5, 0.5], "std": [1.0]}]', "got 2 and 1"),
        ('[{"layer": "Normalize", "mean": [0.5], "std": [0.0]}]', "at least 1e-06"),
        ('[{"layer": "Normalize", "mean": [NaN], "std": [1.0]}]', "floats of at most"),
        ('[{"layer": "Normalize", "mean": [1e300], "std": [1.0]}]', "1e+300"),
        ('[{"layer": "Normalize", "mean": 0.5, "std": [1.0]}]', ""),
        ('[{"layer": "Pad", "rows": [1, -1], "columns": [0, 0]}]', "rows"),
        ('[{"layer": "Pad", "rows": [1, 1], "columns": [0]}]', "two integers"),
        ('[{"layer": "Pad", "rows": [1, 1], "columns": 3}]', ""),
        ('[{"layer": "BatchNorm", "epsilon": 0.0}]', "epsilon"),
        ('[{"layer": "BatchNorm", "epsilon": "small"}]', "'small'"),
        ('[{"layer": "BatchNorm", "frozen": 1}]', "frozen"),
        ('[{"layer": "Flatten", "self": 1}]', "self"),
        ('[{"layer": "Flatten\\n"}]', "Flatten"),
    ],
)
def test_invalid_json_is_refused(text, reason, refused):
    with refused(RunError, "not a description of a network", reason):
        from_json(json.loads(text))


@pytest.mark.parametrize("name", ["MLP", "", "softmax", "lenet\n"])
def test_an_unknown_network_is_refused_and_the_known_ones_are_listed(name, refused):
    with refused(ArgumentError, repr(name), *NETWORKS):
        check_name(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_named_network_ends_in_one_score_per_class(name):
    check_name(name)
    shape = (13,) if name == "realmlp" else (28, 28, 3)
    for classes in (2, 10, 1000):
        assert output_shape(make(name, shape, classes), shape) == (classes,)


@given(networks, shapes, st.integers(0, 2**64))
def test_initial_weights_have_the_names_and_shapes_of_the_network(network, shape, seed):
    weights = initial_weights(network, shape, seed)
    expected = weight_shapes(network, shape)
    assert {name: array.shape for name, array in weights.items()} == expected
    assert {array.dtype for array in weights.values()} <= {np.dtype(np.float32)}
    assert not any(array.any() for name, array in weights.items() if name.endswith("bias"))
    assert all(array.all() for name, array in weights.items() if name.endswith("weight"))


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_initial_weights_are_normal_with_the_books_standard_deviation(seed):
    assert SIGMA == 0.01
    weights = initial_weights(mlp(10), (28, 28, 1), seed)
    for name in ("1.weight", "3.weight"):
        # The seeds are fixed, so the test is deterministic.
        assert stats.kstest(weights[name].ravel(), "norm", (0, 0.01)).pvalue > 0.01


def test_different_weights_and_seeds_are_uncorrelated():
    network = (Flatten(), *[Linear(200)] * 4)
    drawn = [
        array.ravel()
        for seed in range(3)
        for name, array in initial_weights(network, (10, 20, 1), seed).items()
        if name.endswith("weight")
    ]
    correlations = np.corrcoef(drawn) - np.eye(12)
    assert abs(correlations).max() < 5 / np.sqrt(200 * 200)


def test_a_weights_values_depend_only_on_the_seed_and_its_name():
    small = initial_weights((Flatten(), Linear(5)), (3, 3, 1), 7)
    large = initial_weights((Flatten(), Linear(5), Activation("relu"), Linear(9)), (3, 3, 1), 7)
    assert np.array_equal(small["1.weight"], large["1.weight"])


def test_initial_weights_are_the_same_in_another_process(python):
    code = """
from hardmax.networks.catalog import mlp
from hardmax.networks.initializers import initial_weights
print([array.tobytes().hex() for array in initial_weights(mlp(3), (2, 2, 1), 5).values()])
"""
    here = initial_weights(mlp(3), (2, 2, 1), 5).values()
    assert python(code).strip() == str([array.tobytes().hex() for array in here])
