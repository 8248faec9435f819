"""Weighted examples: in every framework a weight counts like that many copies of an example."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

from hardmax.data.datasets import Images, Vectors
from hardmax.evaluation.metrics import log_softmax
from hardmax.networks import catalog
from hardmax.networks.initializers import initial_weights
from hardmax.runs.calibrate import calibrate
from hardmax.runs.evaluate import compare, evaluate
from hardmax.runs.run import Run
from hardmax.runs.session import Session
from hardmax.runs.settings import Settings
from hardmax.runs.train import train
from hardmax.training import datamodule
from hardmax.training.recipes import Recipe
from hardmax.training.weights import loss_weights

SHAPE = (3,)


@pytest.fixture
def session(fw):
    """A function that returns a session of softmax regression, to train on vectors or images."""

    def new(recipe, shape=SHAPE, max_epochs=1, model="softmax-regression"):
        network = catalog.make(model, shape, 3)
        weights = initial_weights(network, shape, 0, "normal")
        return Session(fw, network, shape, weights, recipe, max_epochs, seed=0)

    return new


@pytest.fixture
def drawn():
    """A function that returns examples with weights that are whole numbers from 1."""

    def draw(count, seed=0):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(count, *SHAPE)).astype(np.float32)
        labels = (values @ rng.normal(size=(3, 3)) + rng.gumbel(size=(count, 3))).argmax(axis=1)
        return Vectors(values, labels, weights=rng.integers(1, 4, count).astype(float))

    return draw


def repeated(examples):
    """Return each example as often as its weight says, without weights."""
    rows = np.repeat(np.arange(len(examples)), examples.weights.astype(int))
    return Vectors(examples.values[rows], examples.labels[rows])


def assert_same(one, other, atol):
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=atol)


@pytest.mark.parametrize(("smoothing", "class_weights"), [(0.0, None), (0.2, "balanced")])
def test_a_step_is_that_on_repeated_examples(session, drawn, smoothing, class_weights):
    examples = drawn(20)
    weights = loss_weights(examples, class_weights)
    recipe = Recipe(1.0, label_smoothing=smoothing)
    weighted, plain = session(recipe), session(recipe)
    weighted.fit(examples, None, 20, loss_weights=weights)
    copies = repeated(examples)
    plain.fit(copies, None, len(copies), loss_weights=loss_weights(copies, class_weights))
    # With a learning rate of 1 the weights differ from the initial ones by the gradients.
    assert_same(weighted.weights(), plain.weights(), 1e-6)
    for name in ("train_loss", "train_accuracy"):
        found, expected = (one.trainer.history[0][name] for one in (weighted, plain))
        assert found == pytest.approx(expected, abs=1e-6)


def test_both_paths_weight_training_and_validation(fw, session, drawn):
    examples, held_out = drawn(50), drawn(40, seed=1)
    weights = loss_weights(examples, np.array([1.0, 5.0, 0.5]))

    def training_step(self, *arguments):
        return super(Stepwise, self).training_step(*arguments)

    Stepwise = type("Stepwise", (fw.models.NetworkClassifier,), {"training_step": training_step})
    fast, slow = (session(Recipe(0.1, "adam"), max_epochs=2) for _ in range(2))
    slow.model = Stepwise(slow.network, SHAPE, Recipe(0.1, "adam"))
    slow.model.board.display = False
    slow.trainer.set_weights(slow.model, fast.weights())
    for one in (fast, slow):
        one.fit(examples, held_out, 8, loss_weights=weights)
    assert (fast.trainer.uses_engine, slow.trainer.uses_engine) == (True, False)
    assert_same(fast.weights(), slow.weights(), 1e-5)
    logs = log_softmax(fast.scores(held_out, 8))
    expected = {
        "val_loss": log_loss(held_out.labels, np.exp(logs), sample_weight=held_out.weights),
        "val_accuracy": accuracy_score(
            held_out.labels, logs.argmax(axis=1), sample_weight=held_out.weights
        ),
    }
    for one in (fast, slow):
        for name, value in expected.items():
            assert one.trainer.history[-1][name] == pytest.approx(value, rel=1e-5)
    for a, b in zip(fast.trainer.history, slow.trainer.history, strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-5)
    evaluation = fast.trainer.evaluate(fast.model, fast.data(None, held_out, 8))
    assert evaluation.accuracy == pytest.approx(expected["val_accuracy"], rel=1e-6)
    assert (evaluation.count, evaluation.correct, evaluation.interval) == (40, None, None)


@pytest.mark.shared
def test_equal_weights_change_nothing(session, drawn):
    examples = drawn(30)
    weighted, plain = (session(Recipe(0.5, momentum=0.9), max_epochs=2) for _ in range(2))
    weighted.fit(Vectors(examples.values, examples.labels, weights=np.full(30, 7.0)), None, 8)
    plain.fit(Vectors(examples.values, examples.labels), None, 8)
    assert_same(weighted.weights(), plain.weights(), 1e-6)
    for a, b in zip(weighted.trainer.history, plain.trainer.history, strict=True):
        assert a["train_accuracy"] == pytest.approx(b["train_accuracy"])


@pytest.mark.shared
def test_the_limit_of_training_is_that_of_scikit_learn(session, drawn):
    examples = drawn(60)
    trained = session(Recipe(0.5, momentum=0.9), max_epochs=150)
    trained.fit(examples, None, 60)
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    other.fit(examples.values, examples.labels, sample_weight=examples.weights)
    expected = other.predict_proba(examples.values)
    found = np.exp(log_softmax(trained.scores(examples, 60)))
    np.testing.assert_allclose(found, expected, atol=1e-3)
    unweighted = other.fit(examples.values, examples.labels).predict_proba(examples.values)
    assert np.abs(expected - unweighted).max() > 0.02


@pytest.mark.shared
def test_weighted_images_in_files_are_trained_on_as_those_in_memory(session, monkeypatch):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, 4, 4, 1), dtype=np.uint8)
    images = Images(pixels, rng.integers(0, 3, 20), rng.integers(1, 4, 20).astype(float))
    in_memory, streamed = (session(Recipe(0.1), (4, 4, 1), max_epochs=2) for _ in range(2))
    in_memory.fit(images, images, 8)
    monkeypatch.setattr(datamodule, "stays_in_file", lambda images: True)
    streamed.fit(images, images, 8)
    assert_same(in_memory.weights(), streamed.weights(), 1e-6)
    for a, b in zip(in_memory.trainer.history, streamed.trainer.history, strict=True):
        assert a["val_accuracy"] == pytest.approx(b["val_accuracy"], rel=1e-6)
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-6)


@pytest.mark.shared
def test_a_run_on_a_weighted_table_is_evaluated_with_its_weights(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 3))
    label = np.where(values[:, 0] + rng.normal(size=200) > 0.5, "yes", "no")
    frame = pd.DataFrame(values, columns=[*"abc"]).assign(label=label, w=rng.integers(0, 4, 200))
    table = str(tmp_path / "t.csv")
    frame.to_csv(table, index=False)
    options = {"label": "label", "weight": "w", "class_weights": "balanced", "validation": 0.3}
    trained = train(
        Settings(data=table, model="softmax-regression", epochs=3, **options), str(tmp_path / "run")
    )
    test = evaluate(str(trained.path)).evaluation
    assert trained.test.as_dict() == test.as_dict()
    rows = Run.open(trained.path).record["data"]
    assert rows["train"] + rows["validation"] + rows["test"] == (frame["w"] > 0).sum()
    expected = accuracy_score(test.labels, test.predictions, sample_weight=test.weights)
    assert test.accuracy == pytest.approx(expected)
    assert test.interval is None
    page = (trained.path / "report.html").read_text()
    assert f"weighted by the weights of the {rows['test']} rows" in " ".join(page.split())
    before = calibrate(str(trained.path)).before
    # Training validates with the same weights.
    assert before.loss == pytest.approx(trained.epochs[-1]["val_loss"], rel=1e-5)
    assert before.accuracy == pytest.approx(trained.epochs[-1]["val_accuracy"], rel=1e-5)
    # Tests of counts do not use weights.
    pair = compare(str(trained.path), str(trained.path)).pair
    assert pair.accuracy[0] == test.is_correct.mean()
