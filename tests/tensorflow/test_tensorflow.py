"""TensorFlow only: graphs, Keras's pitfalls, plain variables, seeds, the functional edition."""

import contextlib
import random

import numpy as np
import pytest
import tensorflow as tf
from support import batches

from hardmax import tensorflow as hm
from hardmax.data.datasets import Images
from hardmax.errors import ArgumentError, RunError
from hardmax.tensorflow.data import ImageData
from hardmax.training.callbacks import Callback


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

    def __init__(self, num_outputs, num_hiddens, lr, dropout=0.0):
        super().__init__()
        self.save_hyperparameters()
        self.net = tf.keras.models.Sequential(
            [
                tf.keras.layers.Flatten(),
                tf.keras.layers.Dense(num_hiddens),
                tf.keras.layers.BatchNormalization(momentum=0.9),
                tf.keras.layers.ReLU(),
                tf.keras.layers.Dropout(dropout),
                tf.keras.layers.Dense(num_outputs),
            ]
        )


class Linear(hm.Classifier):
    """A model whose loss counts how often it is traced."""

    traces = 0

    def __init__(self, lr=0.1):
        super().__init__()
        self.save_hyperparameters()
        self.net = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(3)])

    def loss(self, Y_hat, Y, averaged=True):
        Linear.traces += 1
        return super().loss(Y_hat, Y, averaged)


# Fitting


def test_fit_matches_a_loop_written_by_hand(images, data):
    model = hm.SoftmaxRegressionScratch(num_inputs=25, num_outputs=3, lr=0.2)
    trainer = hm.Trainer(max_epochs=3, seed=7)
    trainer.set_weights(model, {"W": np.zeros((25, 3)), "b": np.zeros(3)})
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
    np.testing.assert_allclose(model.W, W, rtol=1e-4, atol=1e-6)


def test_a_fit_traces_only_once(data):
    trainer = hm.Trainer(max_epochs=1, seed=0)
    before = Linear.traces
    trainer.fit(Linear(), data)
    once = Linear.traces - before
    trainer = hm.Trainer(max_epochs=4, seed=0)
    trainer.fit(Linear(), data)
    assert Linear.traces - before == 2 * once
    assert trainer.history[0]["compile_seconds"] > 0
    assert [record["compile_seconds"] for record in trainer.history[1:]] == [0, 0, 0]


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_layers_follow_the_mode_without_a_training_argument(images, dropout):
    data = ImageData(images, images, 90)
    model = MLP(3, 64, lr=0.0, dropout=dropout)
    trainer = hm.Trainer(max_epochs=1, seed=0)
    trainer.fit(model, data)
    assert trainer.uses_engine
    net = model.net.layers
    X = tf.cast(images.images, tf.float32) / 255
    hidden = net[1](tf.reshape(X, (90, 25))).numpy()
    np.testing.assert_allclose(net[2].moving_mean, 0.1 * hidden.mean(axis=0), rtol=1e-4, atol=1e-6)
    expected = 0.9 + 0.1 * hidden.var(axis=0)
    np.testing.assert_allclose(net[2].moving_variance, expected, rtol=1e-3)
    # In training mode BatchNorm uses the batch, and Dropout drops; otherwise the losses are equal.
    assert trainer.history[0]["train_loss"] != pytest.approx(trainer.history[0]["val_loss"])
    assert np.array_equal(model(X), model(X))


@pytest.mark.parametrize("stepwise", [False, True])
def test_a_custom_forward_sees_the_mode(data, stepwise):
    modes = []

    class Watched(Linear):
        def forward(self, X):
            modes.append(self.training)
            return self.net(X)

        if stepwise:

            def training_step(self, batch):
                return super().training_step(batch)

    trainer = hm.Trainer(max_epochs=1)
    trainer.fit(Watched(), data)
    assert trainer.uses_engine != stepwise
    assert {*modes[1:3]} == {True}
    assert modes[-1] is False


def test_a_trainer_fits_several_models_and_one_model_repeatedly(data):
    trainer = hm.Trainer(max_epochs=2, seed=0)
    model = MLP(3, 8, lr=0.1)
    trainer.fit(model, data)
    first = trainer.history[0]["train_loss"]
    trainer.fit(model, data)
    assert trainer.history[0]["train_loss"] < first
    trainer.fit(hm.SoftmaxRegressionScratch(25, 3, lr=0.1), data)
    assert len(trainer.history) == 2


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: tf.keras.optimizers.SGD(0.1, momentum=0.9),
        lambda: tf.keras.optimizers.Adam(0.01),
        lambda: hm.SGD(0.1),
    ],
)
def test_optimizers_support_plain_variables_and_layers(data, optimizer):
    class Mixed(hm.Classifier):
        def __init__(self):
            super().__init__()
            self.W = tf.Variable(tf.random.normal((8, 3)) * 0.1)
            self.net = tf.keras.Sequential(
                [tf.keras.layers.Flatten(), tf.keras.layers.Dense(8, activation="relu")]
            )

        def forward(self, X):
            return tf.matmul(self.net(X), self.W)

        def configure_optimizers(self):
            return optimizer()

    model = Mixed()
    before = model.W.numpy()
    trainer = hm.Trainer(max_epochs=5, seed=0)
    trainer.fit(model, data)
    assert len(model.trainable_variables) == 3
    assert not np.allclose(before, model.W)
    assert trainer.history[-1]["train_loss"] < trainer.history[0]["train_loss"]


def test_variables_in_lists_are_weights_and_are_counted_once():
    class Listed(hm.Classifier):
        def __init__(self):
            super().__init__()
            self.weight_list = [tf.Variable(tf.ones((2, 3))), tf.Variable(tf.zeros(3))]
            self.first = self.weight_list[0]
            self.constant = tf.Variable(1.0, trainable=False)

    model = Listed()
    assert len(model.trainable_variables) == 2
    weights = hm.Trainer(1).get_weights(model)
    assert sorted(weights) == ["constant", "weight_list.0", "weight_list.1"]


def test_variables_are_found_in_nested_layers_and_dicts():
    class Inner(tf.keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(tf.ones((2, 3)))

    class Outer(tf.keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

    class Nested(hm.Classifier):
        def __init__(self):
            super().__init__()
            self.outer = Outer()
            self.p = {"W": tf.Variable(tf.ones(4))}
            self.net = tf.keras.layers.Dense(2)

    model = Nested()
    model.net(tf.ones((1, 3)))
    assert sorted(tuple(v.shape) for v in model.trainable_variables) == [(2,), (2, 3), (3, 2), (4,)]
    weights = hm.Trainer(1).get_weights(model)
    assert {"outer.inner.kernel", "p.W", "keras.0.kernel", "keras.1.bias"} == {*weights}


def test_statistics_in_plain_variables_are_untrained_weights(data, tmp_path):
    class Normed(hm.Classifier):
        def __init__(self):
            super().__init__()
            self.lr = 0.1
            self.mean = tf.Variable(tf.zeros(25), trainable=False)
            self.net = tf.keras.layers.Dense(3)

        def forward(self, X):
            X = tf.reshape(X, (-1, 25))
            if self.training:
                self.mean.assign(0.5 * self.mean + 0.5 * tf.reduce_mean(X, axis=0))
            return self.net(X - self.mean)

    path = tmp_path / "weights"
    model, fresh = Normed(), Normed()
    trainer = hm.Trainer(max_epochs=1, seed=0, checkpoint=path)
    trainer.fit(model, data)
    assert len(model.trainable_variables) == 2
    fresh(tf.zeros((1, 25)))
    trainer.load_checkpoint(fresh, path)
    assert trainer.evaluate(fresh, data) == trainer.evaluate(model, data)


def test_a_model_without_weights_is_rejected(data):
    class Empty(hm.Classifier):
        def __init__(self):
            super().__init__()
            self.lr = 0.1

        def forward(self, X):
            return tf.reshape(X, (-1, 25))[:, :3]

    with pytest.raises(ArgumentError, match="Empty has nothing to train"):
        hm.Trainer(1).fit(Empty(), data)


class Embedded(hm.Classifier):
    def __init__(self, optimizer):
        super().__init__()
        self.given_optimizer = optimizer
        self.net = tf.keras.Sequential(
            [tf.keras.layers.Embedding(7, 4), tf.keras.layers.Flatten(), tf.keras.layers.Dense(3)]
        )

    def configure_optimizers(self):
        return self.given_optimizer


class Words(hm.DataModule):
    batch_size = 8

    def get_dataloader(self, train):
        generator = np.random.default_rng(0)
        words, labels = generator.integers(0, 7, (40, 5)), generator.integers(0, 3, 40)
        return self.get_tensorloader((words, labels), train)


def test_a_custom_optimizer_receives_sparse_gradients():
    model = Embedded(hm.SGD(0.1))
    trainer = hm.Trainer(max_epochs=2, seed=0)
    trainer.fit(model, Words())
    assert trainer.history[1]["train_loss"] < trainer.history[0]["train_loss"]


def test_changed_settings_apply_within_a_fit():
    class Stop(Callback):
        def on_epoch(self, trainer, record):
            trainer.optim.lr = 0.0

    trainer = hm.Trainer(max_epochs=3, seed=0, callbacks=[Stop()])
    trainer.fit(Embedded(hm.SGD(0.1)), Words())
    assert trainer.uses_engine
    losses = [record["val_loss"] for record in trainer.history]
    assert losses[0] == losses[1] == losses[2]


def test_an_optimizer_with_python_state_is_called_every_step():
    class Counting(hm.HyperParameters):
        def __init__(self, lr):
            self.save_hyperparameters()
            self.steps = 0

        def apply_gradients(self, grads_and_vars):
            self.steps += 1
            for grad, variable in grads_and_vars:
                variable.assign_sub(self.lr / self.steps * grad)

    trainer = hm.Trainer(max_epochs=2, seed=0)
    trainer.fit(Embedded(Counting(0.1)), Words())
    assert not trainer.uses_engine
    assert trainer.optim.steps == 10


def test_evaluation_within_a_fit_traces_only_once(data):
    class Evaluate(Callback):
        def on_epoch(self, trainer, record):
            trainer.evaluate(trainer.model, data)

    trainer = hm.Trainer(max_epochs=3, seed=0, callbacks=[Evaluate()])
    trainer.fit(Linear(), data)
    assert [record["compile_seconds"] > 0 for record in trainer.history] == [True, False, False]


@pytest.mark.parametrize("breaks", [False, True])
def test_a_model_is_in_evaluation_mode_after_a_fit(images, breaks):
    class Break(Callback):
        def on_chunk(self, trainer):
            if breaks:
                raise KeyboardInterrupt

    model = MLP(3, 8, lr=0.1, dropout=0.5)
    with contextlib.suppress(KeyboardInterrupt):
        trainer = hm.Trainer(max_epochs=1, callbacks=[Break()])
        trainer.fit(model, ImageData(images, None, 16))
    X = tf.ones((2, 5, 5, 1))
    np.testing.assert_array_equal(model(X), model(X))


def test_keras_attributes_hide_no_methods():
    model = hm.Module()
    assert callable(model.loss)
    assert callable(model.plot)

    class Custom(hm.Module):
        def __init__(self):
            super().__init__()
            self.net = tf.keras.layers.Dense(1)

        def loss(self, y_hat, y):
            return tf.reduce_mean(abs(y_hat - y))

    assert float(Custom().loss(tf.ones(2), tf.zeros(2))) == 1


def test_a_list_with_keras_penalties_is_trained_and_plotted():
    class WeightDecay(hm.LinearRegression):
        def __init__(self, wd, lr):
            super().__init__(lr)
            self.save_hyperparameters()
            self.net = tf.keras.layers.Dense(1, kernel_regularizer=tf.keras.regularizers.l2(wd))

        def loss(self, y_hat, y):
            return super().loss(y_hat, y) + self.net.losses

    class Stepwise(WeightDecay):
        def training_step(self, batch):
            return super().training_step(batch)

    data = hm.SyntheticRegressionData(w=hm.tensor([2, -3.4]), b=4.2)
    norms = []
    for cls, wd in ((WeightDecay, 0.0), (WeightDecay, 1.0), (Stepwise, 1.0)):
        model = cls(wd=wd, lr=0.03)
        hm.Trainer(max_epochs=5, seed=0).fit(model, data)
        norms.append(np.linalg.norm(model.get_w_b()[0]))
        assert len(model.board.data["train_loss"]) == 10
    assert norms[0] == pytest.approx(np.hypot(2, 3.4), rel=0.01)
    assert norms[1] < 0.8 * norms[0]
    assert norms[2] == pytest.approx(norms[1], rel=0.05)


def test_batches_may_come_from_a_tf_dataset(data):
    arrays = data.train[0][..., np.newaxis].squeeze(-1) / np.float32(255), data.train[1]

    class Piped(hm.DataModule):
        def get_dataloader(self, train):
            return tf.data.Dataset.from_tensor_slices(arrays).batch(16)

    trainer = hm.Trainer(max_epochs=2)
    trainer.fit(Linear(), Piped())
    assert trainer.uses_engine
    assert trainer.history[1]["train_loss"] < trainer.history[0]["train_loss"]
    assert [record["compile_seconds"] > 0 for record in trainer.history] == [True, False]


def test_a_model_may_use_the_static_batch_size(data):
    class Shaped(Linear):
        def forward(self, X):
            return self.net(tf.reshape(X, (X.shape[0], -1)))

    trainer = hm.Trainer(max_epochs=1, seed=0)
    trainer.fit(Shaped(), data)
    assert trainer.uses_engine


def test_a_custom_epoch_matches_the_library(data):
    class Custom(hm.Trainer):
        def fit_epoch(self):
            self.model.training = True
            for batch in self.train_dataloader:
                with tf.GradientTape() as tape:
                    loss = self.model.training_step(self.prepare_batch(batch))
                grads = tape.gradient(loss, self.model.trainable_variables)
                if self.gradient_clip_val > 0:
                    grads = self.clip_gradients(self.gradient_clip_val, grads)
                self.optim.apply_gradients(zip(grads, self.model.trainable_variables, strict=True))
                self.train_batch_idx += 1
            self.model.training = False
            for batch in self.val_dataloader:
                self.model.validation_step(self.prepare_batch(batch))
                self.val_batch_idx += 1

    records = []
    for trainer_class in (Custom, hm.Trainer):
        model = hm.SoftmaxRegressionScratch(25, 3, lr=0.1)
        trainer = trainer_class(max_epochs=2, seed=0, gradient_clip_val=0.5)
        trainer.set_weights(model, {"W": np.zeros((25, 3)), "b": np.zeros(3)})
        trainer.fit(model, data)
        records.append(trainer.history)
    for record, expected in zip(*records, strict=True):
        assert record["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-5)
        assert record["val_accuracy"] == pytest.approx(expected["val_accuracy"], rel=1e-5)


def test_labels_with_several_axes_are_counted_individually():
    class Tagger(hm.Classifier):
        def __init__(self):
            super().__init__()
            self.lr = 0.1
            self.net = tf.keras.layers.Dense(3)

    class Sequences(hm.DataModule):
        batch_size = 16

        def get_dataloader(self, train):
            return self.get_tensorloader((X, y), train)

    generator = np.random.default_rng(0)
    X = generator.normal(size=(40, 6, 5)).astype(np.float32)
    y = generator.integers(0, 3, (40, 6))
    model = Tagger()
    trainer = hm.Trainer(max_epochs=1, seed=0)
    trainer.fit(model, Sequences())
    evaluation = trainer.evaluate(model, Sequences())
    correct = int((model(X).numpy().argmax(axis=2) == y).sum())
    assert (evaluation.correct, evaluation.count) == (correct, 240)


# Seeds


def fitted_with_dropout(data, seed):
    model = MLP(3, 8, lr=0.1, dropout=0.5)
    trainer = hm.Trainer(max_epochs=1, seed=seed)
    model(tf.zeros((1, 5, 5, 1)))
    weights = trainer.get_weights(model)
    generator = np.random.default_rng(0)
    start = {name: generator.normal(size=value.shape) for name, value in weights.items()}
    start = {n: np.abs(v) if "var" in n or "gamma" in n else v for n, v in start.items()}
    trainer.set_weights(model, start)
    trainer.fit(model, data)
    return trainer.history[0]["train_loss"]


def test_a_seed_determines_dropout_and_leaves_other_random_numbers_alone(data):
    tf.random.set_seed(11)
    random.seed(11)
    one = fitted_with_dropout(data, seed=3)
    state = random.getstate()
    after = float(tf.random.uniform(()))
    tf.random.set_seed(11)
    random.seed(11)
    assert fitted_with_dropout(data, seed=3) == one
    assert random.getstate() == state
    assert float(tf.random.uniform(())) == after
    assert fitted_with_dropout(data, seed=4) != one


def test_without_a_seed_tensorflows_generator_is_used(data):
    def first_loss(seed):
        tf.random.set_seed(seed)
        model = hm.SoftmaxRegressionScratch(25, 3, lr=0.1)
        trainer = hm.Trainer(max_epochs=1)
        trainer.fit(model, data)
        return trainer.history[0]["train_loss"]

    assert first_loss(1) == first_loss(1) != first_loss(2)


# Weights


def test_a_checkpoint_of_a_custom_model_can_be_loaded(data, tmp_path):
    path = tmp_path / "weights.safetensors"
    trainer = hm.Trainer(max_epochs=1, seed=0, checkpoint=path)
    model = MLP(3, 8, lr=0.1)
    trainer.fit(model, data)
    fresh = MLP(3, 8, lr=0.1)
    with pytest.raises(ArgumentError, match="no weights yet; call it on a batch"):
        trainer.load_checkpoint(fresh, path)
    fresh(tf.zeros((1, 5, 5, 1)))
    trainer.load_checkpoint(fresh, path)
    assert trainer.evaluate(fresh, data) == trainer.evaluate(model, data)
    weights = trainer.get_weights(model)
    assert list(weights)[:2] == ["keras.0.kernel", "keras.1.bias"]
    with pytest.raises(RunError, match=r"must have shape \(25, 8\), got \(25, 9\)"):
        trainer.set_weights(model, {**weights, "keras.0.kernel": np.zeros((25, 9))})


def test_linear_regression_has_small_initial_weights():
    model = hm.LinearRegression(lr=0.03)
    model(tf.ones((2, 5000)))
    w, b = model.get_w_b()
    assert w.std() == pytest.approx(0.01, rel=0.1)
    assert b.tolist() == [0]


def test_the_scratch_model_is_stable_for_large_scores():
    model = hm.SoftmaxRegressionScratch(num_inputs=2, num_outputs=2, lr=0.1)
    model.W.assign([[1e4, 0.0], [0.0, 1e4]])
    with tf.GradientTape() as tape:
        loss = model.loss(model(tf.eye(2)), tf.constant([1, 1]))
    assert float(loss) == pytest.approx(5e3)
    assert np.isfinite(tape.gradient(loss, model.W)).all()


def test_averaged_is_supported():
    model = hm.Classifier()
    scores, labels = tf.constant([[1.0, 0.0], [0.0, 3.0]]), tf.constant([1, 1])
    losses = np.log(1 + np.exp([1, -3]))
    np.testing.assert_allclose(model.loss(scores, labels, averaged=False), losses, rtol=1e-5)
    assert float(model.loss(scores, labels)) == pytest.approx(losses.mean(), rel=1e-5)
    assert model.accuracy(scores, labels, averaged=False).numpy().tolist() == [0, 1]
    assert float(model.accuracy(scores, labels)) == 0.5


# The functional edition and names


@pytest.mark.parametrize("with_keras", [False, True])
def test_functional_training_accepts_keras_and_plain_losses_and_optimizers(data, with_keras):
    W, b = tf.Variable(tf.zeros((25, 3))), tf.Variable(tf.zeros(3))
    net = tf.keras.Sequential(
        [tf.keras.layers.Flatten(), tf.keras.layers.Dense(3, kernel_initializer="zeros")]
    )
    loader = data.train_dataloader()
    loader.seed = 0
    if with_keras:
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        metrics = hm.train_epoch_ch3(net, loader, loss, tf.keras.optimizers.SGD(0.1))
        accuracy = hm.evaluate_accuracy(net, data.val_dataloader())
    else:

        def scratch(X):
            return tf.matmul(tf.reshape(X, (-1, 25)), W) + b

        def loss(y_hat, y):
            return hm.cross_entropy(y_hat, y, from_logits=True)

        metrics = hm.train_epoch_ch3(scratch, loader, loss, hm.Updater([W, b], 0.1))
        accuracy = hm.evaluate_accuracy(scratch, data.val_dataloader())
    model = hm.SoftmaxRegressionScratch(25, 3, lr=0.1)
    trainer = hm.Trainer(max_epochs=1, seed=0)
    trainer.set_weights(model, {"W": np.zeros((25, 3)), "b": np.zeros(3)})
    trainer.fit(model, data)
    record = trainer.history[0]
    assert metrics == pytest.approx((record["train_loss"], record["train_accuracy"]), rel=1e-5)
    assert accuracy == pytest.approx(record["val_accuracy"])


def test_evaluate_loss_accepts_a_keras_loss():
    X, y = np.random.default_rng(0).normal(size=(2, 23)).astype(np.float32)
    loader = hm.load_array((X[:, np.newaxis], y), 5, is_train=False)
    loss = hm.evaluate_loss(lambda batch: batch, loader, tf.keras.losses.MeanSquaredError())
    assert loss == pytest.approx(np.mean((X - y) ** 2), rel=1e-5)


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
        "astype": (hm.astype(t, tf.int32), x.astype(np.int32)),
        "zeros": (hm.zeros(2), np.zeros(2)),
        "ones": (hm.ones((2, 3)), np.ones((2, 3))),
        "arange": (hm.arange(5), np.arange(5)),
    }
    for name, (actual, expected) in cases.items():
        np.testing.assert_allclose(hm.numpy(actual), expected, rtol=1e-6, err_msg=name)
    assert hm.size(t) == 12


def test_devices_are_context_managers():
    with hm.cpu():
        assert "CPU" in tf.ones(2).device
    if not hm.num_gpus():
        with hm.try_gpu(), hm.try_all_gpus()[0]:
            assert "CPU" in tf.ones(2).device
