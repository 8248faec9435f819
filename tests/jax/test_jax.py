"""JAX only: compiling once, keys, statistics carried in aux, states, optimizers."""

import gc
import random
import subprocess
import sys
import weakref

import jax
import numpy as np
import optax
import pytest
from flax import linen as nn
from jax import numpy as jnp
from support import batches

from hardmax import jax as hm
from hardmax.data.datasets import Images
from hardmax.errors import ArgumentError, RunError
from hardmax.jax import engine, program
from hardmax.jax.data import ImageData
from hardmax.training.callbacks import Callback
from hardmax.training.compiled import Cache


@pytest.fixture
def images():
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 3, 90)
    images = generator.integers(0, 256, (90, 5, 5, 1), dtype=np.uint8)
    return Images(images, labels)


@pytest.fixture
def data(images):
    return ImageData(images, images.take(np.arange(40)), 16)


class MLP(hm.Classifier):
    """A model as a user would write it."""

    num_outputs: int
    num_hiddens: int
    lr: float
    dropout: float = 0.0
    training: bool = True

    def setup(self):
        self.net = nn.Sequential(
            [
                lambda X: X.reshape(len(X), -1),
                nn.Dense(self.num_hiddens),
                nn.BatchNorm(use_running_average=not self.training, momentum=0.9),
                nn.relu,
                nn.Dropout(self.dropout, deterministic=not self.training),
                nn.Dense(self.num_outputs),
            ]
        )


class Linear(hm.Classifier):
    """A model whose loss counts how often it is traced."""

    lr: float = 0.1
    traces = 0

    @nn.compact
    def __call__(self, X):
        return nn.Dense(3)(X.reshape(len(X), -1))

    def loss(self, *arguments, averaged=True):
        Linear.traces += 1
        return super().loss(*arguments, averaged=averaged)


# Fitting


def test_fit_matches_a_loop_written_by_hand(images, data):
    model = hm.SoftmaxRegressionScratch(num_inputs=25, num_outputs=3, lr=0.2)
    trainer = hm.Trainer(max_epochs=3, seed=7)
    trainer.set_weights(model, {"params.W": np.zeros((25, 3)), "params.b": np.zeros(3)})
    trainer.fit(model, data)
    W, b = np.zeros((25, 3)), np.zeros(3)
    X, y = images.images.reshape(90, 25) / 255, images.labels
    for epoch in range(3):
        loss_sum = correct = 0
        for rows in batches(90, 16, seed=7, epoch=epoch):
            scores = X[rows] @ W + b
            probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            loss_sum -= np.log(probabilities[np.arange(len(rows)), y[rows]]).sum()
            correct += (scores.argmax(axis=1) == y[rows]).sum()
            error = (probabilities - np.eye(3)[y[rows]]) / len(rows)
            W, b = W - 0.2 * X[rows].T @ error, b - 0.2 * error.sum(axis=0)
        record = trainer.history[epoch]
        assert record["train_loss"] == pytest.approx(loss_sum / 90, rel=1e-5)
        assert record["train_accuracy"] == pytest.approx(correct / 90)
    np.testing.assert_allclose(trainer.state.params["W"], W, rtol=1e-4, atol=1e-6)


def test_a_loss_without_aux_is_accepted(data):
    class Plain(MLP):
        def loss(self, params, X, Y, state, averaged=True):
            return super().loss(params, X, Y, state, averaged)[0]

    trainer = hm.Trainer(max_epochs=2, seed=0)
    trainer.fit(Plain(3, 8, lr=0.1), data)
    assert trainer.uses_engine
    assert trainer.history[1]["train_loss"] < trainer.history[0]["train_loss"]


def test_configure_optimizers_is_called_once(data):
    calls = []

    class Counted(Linear):
        def configure_optimizers(self):
            calls.append(1)
            return optax.adam(self.lr)

    trainer = hm.Trainer(max_epochs=2)
    trainer.fit(Counted(), data)
    assert len(calls) == 1
    assert trainer.state.step == 12


class BookSGD(hm.HyperParameters):
    """The book's optimizer, which returns the class of the state instead of an instance."""

    def __init__(self, lr):
        self.save_hyperparameters()

    def init(self, params):
        return optax.EmptyState

    def update(self, updates, state, params=None):
        return jax.tree.map(lambda grad: -self.lr * grad, updates), state


def test_the_books_optimizer_matches_optax(data):
    def fitted(optimizer):
        class Custom(Linear):
            def configure_optimizers(self):
                return optimizer

        trainer = hm.Trainer(max_epochs=2, seed=0)
        trainer.fit(Custom(), data)
        assert trainer.uses_engine
        return trainer.get_weights(trainer.model)

    book, ours, optax_sgd = (fitted(o) for o in (BookSGD(0.1), hm.SGD(0.1), optax.sgd(0.1)))
    for name, value in optax_sgd.items():
        np.testing.assert_array_equal(book[name], value)
        np.testing.assert_array_equal(ours[name], value)
    transformation = hm.SGD(0.1)()
    assert isinstance(transformation, optax.GradientTransformation)


def test_batches_may_be_lists_of_numpy_arrays(data):
    parts = {
        train: [tuple(map(np.asarray, batch)) for batch in data.get_dataloader(train)]
        for train in (True, False)
    }

    class Lists(hm.DataModule):
        def get_dataloader(self, train):
            return parts[train]

    trainer = hm.Trainer(max_epochs=2)
    trainer.fit(Linear(), Lists())
    assert trainer.uses_engine
    assert trainer.history[1]["train_loss"] < trainer.history[0]["train_loss"]


# Compilation


def test_the_same_shapes_are_not_traced_again(data):
    trainer = hm.Trainer(max_epochs=2, seed=0)
    model = Linear()
    trainer.fit(model, data)
    assert trainer.history[0]["compile_seconds"] > 0
    assert trainer.history[1]["compile_seconds"] == 0
    traces = Linear.traces
    trainer.fit(model, data)  # the same model
    hm.Trainer(max_epochs=3, seed=1).fit(Linear(), data)  # another of its class
    trainer.evaluate(model, data)
    assert Linear.traces == traces
    assert trainer.history[0]["compile_seconds"] == 0


def test_the_step_path_does_not_trace_again(data):
    class Stepwise(Linear):
        def training_step(self, *arguments):
            return super().training_step(*arguments)

    hm.Trainer(max_epochs=1, seed=0).fit(Stepwise(), data)
    traces = Linear.traces
    trainer = hm.Trainer(max_epochs=1, seed=0)
    trainer.fit(Stepwise(), data)
    assert not trainer.uses_engine
    assert Linear.traces == traces
    assert trainer.history[0]["compile_seconds"] == 0


FACTOR = 1.0


class Factored(Linear):
    """A model whose loss depends on a global variable and on a method."""

    def loss(self, *arguments, averaged=True):
        value, aux = super().loss(*arguments, averaged=averaged)
        return FACTOR * self.bent(value), aux

    def bent(self, value):
        return value


def first_loss(model, data, **settings):
    trainer = hm.Trainer(max_epochs=1, seed=0, **settings)
    trainer.fit(model, data)
    return trainer.history[0]["train_loss"]


def test_changes_to_dependencies_of_the_loss_are_noticed(data, monkeypatch):
    before = first_loss(Factored(lr=1e-9), data)
    monkeypatch.setitem(globals(), "FACTOR", 2.0)
    assert first_loss(Factored(lr=1e-9), data) == pytest.approx(2 * before, rel=1e-5)
    monkeypatch.setattr(Factored, "bent", lambda self, value: 3 * value)
    assert first_loss(Factored(lr=1e-9), data) == pytest.approx(6 * before, rel=1e-5)


def test_changed_settings_are_noticed(data):
    def step(model, **settings):
        trainer = hm.Trainer(max_epochs=1, seed=0, **settings)
        trainer.set_weights(model, {name: 0 * value for name, value in start.items()})
        trainer.fit(model, data)
        return trainer.get_weights(model)["params.Dense_0.bias"]

    model = Linear()
    hm.Trainer(max_epochs=1).fit(model, data)
    start = hm.Trainer(1).get_weights(model)
    data.batch_size = 90
    small = step(model)
    model.lr = 0.2
    np.testing.assert_allclose(step(model), 2 * small, rtol=1e-5)
    clipped = step(model, gradient_clip_val=1e-3)
    assert 0 < np.abs(clipped).max() <= 2e-4


SCALE = 1.0


class Scaled(Linear):
    """A model with an attribute named like a global variable, and a private field."""

    _factor: float = 1.0

    def setup(self):
        self.SCALE = SCALE
        self.dense = nn.Dense(3)

    def __call__(self, X):
        return self.dense(X.reshape(len(X), -1))

    def loss(self, *arguments, averaged=True):
        value, aux = super().loss(*arguments, averaged=averaged)
        return self._factor * SCALE * value, aux


def test_a_changed_global_is_noticed_despite_an_attribute_of_the_same_name(data, monkeypatch):
    before = first_loss(Scaled(lr=1e-9), data)
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    assert first_loss(Scaled(lr=1e-9), data) == pytest.approx(5 * before, rel=1e-5)


def test_private_fields_are_settings(data):
    before = first_loss(Scaled(lr=1e-9), data)
    after = first_loss(Scaled(lr=1e-9, _factor=3.0), data)
    assert after == pytest.approx(3 * before, rel=1e-5)


def test_changed_settings_of_a_plain_optimizer_apply_within_a_fit(data):
    class Plain:
        def __init__(self, lr):
            self.lr = lr

        def init(self, params):
            return optax.EmptyState()

        def update(self, updates, state, params=None):
            return jax.tree.map(lambda grad: -self.lr * grad, updates), state

    class Custom(Linear):
        def configure_optimizers(self):
            return Plain(0.1)

    class Stop(Callback):
        def on_epoch(self, trainer, record):
            trainer.optim.lr = 0.0

    trainer = hm.Trainer(max_epochs=3, seed=0, callbacks=[Stop()])
    trainer.fit(Custom(), data)
    losses = [record["val_loss"] for record in trainer.history]
    assert losses[0] == losses[1] == losses[2]
    again = hm.Trainer(max_epochs=1, seed=0)
    again.fit(Custom(), data)
    assert again.history[0]["compile_seconds"] == 0


def test_custom_clipping_is_noticed(data):
    weights = []
    for factor in (1.0, 0.0):
        trainer = hm.Trainer(max_epochs=1, seed=0, gradient_clip_val=1)
        trainer.clip_gradients = lambda value, grads, by=factor: jax.tree.map(
            lambda grad: by * grad, grads
        )
        model = Linear()
        trainer.fit(model, data)
        weights.append(trainer.get_weights(model)["params.Dense_0.bias"])
    assert np.any(weights[0] != 0)
    assert np.all(weights[1] == 0)


def test_a_global_named_like_an_attribute_is_not_part_of_a_model(data):
    class Reporting(Linear):
        def report(self):
            return self.trainer

    globals()["trainer"] = hm.Trainer(max_epochs=1, seed=0)
    try:
        globals()["trainer"].fit(Reporting(), data)
        globals()["trainer"] = hm.Trainer(max_epochs=1, seed=0)
        globals()["trainer"].fit(Reporting(), data)
        assert globals()["trainer"].history[0]["compile_seconds"] == 0
    finally:
        del globals()["trainer"]


def test_a_schedule_that_refers_to_the_model_does_not_leak_it(data):
    class Scheduled(Linear):
        def configure_optimizers(self):
            return optax.sgd(lambda step: self.lr * 0.9**step)

    model = Scheduled()
    trainer = hm.Trainer(max_epochs=1)
    trainer.fit(model, data)
    reference = weakref.ref(model)
    del model, trainer
    gc.collect()
    # The cache key refers to the schedule until it is evicted.
    program.COMPILED.entries.clear()
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("validation", [True, False])
def test_a_model_is_in_evaluation_mode_after_a_fit(images, validation):
    data = ImageData(images, images if validation else None, 16)
    model = MLP(3, 8, lr=0.1, dropout=0.5)
    trainer = hm.Trainer(max_epochs=1)
    trainer.fit(model, data)
    variables = {"params": trainer.state.params, "batch_stats": trainer.state.batch_stats}
    X = jnp.ones((2, 5, 5, 1))
    np.testing.assert_array_equal(model.apply(variables, X), model.apply(variables, X))


def test_a_seed_determines_dropout_of_a_model_with_weights(data):
    start = MLP(3, 8, lr=0.1, dropout=0.5)
    hm.Trainer(max_epochs=1, seed=0).fit(start, data)
    weights = hm.Trainer(1).get_weights(start)
    losses = []
    for global_seed in (1, 2):
        random.seed(global_seed)
        model = MLP(3, 8, lr=0.1, dropout=0.5)
        trainer = hm.Trainer(max_epochs=1, seed=5)
        trainer.set_weights(model, weights)
        trainer.fit(model, data)
        losses.append(trainer.history[0]["train_loss"])
    assert losses[0] == losses[1]


def test_compiled_code_does_not_keep_a_model_alive(data):
    model = Linear()
    hm.Trainer(max_epochs=1).fit(model, data)
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None


def test_the_cache_of_compiled_code_is_bounded(monkeypatch):
    monkeypatch.setattr(program, "COMPILED", Cache(2))
    model = hm.SoftmaxRegressionScratch(2, 3, lr=0.1)
    hm.Trainer(1).set_weights(model, {"params.W": np.ones((2, 3)), "params.b": np.zeros(3)})
    state = model.train_state
    for count in (1, 2, 3):
        X, Y = jnp.ones((count, 2)), jnp.zeros(count, jnp.int32)
        assert model.accuracy(state.params, (X,), Y, state) == 1
    assert len(program.COMPILED.entries) == 2


def test_64_bits_are_supported():
    code = """
import jax; jax.config.update("jax_enable_x64", True)
import numpy as np
from hardmax import jax as hm
data = hm.SyntheticRegressionData(w=hm.tensor([2, -3.4]), b=4.2)
model = hm.LinearRegression(lr=0.03)
trainer = hm.Trainer(3, seed=0); trainer.fit(model, data)
print(trainer.state.params["net"]["kernel"].dtype, data.X.dtype, trainer.history[-1]["val_loss"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kernel, X, loss = done.stdout.split()
    assert (kernel, X) == ("float32", "float64")  # Flax's parameters are float32 by default
    assert float(loss) < 0.1


# Modes, keys, statistics


def test_dropout_and_batch_norm_follow_the_mode(data):
    modes = []

    class Watched(MLP):
        def loss(self, *arguments, averaged=True):
            modes.append(self.training)
            return super().loss(*arguments, averaged=averaged)

    trainer = hm.Trainer(max_epochs=2)
    trainer.fit(Watched(3, 8, lr=0.1, dropout=0.5), data)
    assert trainer.uses_engine
    assert set(modes[:2]) == {True}
    assert set(modes[-2:]) == {False}


@pytest.mark.parametrize("stepwise", [False, True])
def test_dropout_keys_advance_every_step(data, stepwise):
    class Keyed(MLP):
        def loss(self, params, X, Y, state, averaged=True):
            value, aux = super().loss(params, X, Y, state, averaged)
            # The mask itself is the loss, so that equal masks would give equal losses.
            mask = jax.random.uniform(state.dropout_rng)
            return value * 0 + mask, aux

    def same(self, *arguments):
        return super(Keyed, self).training_step(*arguments)

    if stepwise:
        Keyed.training_step = same
    model = Keyed(3, 8, lr=0.1, dropout=0.5)
    model.plot_train_per_epoch = 6
    trainer = hm.Trainer(max_epochs=1)
    trainer.fit(model, data, key=jax.random.PRNGKey(1))
    key = jax.random.split(jax.random.PRNGKey(1))[1]
    expected = []
    for _ in range(6):
        expected.append(float(jax.random.uniform(key)))
        key = jax.random.split(key)[0]
    means = [point.y for point in model.board.data["train_loss"]]
    np.testing.assert_allclose(means, expected, rtol=1e-5)
    np.testing.assert_array_equal(trainer.state.dropout_rng, key)


@pytest.mark.parametrize("stepwise", [False, True])
def test_batch_norm_statistics_are_updated(images, stepwise):
    class Stepwise(MLP):
        def training_step(self, *arguments):
            return super().training_step(*arguments)

    data = ImageData(images, None, 90)
    model = (Stepwise if stepwise else MLP)(3, 8, lr=0.0)
    trainer = hm.Trainer(max_epochs=2, seed=0)
    trainer.fit(model, data)
    dense = trainer.state.params["net"]["layers_1"]
    X = images.images.reshape(90, 25) / np.float32(255)
    hidden = X @ np.asarray(dense["kernel"]) + np.asarray(dense["bias"])
    stats = trainer.state.batch_stats["net"]["layers_2"]
    np.testing.assert_allclose(stats["mean"], 0.19 * hidden.mean(axis=0), rtol=1e-4, atol=1e-6)
    expected = 0.81 + 0.19 * hidden.var(axis=0)
    np.testing.assert_allclose(stats["var"], expected, rtol=1e-4)


def test_a_regression_model_may_use_batch_norm():
    class Normed(hm.LinearRegression):
        training: bool = True

        def setup(self):
            norm = nn.BatchNorm(use_running_average=not self.training, momentum=0.5)
            self.net = nn.Sequential([norm, nn.Dense(1)])

    data = hm.SyntheticRegressionData(w=hm.tensor([2, -3.4]), b=4.2)
    trainer = hm.Trainer(max_epochs=10, seed=0)
    trainer.fit(Normed(lr=0.1), data)
    assert trainer.uses_engine
    assert trainer.history[-1]["val_loss"] < 0.5
    assert not np.allclose(trainer.state.batch_stats["net"]["layers_0"]["mean"], 0)


def test_a_custom_accuracy_is_called_only_in_validation(data):
    class Custom(MLP):
        def accuracy(self, params, X, Y, state, averaged=True):
            variables = {"params": params, "batch_stats": state.batch_stats}
            correct = state.apply_fn(variables, *X).argmax(axis=1) == Y  # as in the book: no keys
            return correct.mean() if averaged else correct

    trainer = hm.Trainer(max_epochs=1, seed=0)
    model = Custom(3, 8, lr=0.1, dropout=0.5)
    trainer.fit(model, data)
    assert trainer.uses_engine
    assert trainer.history[0]["train_accuracy"] is None
    assert trainer.history[0]["val_accuracy"] == trainer.evaluate(model, data).accuracy


def test_a_seed_determines_weights_and_dropout_and_restores_pythons_generator(data):
    def fitted():
        trainer = hm.Trainer(max_epochs=2, seed=3)
        model = MLP(3, 8, lr=0.1, dropout=0.5)
        trainer.fit(model, data)
        return trainer.get_weights(model)

    random.seed(11)
    state = random.getstate()
    one = fitted()
    assert random.getstate() == state
    random.seed(12)
    other = fitted()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_without_a_seed_pythons_generator_is_used(data):
    def fitted(seed):
        random.seed(seed)
        return first_loss_without_seed(MLP(3, 8, lr=0.1, dropout=0.5))

    def first_loss_without_seed(model):
        trainer = hm.Trainer(max_epochs=1)
        trainer.fit(model, data)
        return trainer.history[0]["train_loss"]

    assert fitted(1) == fitted(1) != fitted(2)


def test_a_key_draws_new_weights_and_without_one_training_continues(data):
    key = jax.random.PRNGKey(4)
    model = Linear(lr=0.0)
    trainer = hm.Trainer(max_epochs=1, seed=0)
    trainer.fit(model, data)
    first = trainer.get_weights(model)
    trainer.fit(model, data)
    again = trainer.get_weights(model)
    trainer.fit(model, data, key=key)
    keyed = trainer.get_weights(model)
    other = Linear(lr=0.0)
    trainer.fit(other, data, key=key)
    name = "params.Dense_0.kernel"
    np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first[name], keyed[name])
    np.testing.assert_array_equal(trainer.get_weights(other)[name], keyed[name])


# Weights and states


def test_a_checkpoint_of_a_custom_model_can_be_loaded(data, tmp_path):
    path = tmp_path / "weights.safetensors"
    trainer = hm.Trainer(max_epochs=1, seed=0, checkpoint=path)
    model = MLP(3, 8, lr=0.1)
    trainer.fit(model, data)
    fresh = MLP(3, 8, lr=0.1)
    trainer.load_checkpoint(fresh, path)
    assert trainer.evaluate(fresh, data) == trainer.evaluate(model, data)
    assert "batch_stats.net.layers_2.mean" in trainer.get_weights(fresh)
    wrong = {**trainer.get_weights(model), "params.net.layers_1.kernel": np.zeros((25, 9))}
    with pytest.raises(RunError, match=r"must have shape \(25, 8\), got \(25, 9\)"):
        trainer.set_weights(model, wrong)


def test_a_model_without_weights_is_rejected():
    with pytest.raises(ArgumentError, match="no weights yet"):
        hm.Trainer(1).get_weights(Linear())


def test_the_train_state_works_as_in_the_book(data):
    trainer = hm.Trainer(max_epochs=1, seed=0)
    model = MLP(3, 8, lr=0.1)
    trainer.fit(model, data)
    state = trainer.state
    assert {*vars(state)} >= {"params", "batch_stats", "dropout_rng", "apply_fn", "tx", "step"}
    X, y = next(iter(data.val_dataloader()))
    scores = model.apply({"params": state.params, "batch_stats": state.batch_stats}, X)
    correct = model.accuracy(state.params, (X,), y, state, averaged=False)
    np.testing.assert_array_equal(correct, scores.argmax(axis=1) == y)
    assert model.accuracy(state.params, (X,), y, state) == pytest.approx(float(correct.mean()))
    value, _ = model.loss(state.params, (X,), y, state)
    losses, _ = model.loss(state.params, (X,), y, state, averaged=False)
    logs = jax.nn.log_softmax(scores)[jnp.arange(len(y)), y]
    np.testing.assert_allclose(losses, -logs, rtol=1e-5)
    assert value == pytest.approx(-float(logs.mean()), rel=1e-5)
    zero = jax.tree.map(jnp.zeros_like, state.params)
    assert state.apply_gradients(grads=zero).replace(batch_stats={}).step == state.step + 1


def test_labels_with_several_axes_are_counted_individually():
    class Tagger(hm.Classifier):
        lr: float = 0.1

        def setup(self):
            self.net = nn.Dense(3)

    class Sequences(hm.DataModule):
        batch_size = 16

        def get_dataloader(self, train):
            return self.get_tensorloader((X, y), train)

    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(40, 6, 5)), generator.integers(0, 3, (40, 6))
    model = Tagger()
    trainer = hm.Trainer(max_epochs=1, seed=0)
    trainer.fit(model, Sequences())
    evaluation = trainer.evaluate(model, Sequences())
    scores = model.apply({"params": trainer.state.params}, X)
    assert (evaluation.correct, evaluation.count) == (int((scores.argmax(axis=2) == y).sum()), 240)


def test_a_custom_epoch_matches_the_library(data):
    class Custom(hm.Trainer):
        def fit_epoch(self):
            self.model.training = True
            for batch in self.train_dataloader:
                (_, mutated), grads = self.model.training_step(
                    self.state.params, self.prepare_batch(batch), self.state
                )
                self.state = self.state.apply_gradients(grads=grads)
                self.state = self.state.replace(
                    dropout_rng=jax.random.split(self.state.dropout_rng)[0],
                    batch_stats=mutated["batch_stats"],
                )
                self.train_batch_idx += 1
            self.model.training = False
            for batch in self.val_dataloader:
                self.model.validation_step(self.state.params, self.prepare_batch(batch), self.state)
                self.val_batch_idx += 1

    records = []
    for trainer_class in (Custom, hm.Trainer):
        trainer = trainer_class(max_epochs=2, seed=0)
        trainer.fit(MLP(3, 8, lr=0.1, dropout=0.3), data)
        records.append(trainer.history)
    for record, expected in zip(*records, strict=True):
        assert record["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-5)
        assert record["val_accuracy"] == pytest.approx(expected["val_accuracy"], rel=1e-5)


# Names


def test_importing_changes_no_settings_and_initializes_no_device():
    code = """
import os
before = dict(os.environ)
import jax
flags = dict(jax.config.values)
import hardmax.jax
from jax._src import xla_bridge
print(dict(os.environ) == before, dict(jax.config.values) == flags)
print(xla_bridge.backends_are_initialized())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False"]


def test_layer_summary_leaves_the_models_weights_alone(data, capsys):
    model = MLP(3, 8, lr=0.1)
    hm.Trainer(max_epochs=1, seed=0).fit(model, data)
    before = hm.Trainer(1).get_weights(model)
    model.layer_summary((2, 5, 5, 1), key=jax.random.PRNGKey(0))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "Dense output shape:\t (2, 8)"
    assert lines[-1] == "Dense output shape:\t (2, 3)"
    after = hm.Trainer(1).get_weights(model)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_frozen_setup_stays_frozen():
    class Mutating(hm.Classifier):
        lr: float = 0.1

        def setup(self):
            self.net = nn.Dense(3)

        def forward(self, X):
            self.calls = 1
            return self.net(X)

    with pytest.raises(Exception, match=r"calls"):
        Mutating().init(jax.random.PRNGKey(0), jnp.ones((2, 3)))


def test_linear_regression_has_small_initial_weights():
    model = hm.LinearRegression(lr=0.03)
    variables = model.apply_init((jnp.ones((2, 5000)),), key=jax.random.PRNGKey(0))
    net = variables["params"]["net"]
    assert net["kernel"].std() == pytest.approx(0.01, rel=0.1)
    assert net["bias"].tolist() == [0]


def test_the_scratch_model_is_stable_for_large_scores():
    model = hm.SoftmaxRegressionScratch(num_inputs=2, num_outputs=2, lr=0.1)
    weights = {"params.W": np.float32([[1e4, 0.0], [0.0, 1e4]]), "params.b": np.zeros(2)}
    hm.Trainer(1).set_weights(model, weights)
    state, X, y = model.train_state, jnp.eye(2), jnp.array([1, 1])
    loss, _ = model.loss(state.params, (X,), y, state)
    assert loss == pytest.approx(5e3)
    _, grads = engine.gradients(model, state, (X, y))
    assert all(jnp.isfinite(grad).all() for grad in jax.tree.leaves(grads))


def test_seeds_and_keys_are_drawn_from_pythons_numbers():
    random.seed(5)
    seeds = [hm.get_seed() for _ in range(3)]
    random.seed(5)
    assert seeds == [hm.get_seed() for _ in range(3)]
    assert len({*seeds}) == 3
    random.seed(5)
    np.testing.assert_array_equal(hm.get_key(), jax.random.PRNGKey(seeds[0]))


def test_aliases_agree_with_numpy():
    x = np.arange(12, dtype=np.float32).reshape(3, 4) + 1
    t = hm.tensor(x)
    cases = {
        "reshape": (hm.reshape(t, (2, 6)), x.reshape(2, 6)),
        "reduce_sum": (hm.reduce_sum(t, 1, keepdims=True), x.sum(1, keepdims=True)),
        "reduce_mean": (hm.reduce_mean(t), x.mean()),
        "argmax": (hm.argmax(t, axis=1), x.argmax(axis=1)),
        "transpose": (hm.transpose(t), x.T),
        "exp": (hm.exp(t), np.exp(x)),
        "log": (hm.log(t), np.log(x)),
        "abs": (hm.abs(-t), x),
        "matmul": (hm.matmul(t, hm.transpose(t)), x @ x.T),
        "concat": (hm.concat((t, t), 0), np.concatenate((x, x))),
        "stack": (hm.stack((t, t)), np.stack((x, x))),
        "astype": (hm.astype(t, jnp.int32), x.astype(np.int32)),
        "to": (hm.to(t, hm.cpu()), x),
        "zeros": (hm.zeros(2), np.zeros(2)),
        "ones": (hm.ones((2, 3)), np.ones((2, 3))),
        "arange": (hm.arange(5), np.arange(5)),
    }
    for name, (actual, expected) in cases.items():
        np.testing.assert_allclose(hm.numpy(actual), expected, rtol=1e-6, err_msg=name)


def test_devices_have_names(data):
    assert hm.cpu().platform == "cpu"
    if not hm.num_gpus():
        assert hm.try_gpu() == hm.cpu()
        assert hm.try_all_gpus() == [hm.cpu()]
    trainer = hm.Trainer(max_epochs=1, device="cpu")
    trainer.fit(Linear(), data)
    assert {leaf.device for leaf in jax.tree.leaves(trainer.state.params)} == {hm.cpu()}
