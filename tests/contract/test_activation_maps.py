"""Where a network looked: activation maps agree with NumPy, find what matters, and are reported."""

import json
import re

import numpy as np
import pytest
import reference
from support import SOFTMAX, noise

from hardmax.data.datasets import Images
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.networks import catalog
from hardmax.networks.activation_maps import Part, activation_maps, halves
from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import (
    Activation,
    BatchNorm,
    Conv,
    Dropout,
    Ensemble,
    GlobalPool,
    Linear,
    Residual,
    Sequence,
)
from hardmax.reports.mistakes import worst_mistakes
from hardmax.runs.activation import mistake_maps
from hardmax.runs.run import Run
from hardmax.runs.session import Session
from hardmax.training.recipes import Recipe

CLASSES = ("a", "b", "c")
SHAPE = (9, 7, 2)
IMAGES = noise(60, *SHAPE)
#: BatchNorm and Dropout do something else in training.
POOLED = (
    *(Conv(6, 3, padding=1), BatchNorm(), Activation("relu")),
    Sequence((Residual((Conv(6, 3, padding=1), BatchNorm())),)),
    *(GlobalPool(), Dropout(0.5), Linear(3)),
)


def random_weights(network, shape, seed=0):
    generator = np.random.default_rng(seed)
    weights = initial_weights(network, shape, seed, "he")
    for name, value in weights.items():
        added = generator.random(value.shape, np.float32)
        if name.endswith(("bias", "mean")):
            weights[name] = value + added - 0.5
        else:
            weights[name] = value + added if value.ndim == 1 else 2 * value
    return weights


def pooled_weights(seed):
    """Return random weights of POOLED, with a bias by which each class is predicted."""
    weights = random_weights(POOLED, SHAPE, seed)
    weights["6.bias"] -= reference.scores(POOLED, weights, IMAGES).mean(0).astype(np.float32)
    return weights


def case(network, weights):
    """Return random images, of which most have the wrong label, and their evaluation."""
    labels = np.arange(len(IMAGES)) % len(CLASSES)
    scores = reference.scores(network, weights, IMAGES)
    return Images(IMAGES, labels), ClassifierEvaluation(scores, labels, classes=CLASSES)


def run_of(network, weights):
    return Run(record={}, network=network, input_shape=SHAPE, classes=CLASSES, weights=weights)


def class_activation(network, weights, images, classes):
    """Return maps by the formula of B. Zhou et al., CVPR 2016, for GlobalPool before Linear.

    The weights of a class, times the features; their sum over all positions, and the bias, is its
    score.
    """
    inputs = np.moveaxis(images / 255, -1, 1)
    features = reference.Forward(weights).run(network[:4], inputs)
    rows, columns = features.shape[2:]
    of_class = weights["6.weight"][classes].astype(np.float64)
    return np.maximum(np.einsum("nk,nkij->nij", of_class, features) / (rows * columns), 0)


def test_behind_a_global_pool_the_map_is_the_class_activation_map(framework):
    weights = pooled_weights(0)
    test, evaluation = case(POOLED, weights)
    found = mistake_maps(run_of(POOLED, weights), test, evaluation, framework=framework)
    worst = worst_mistakes(evaluation)
    expected = class_activation(POOLED, weights, test.images[worst], evaluation.predictions[worst])
    assert len(np.unique(evaluation.predictions[worst])) == 3
    assert (found.shape, found.dtype) == ((24, 9, 7), np.float32)
    assert ((expected > 0).any(), (expected == 0).any()) == (True, True)
    np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())


def test_the_map_of_an_ensemble_is_the_mean_of_its_members(framework):
    members = [pooled_weights(seed) for seed in range(2)]
    weights = {
        f"0.{i}.{name}": value for i, one in enumerate(members) for name, value in one.items()
    }
    network = (Ensemble(POOLED, 2),)
    test, evaluation = case(network, weights)
    worst = worst_mistakes(evaluation)
    expected = np.mean(
        [
            class_activation(POOLED, one, test.images[worst], evaluation.predictions[worst])
            for one in members
        ],
        axis=0,
    )
    found = mistake_maps(run_of(network, weights), test, evaluation, framework=framework)
    np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())


def test_gradients_agree_with_finite_differences(fw):
    """On LeNet, whose head has three layers, in two batches, of which the last is shorter."""
    shape = (20, 24, 1)
    network = catalog.make("lenet", shape, 3)
    weights = random_weights(network, shape)
    generator = np.random.default_rng(2)
    images = generator.integers(0, 256, (5, *shape), dtype=np.uint8)
    part = Images(images, np.array([0, 2, 1, 1, 0]))
    [(body, head)] = halves(Part(network, shape, weights))
    first, last = (
        Session(fw, one.network, one.input_shape, one.weights, device="cpu") for one in (body, head)
    )
    loader = first.data(None, part, 3).val_dataloader()
    features, gradients = first.trainer.feature_gradients(first.model, last.model, loader)

    X = reference.Forward(body.weights).run(body.network, np.moveaxis(images / 255, -1, 1))
    np.testing.assert_allclose(features, np.moveaxis(X, 1, -1), atol=1e-5 * np.abs(X).max())
    assert features.dtype == gradients.dtype == np.float32
    forward, step = reference.Forward(head.weights), 1e-4
    steps = step * np.eye(X[0].size).reshape(-1, *X.shape[1:])
    for x, label, found in zip(X, part.labels, gradients, strict=True):
        ends = [forward.run(head.network, x + sign * steps)[:, label] for sign in (1, -1)]
        expected = ((ends[0] - ends[1]) / (2 * step)).reshape(x.shape)
        expected = np.moveaxis(expected, 0, -1)
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_nothing_is_computed_without_mistakes_or_feature_maps(framework):
    weights = pooled_weights(0)
    test, evaluation = case(POOLED, weights)
    right = Images(test.images, evaluation.predictions)
    perfect = ClassifierEvaluation(evaluation.scores, right.labels, classes=CLASSES)
    run = run_of(POOLED, weights)
    assert mistake_maps(run, right, perfect, framework=framework) is None
    network = catalog.make("softmax-regression", SHAPE, 3)
    run = run_of(network, random_weights(network, SHAPE))
    assert mistake_maps(run, test, evaluation, framework=framework) is None


#: Marks of 4 x 4 pixels, which decide the class.
MARKS = np.array(
    [
        [[1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]],
        [[1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]],
        [[0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]],
    ]
)


def marked(count, seed):
    """Return noise with a mark at a random place, and the rows and columns of the places."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 60, (count, 16, 16, 1), dtype=np.uint8)
    labels, places = generator.integers(0, 3, count), generator.integers(0, 13, (count, 2))
    for image, label, (i, j) in zip(images, labels, places, strict=True):
        image[i : i + 4, j : j + 4, 0] = np.maximum(
            image[i : i + 4, j : j + 4, 0], 240 * MARKS[label]
        )
    return Images(images, labels), places


def share_on_marks(fw, seed):
    """Train a network; return the share of its maps that is on the marks, and that of the area."""
    network = (
        *(Conv(16, 3, padding=1), BatchNorm(), Activation("relu")),
        *(Conv(16, 3, stride=2, padding=1), BatchNorm(), Activation("relu")),
        *(GlobalPool(), Linear(3)),
    )
    shape = (16, 16, 1)
    train, _ = marked(300, seed)
    session = Session(
        fw,
        network,
        shape,
        initial_weights(network, shape, seed),
        Recipe(0.01, optimizer="adamw", schedule="one-cycle"),
        max_epochs=10,
        seed=seed,
        device="cpu",
    )
    session.fit(train, None, 30)
    test, places = marked(60, seed + 1000)
    predictions = session.scores(test, 60).argmax(1)
    assert (predictions == test.labels).mean() > 0.9
    [(body, head)] = halves(Part(network, shape, session.weights()))
    first, last = (
        Session(fw, one.network, one.input_shape, one.weights, device="cpu") for one in (body, head)
    )
    loader = first.data(None, test, 60).val_dataloader()
    maps = activation_maps(*first.trainer.feature_gradients(first.model, last.model, loader))
    centers = 2 * np.arange(8)
    rows, columns = (np.abs(centers - places[:, [axis]] - 1.5) <= 3.5 for axis in (0, 1))
    near = rows[:, :, None] & columns[:, None]
    shares = (maps * near).sum((1, 2)) / maps.sum((1, 2)).clip(1e-9)
    return shares.mean(), near.mean()


@pytest.mark.shared
def test_a_network_looks_at_the_marks_that_decide_the_class(fw):
    found = np.array([share_on_marks(fw, seed) for seed in range(3)])
    assert (found.mean(0)[0] > 0.7, found.mean(0)[1] < 0.25) == (True, True)


def pictures(page):
    """Return the alternative texts of the images of mistakes, and those of their maps."""
    alts = re.findall(r'<img src="data:image/png;base64,[^"]+" alt="([^"]*)"', page)
    images = [alt for alt in alts if re.fullmatch(r"test image \d+, true class \d", alt)]
    return images, [alt for alt in alts if alt.startswith("where in ")]


def test_train_and_evaluate_report_the_maps(hardmax, framework, tmp_path, make_idx_folder):
    make_idx_folder(tmp_path / "data", side=8)
    done = hardmax(
        *("train", "data", "--model", "small-resnet", "--widths", "4", "--epochs", 1),
        *("--framework", framework, "--augment", "none", "--out", "run", "--json"),
    )
    assert done.returncode == 0, done.stderr
    trained = json.loads(done.stdout)["test"]
    images, maps = pictures((tmp_path / "run/report.html").read_text())
    assert len(maps) == len(images) == min(trained["count"] - trained["correct"], 24) > 0
    for image, alt in zip(images, maps, strict=True):
        number = re.search(r"\d+", image)[0]
        assert re.fullmatch(rf"where in test image {number} the score of \d comes from", alt)
    assert hardmax("evaluate", "run", "--report", "page.html").returncode == 0
    assert pictures((tmp_path / "page.html").read_text()) == (images, maps)


@pytest.mark.shared
def test_a_run_without_feature_maps_has_only_the_images(
    hardmax, framework, tmp_path, make_idx_folder
):
    make_idx_folder(tmp_path / "data", side=8)
    options = ("--framework", framework, "--epochs", 1, "--lr", 1e-9, "--out", "run")
    assert hardmax("train", "data", *SOFTMAX, *options).returncode == 0
    page = (tmp_path / "run/report.html").read_text()
    images, maps = pictures(page)
    assert (len(images) > 0, maps) == (True, [])
    assert "where the network looked" not in page
