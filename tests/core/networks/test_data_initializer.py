"""Initial weights that depend on the training rows."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from hardmax.errors import ArgumentError
from hardmax.networks import data_initializer
from hardmax.networks.catalog import make
from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import BatchNorm, Conv, Flatten, Linear, Pool, Sequence
from hardmax.networks.shapes import weight_shapes


def rows(count=500, features=4, seed=0):
    values = np.random.default_rng(seed).standard_normal((count, features))
    return (3 * values + 5).astype(np.float32)


@given(st.integers(0, 2**63), st.integers(1, 6))
def test_every_unit_has_deviation_1_and_is_zero_within_the_range_of_its_outputs(seed, features):
    X = rows(60, features)
    network = make("realmlp", (features,), 3, hidden=(9, 7))
    weights = initial_weights(network, (features,), seed, "data", X)
    assert {n: w.shape for n, w in weights.items()} == weight_shapes(network, (features,))
    assert all(w.dtype == np.float32 for w in weights.values())
    forward = reference.Forward(weights)
    outputs = X.astype(np.float64)
    for position, layer in enumerate(network):
        outputs = forward.layer(layer, outputs, f"{position}.")
        if isinstance(layer, Linear):
            np.testing.assert_allclose(outputs.std(axis=0), 1, rtol=1e-4)
            assert (outputs.min(axis=0) < 1e-4).all()
            assert (outputs.max(axis=0) > -1e-4).all()


def test_embeddings_start_as_in_the_paper():
    network = make("realmlp", (300,), 3)
    weights = initial_weights(network, (300,), 0, "data", rows(50, 300))
    assert weights["0.frequency"].std() == pytest.approx(0.1, rel=0.05)
    for kind, limit in (("phase", np.pi), ("weight", 0.25), ("bias", 0.25)):
        values = weights[f"0.{kind}"]
        assert 0.95 * limit < values.max() <= limit
        assert values.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)


def test_weights_depend_on_the_seed_and_the_rows_alone():
    network = make("mlp", (4,), 3, hidden=(6,))

    def bias(seed, X):
        return initial_weights(network, (4,), seed, "data", X)["3.bias"].tolist()

    assert bias(0, rows()) == bias(0, rows())
    assert bias(0, rows()) != bias(1, rows())
    assert bias(0, rows()) != bias(0, rows(seed=1))


def test_constant_rows_leave_finite_weights():
    network = make("realmlp", (4,), 3, hidden=(6,))
    weights = initial_weights(network, (4,), 0, "data", np.zeros((5, 4), np.float32))
    assert all(np.isfinite(value).all() for value in weights.values())


def test_few_rows_leave_the_deviation_of_standardized_inputs():
    network = make("mlp", (400,), 3, hidden=(300,))
    weights = initial_weights(network, (400,), 0, "data", rows(3, 400))
    for name, inputs in (("1", 400), ("3", 300)):
        assert weights[f"{name}.weight"].std() == pytest.approx(inputs**-0.5, rel=0.1)


def images(count=30, shape=(28, 30, 3), seed=0):
    return np.random.default_rng(seed).integers(50, 90, (count, *shape), np.uint8)


@pytest.mark.parametrize("name", ["lenet", "lenet-modern", "nin"])
def test_channels_have_deviation_1_over_images_and_positions(name):
    """Images that differ little are what networks without BatchNorm cannot tell apart."""
    X = images(shape=(67, 70, 3) if name == "nin" else (28, 30, 3))
    network = make(name, X.shape[1:], 4)
    weights = initial_weights(network, X.shape[1:], 3, "data", X)
    assert {n: w.shape for n, w in weights.items()} == weight_shapes(network, X.shape[1:])
    forward = reference.Forward(weights)
    outputs, seen = np.moveaxis(X / 255, -1, 1), 0

    def check(layers, outputs, prefix=""):
        nonlocal seen
        for position, layer in enumerate(layers):
            path = f"{prefix}{position}."
            if isinstance(layer, Sequence):
                outputs = check(layer.layers, outputs, path)
                continue
            outputs = forward.layer(layer, outputs, path)
            if isinstance(layer, Linear | Conv):
                axes = (0, 2, 3) if outputs.ndim == 4 else 0
                np.testing.assert_allclose(outputs.std(axes), 1, rtol=1e-4)
                assert (outputs.min(axes) < 1e-4).all()
                assert (outputs.max(axes) > -1e-4).all()
                seen += 1
        return outputs

    check(network, outputs)
    assert seen == {"nin": 12}.get(name, 5)


def test_large_images_are_looked_at_in_part(monkeypatch):
    network, X = make("lenet", (28, 28, 1), 3), images(40, (28, 28, 1))
    monkeypatch.setattr(data_initializer, "OUTPUTS", 20 * 28 * 28 * 6)
    chosen = initial_weights(network, (28, 28, 1), 0, "data", X)
    order = data_initializer.generator_of("rows", 0).permutation(40)
    X[order[20:]] = 255
    again = initial_weights(network, (28, 28, 1), 0, "data", X)
    assert all(np.array_equal(chosen[name], again[name]) for name in chosen)


@pytest.mark.parametrize(
    ("network", "shape", "inputs"),
    [
        (make("resnet18", (32, 32, 3), 3), (32, 32, 3), images(5, (32, 32, 3))),
        (make("googlenet", (32, 32, 3), 3), (32, 32, 3), images(5, (32, 32, 3))),
        ((Conv(3, 1, groups=3), Flatten(), Linear(3)), (8, 8, 3), images(5, (8, 8, 3))),
        ((Pool("max", 3, 1, padding=1), Flatten(), Linear(3)), (8, 8, 3), images(5, (8, 8, 3))),
        ((Linear(3), BatchNorm()), (4,), rows()),
        (make("mlp", (4,), 3), (4,), None),
    ],
)
def test_other_networks_and_missing_rows_are_refused(network, shape, inputs):
    with pytest.raises(ArgumentError, match="the initializer data"):
        initial_weights(network, shape, 0, "data", inputs)
