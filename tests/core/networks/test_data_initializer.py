"""Initial weights that depend on the training rows."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from hardmax.errors import ArgumentError
from hardmax.networks.catalog import make
from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import BatchNorm, Linear
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


@pytest.mark.parametrize(
    ("network", "shape", "inputs"),
    [
        (make("mlp", (4, 4, 1), 3), (4, 4, 1), np.zeros((5, 4, 4, 1), np.uint8)),
        ((Linear(3), BatchNorm()), (4,), rows()),
        (make("mlp", (4,), 3), (4,), None),
    ],
)
def test_other_networks_and_missing_rows_are_refused(network, shape, inputs):
    with pytest.raises(ArgumentError, match="the initializer data"):
        initial_weights(network, shape, 0, "data", inputs)
