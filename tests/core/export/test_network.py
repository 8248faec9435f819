"""Networks as ONNX graphs in ONNX Runtime, compared with NumPy."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import reference
from example_networks import BINS, CLASSES, EVERY_LAYER, NORMED, SHORT, random_weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardmax.errors import ArgumentError
from hardmax.export.graph import FLOAT, Graph
from hardmax.export.network import add_network
from hardmax.networks import catalog
from hardmax.networks.layers import (
    ACTIVATIONS,
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Ensemble,
    Flatten,
    GlobalPool,
    Linear,
    Normalize,
    Pad,
    ParametricSELU,
    PeriodicEmbedding,
    PiecewiseLinear,
    Pool,
    Residual,
    Resize,
    Scale,
    Sequence,
)
from hardmax.networks.shapes import output_shape

ROWS = (PeriodicEmbedding(3, 3, (2, 0)), BINS, Scale(), Linear(4), ParametricSELU(), Linear(3))


def scores(network, weights, X, shape):
    """Return the output of the exported network, and check the model that computes it."""
    graph = Graph()
    sizes = [shape[2], shape[0], shape[1]] if len(shape) == 3 else shape
    output = add_network(
        graph, network, shape, weights, graph.input("X", FLOAT, "examples", *sizes)
    )
    graph.output("scores", output, FLOAT, "examples", *output_shape(network, shape))
    model = graph.model("test", {})
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString())
    alone = session.run(None, {"X": X[:1]})[0]
    together = session.run(None, {"X": X})[0]
    np.testing.assert_allclose(alone, together[:1], rtol=1e-4, atol=1e-5 * np.abs(together).max())
    return together


def check(network, shape, *, count=3, init="he", tolerance=1e-5):
    """Compare the scores of random examples with those of NumPy, relative to the largest."""
    weights = random_weights(network, shape, init)
    X = np.random.default_rng(1).random((count, *shape), np.float32)
    X = np.moveaxis(X, -1, 1) if len(shape) == 3 else 4 * X - 2
    expected = reference.Forward(weights).run(network, X.astype(np.float64))
    found = scores(network, weights, np.ascontiguousarray(X), shape)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(np.abs(expected).max(), 1e-3)


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (EVERY_LAYER, (15, 13, 2)),
        (SHORT, (15, 13, 2)),
        (NORMED, (5, 4, 1)),
        (ROWS, (3,)),
        ((PeriodicEmbedding(), *ROWS), (3,)),
        ((Ensemble(ROWS, 3),), (3,)),
        ((Ensemble((Flatten(), Linear(4)), 2),), (5, 4, 1)),
    ],
    ids=["every layer", "short", "normed", "rows", "all embedded", "ensemble", "of images"],
)
def test_every_layer_follows_its_formula(network, shape):
    check(network, shape)


@pytest.mark.parametrize("name", [name for name in catalog.NETWORKS if name != "realmlp"])
def test_each_network_of_the_catalog_agrees_with_numpy(name):
    shape = (32, 32, 3)
    init = catalog.NETWORKS[name].init
    # Rounding errors grow with the layers; a network without BatchNorm has none to bound them.
    check(
        catalog.make(name, shape, CLASSES),
        shape,
        init="xavier" if init == "data" else init,
        tolerance=1e-4,
    )


def test_realmlp_agrees_with_numpy():
    network = catalog.make("realmlp", (3,), CLASSES, hidden=(8, 8), embedded=(1,), bins=BINS)
    check(network, (3,))


def test_the_average_of_an_ensemble_keeps_the_digits_of_small_probabilities():
    network = (Ensemble((Linear(2),), 2),)
    weights = {f"0.{i}.0.weight": np.array([[100.0], [-100.0]], np.float32) for i in range(2)}
    weights |= {f"0.{i}.0.bias": np.zeros(2, np.float32) for i in range(2)}
    found = scores(network, weights, np.ones((1, 1), np.float32), (1,))
    np.testing.assert_allclose(found, [[0.0, -200.0]], atol=1e-6)


small = st.integers(1, 3)
activations = st.sampled_from([*map(Activation, ACTIVATIONS)])
of_any = st.one_of(
    activations,
    st.just(Dropout(0.5)),
    st.builds(BatchNorm, st.sampled_from([1e-5, 1e-2]), st.booleans()),
)
sides = st.tuples(st.integers(0, 2), st.integers(0, 2))
pools = st.one_of(
    st.builds(Pool, st.just("max"), st.just(3), small, st.integers(0, 1)),
    st.builds(Pool, st.just("average"), small, small),
)


@st.composite
def convolutions(draw):
    kernel, groups = draw(small), draw(st.integers(1, 2))
    return Conv(
        groups * draw(small),
        kernel,
        draw(st.integers(1, 2)),
        draw(st.integers(0, kernel - 1)),
        groups,
        draw(st.booleans()),
    )


def normalized(channels):
    return st.tuples(
        st.tuples(*[st.floats(-1, 1)] * channels), st.tuples(*[st.floats(0.1, 2)] * channels)
    ).map(lambda pair: Normalize(*pair))


def bins(features):
    places = st.lists(st.integers(0, features - 1), min_size=1, max_size=4)
    return places.map(
        lambda some: PiecewiseLinear(tuple(some), (-0.5,) * len(some), (0.75,) * len(some))
    )


def layers(shape):
    """A strategy of layers that may take examples of a shape."""
    if len(shape) == 1:
        embedded = st.none() | st.sets(st.integers(0, shape[0] - 1), min_size=1).map(tuple)
        return st.one_of(
            of_any,
            st.builds(Linear, st.integers(1, 6), st.booleans()),
            st.sampled_from([Scale(), ParametricSELU(), Flatten()]),
            st.builds(PeriodicEmbedding, small, st.integers(2, 3), embedded),
            bins(shape[0]),
        )
    return st.one_of(
        *(of_any, convolutions(), pools, normalized(shape[2])),
        st.builds(Pad, sides, sides),
        st.builds(Resize, st.integers(1, 12), st.integers(1, 12)),
    )


@st.composite
def networks(draw, shape, depth=2):
    """A strategy of networks for examples of a shape, without their last layers."""
    network = ()
    for _ in range(draw(st.integers(1, 4))):
        before = output_shape(network, shape)
        if depth and draw(st.integers(0, 3)) == 0:
            parts = [draw(networks(before, depth - 1)) for _ in range(2)]
            kinds = [Sequence(parts[0]), Residual(parts[0]), Residual(*parts)]
            layer = draw(st.sampled_from([*kinds, Concat((*parts, ())), Concat((parts[0], ()))]))
        else:
            layer = draw(layers(before))
        longer = (*network, layer)
        try:
            output_shape(longer, shape)
        except ArgumentError:  # it does not fit
            continue
        network = longer
    return network


@st.composite
def classifiers(draw):
    """A strategy of networks that return scores, with the shape of their inputs."""
    shape = draw(st.sampled_from([(9, 7, 2), (6, 6, 1), (5,)]))
    network = draw(networks(shape))
    if len(output_shape(network, shape)) == 3:
        network = (*network, draw(st.sampled_from([Flatten(), GlobalPool()])))
    network = (*network, Linear(3))
    if draw(st.booleans()):
        network = (Ensemble(network, draw(small)),)
    return network, shape


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(classifiers())
def test_random_networks_agree_with_numpy(pair):
    check(*pair, tolerance=1e-4)
