"""RealMLP: its layers, its optimizer and its schedules in every framework, compared with NumPy."""

import numpy as np
import pytest
import reference
from example_networks import BINS
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

from hardmax.data.datasets import Vectors
from hardmax.networks import catalog
from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import (
    Dropout,
    Ensemble,
    Linear,
    ParametricSELU,
    PeriodicEmbedding,
    Scale,
)
from hardmax.sklearn import HardmaxClassifier
from hardmax.training.recipes import Recipe

EMBEDDING = (PeriodicEmbedding(3, 3), BINS, Scale())
NETWORK = (*EMBEDDING, Linear(4), ParametricSELU(), Linear(3))
EPOCHS = 12


def rows(count=40, features=3):
    generator = np.random.default_rng(0)
    values = generator.standard_normal((count, features)).astype(np.float32)
    return Vectors(values, generator.integers(0, 3, count))


@pytest.fixture
def train(fw):
    """A function that trains a network on rows; it returns its trainer, model and first weights."""

    def train(network, part, recipe, epochs, batch_size):
        shape = part.values.shape[1:]
        model = fw.models.NetworkClassifier(network, shape, recipe)
        model.board.display = False
        trainer = fw.Trainer(epochs, seed=0)
        weights = initial_weights(network, shape, 0, "data", part.values)
        trainer.set_weights(model, weights)
        trainer.fit(model, fw.data.VectorData(part, part, batch_size))
        return trainer, model, weights

    return train


@pytest.mark.parametrize(
    "network",
    [
        catalog.make("realmlp", (3,), 3, hidden=(8, 8)),
        catalog.make("realmlp", (3,), 3, hidden=(8,), embedded=(2, 0)),
        catalog.make("realmlp", (3,), 3, hidden=(8,), embedded=(1, 2)),
        catalog.make("realmlp", (3,), 3, hidden=(8,), embedded=(1,), bins=BINS),
        (Ensemble(NETWORK, 3),),
    ],
    ids=["all features", "two features", "adjacent features", "bins", "ensemble"],
)
def test_scores_follow_the_formula(fw, network):
    part = rows()
    weights = initial_weights(network, (3,), 1, "he")
    generator = np.random.default_rng(2)
    weights = {
        name: value + 0.3 * generator.standard_normal(value.shape).astype(np.float32)
        for name, value in weights.items()
    }
    model = fw.models.NetworkClassifier(network, (3,), Recipe())
    trainer = fw.Trainer(1)
    trainer.set_weights(model, weights)
    scores = trainer.scores(model, fw.data.VectorData(None, part, 16).val_dataloader())
    expected = reference.Forward(weights).run(network, part.values.astype(np.float64))
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(0.04, "adamw-ntk", 0.0, 0.5, "coslog4", label_smoothing=0.1),
        Recipe(0.04, "adamw-ntk", 0.0, 0.5),
    ],
    ids=["cycles", "constant"],
)
def test_training_follows_the_formula(train, recipe):
    part = rows()
    trainer, model, before = train(NETWORK, part, recipe, EPOCHS, len(part))
    after = trainer.get_weights(model)
    X = part.values.astype(np.float64)
    expected = reference.train_by_adamw_ntk(recipe, NETWORK, before, X, part.labels, EPOCHS)
    for name, value in after.items():
        change = np.abs(expected[name] - before[name]).max()
        assert np.abs(value - expected[name]).max() <= 1e-3 * change, name


def test_only_the_training_loss_has_smoothed_labels(train):
    part = rows()
    still = Recipe(1e-30, label_smoothing=0.4)
    trainer, _, weights = train(NETWORK, part, still, 1, len(part))
    scores = reference.Forward(weights).run(NETWORK, part.values.astype(np.float64))
    smoothed, plain = (reference.cross_entropy(scores, part.labels, share) for share in (0.4, 0))
    record = trainer.history[0]
    assert record["train_loss"] == pytest.approx(smoothed, rel=1e-5)
    assert record["val_loss"] == pytest.approx(plain, rel=1e-5)


def test_the_probability_of_dropout_follows_its_schedule(fw):
    """With a single feature of 1, a dropped example has one loss, a kept one that of its label."""
    count, epochs, highest = 4000, 10, 0.5
    margins = np.array([1.0, -1.0])  # by label
    part = Vectors(np.ones((count, 1), np.float32), np.arange(count) % 2)
    network = (Dropout(highest, "flat-cos"), Linear(2, bias=False))
    model = fw.models.NetworkClassifier(network, (1,), Recipe(1e-30))
    model.board.display = False
    trainer = fw.Trainer(epochs, seed=0)
    trainer.set_weights(model, {"1.weight": np.array([[0.5], [-0.5]], np.float32)})
    trainer.fit(model, fw.data.VectorData(part, part, 1000))
    for epoch, record in enumerate(trainer.history):
        progress = (epoch + 0.5) / epochs
        rate = highest * (1 + np.cos(np.pi * max(0, 2 * progress - 1))) / 2
        excess = np.logaddexp(0, -margins / (1 - rate)) - np.log(2)
        expected = np.log(2) + (1 - rate) * excess.mean()
        deviation = np.sqrt(rate * (1 - rate) * (excess**2).mean() / count)
        assert abs(record["train_loss"] - expected) <= 4 * deviation + 1e-5
        whole = np.logaddexp(0, -margins).mean()
        assert record["val_loss"] == pytest.approx(whole, rel=1e-5)


def test_the_estimator_takes_the_whole_recipe(framework):
    X, y = load_iris(return_X_y=True)
    X = ((X - X.mean(0)) / X.std(0)).astype(np.float32)
    X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
    model = HardmaxClassifier("realmlp", framework, epochs=8, hidden=(32,), random_state=0)
    model.fit(X, y)
    assert len(model.history_) == 8
    assert all(record["val_loss"] is not None for record in model.history_)
    # Random states 0 to 4 give 0.84 to 0.97.
    assert model.score(X_test, y_test) > 0.75


def test_a_network_with_bins_follows_thresholds(framework):
    generator = np.random.default_rng(0)
    X = generator.random((1500, 2)).astype(np.float32)
    y = np.floor(12 * X[:, 0]).astype(int) % 2  # 12 intervals, alternately of the classes 0 and 1
    model = HardmaxClassifier(
        "realmlp", framework, epochs=16, hidden=(32,), bins=48, random_state=0
    ).fit(X[:1000], y[:1000])
    # Random states 0 to 4 give 0.96 to 0.98; without bins, 0.50 to 0.55.
    assert model.score(X[1000:], y[1000:]) > 0.9
