"""MXNet only: removed NumPy names, Gluon's parameters, plain arrays, deferred weights."""

import importlib.util
import subprocess
import sys

import mxnet as mx
import numpy as onp
import pytest
from mxnet import autograd, gluon, init, np, npx
from mxnet.gluon import nn
from support import batches

from hardmax import frameworks
from hardmax import mxnet as hm
from hardmax.data.datasets import Images
from hardmax.errors import ArgumentError, MissingFrameworkError, RunError
from hardmax.mxnet.data import ImageData


@pytest.fixture
def images():
    generator = onp.random.default_rng(3)
    labels = generator.integers(0, 3, 90)
    images = generator.integers(0, 256, (90, 5, 5, 1), dtype=onp.uint8)
    return Images(images, labels)


@pytest.fixture
def data(images):
    return ImageData(images, images.take(onp.arange(40)), 16)


class MLP(hm.Classifier):
    """A model as a user would write it."""

    def __init__(self, num_outputs, num_hiddens, lr, dropout=0.0):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential()
        self.net.add(
            nn.Flatten(),
            nn.Dense(num_hiddens),
            nn.BatchNorm(momentum=0.9),
            nn.Activation("relu"),
            nn.Dropout(dropout),
            nn.Dense(num_outputs),
        )
        self.net.initialize()


# NumPy


def test_numpy_is_unchanged_and_mxnet_finds_the_removed_names():
    code = """
import numpy
before = {*dir(numpy)}
import hardmax.mxnet
import mxnet
print(sorted({*dir(numpy)} ^ before))
print([name for name in ("float_", "in1d", "PZERO", "fv") if name in vars(numpy)])
stand_in = mxnet.numpy.multiarray._np
print(stand_in is numpy, stand_in.float_ is numpy.float64, stand_in.sum is numpy.sum)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "[]", "False True True"]
    assert done.stderr == ""


def test_a_missing_mxnet_is_reported_with_both_commands(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "mxnet" else find(name)
    )
    with pytest.raises(MissingFrameworkError, match=r"hardmax\[mxnet\].*--no-deps mxnet==1\.9\.1"):
        frameworks.check("mxnet")


def test_numpy_and_mxnet_work_together():
    x = np.array([[0, 1, 2], [3, 4, 5]])
    assert npx.is_np_array()
    assert x.dtype == onp.float32
    onp.testing.assert_array_equal(np.dot(x, x.T).asnumpy(), [[5, 14], [14, 50]])
    assert float(onp.mean(x.asnumpy())) == float(x.mean()) == 2.5


# Fitting


def test_fit_matches_a_loop_written_by_hand(images, data):
    model = hm.SoftmaxRegressionScratch(num_inputs=25, num_outputs=3, lr=0.2)
    trainer = hm.Trainer(max_epochs=3, seed=7)
    trainer.set_weights(model, {"W": onp.zeros((25, 3)), "b": onp.zeros(3)})
    trainer.fit(model, data)
    W, b = onp.zeros((25, 3)), onp.zeros(3)
    X, y = images.images.reshape(90, 25) / 255, images.labels
    for epoch in range(3):
        loss_sum = correct = 0
        for rows in batches(90, 16, seed=7, epoch=epoch):
            scores = X[rows] @ W + b
            probabilities = onp.exp(scores) / onp.exp(scores).sum(axis=1, keepdims=True)
            loss_sum -= onp.log(probabilities[onp.arange(len(rows)), y[rows]]).sum()
            correct += (scores.argmax(axis=1) == y[rows]).sum()
            error = (probabilities - onp.eye(3)[y[rows]]) / len(rows)
            W, b = W - 0.2 * X[rows].T @ error, b - 0.2 * error.sum(axis=0)
        record = trainer.history[epoch]
        assert record["train_loss"] == pytest.approx(loss_sum / 90, rel=1e-5)
        assert record["train_accuracy"] == pytest.approx(correct / 90)
    onp.testing.assert_allclose(model.W.asnumpy(), W, rtol=1e-4, atol=1e-6)


def test_hybridizable_networks_are_hybridized(data):
    model = hm.SoftmaxRegression(num_outputs=3, lr=0.1)
    plain = MLP(3, 8, lr=0.1)
    for each in (model, plain):
        trainer = hm.Trainer(max_epochs=2, seed=0)
        trainer.fit(each, data)
        assert trainer.uses_engine
    assert model.net._active
    assert not isinstance(plain.net, gluon.HybridBlock)


@pytest.mark.parametrize("stepwise", [False, True])
def test_dropout_and_batch_norm_follow_the_mode(images, stepwise):
    modes = []

    class Watched(MLP):
        def loss(self, Y_hat, Y, averaged=True):
            modes.append((autograd.is_training(), autograd.is_recording()))
            return super().loss(Y_hat, Y, averaged)

        if stepwise:

            def training_step(self, batch):
                return super().training_step(batch)

    data = ImageData(images, images, 90)
    model = Watched(3, 8, lr=0.0)
    hm.Trainer(max_epochs=1).fit(model, data)
    assert modes == [(True, True), (False, False)]
    X = np.array(images.images.reshape(90, 25) / 255, dtype="float32")
    hidden = model.net[1](X).asnumpy()
    mean = model.net[2].running_mean.data().asnumpy()
    onp.testing.assert_allclose(mean, 0.1 * hidden.mean(axis=0), rtol=1e-3, atol=1e-6)


def test_the_optimizer_depends_on_the_kind_of_weights(data):
    scratch, concise = hm.SoftmaxRegressionScratch(25, 3, lr=0.1), MLP(3, 8, lr=0.1)
    assert isinstance(scratch.configure_optimizers(), hm.SGD)
    assert isinstance(concise.configure_optimizers(), gluon.Trainer)
    assert [array.shape for array in scratch.parameters()] == [(25, 3), (3,)]
    assert isinstance(concise.parameters(), gluon.parameter.ParameterDict)


def test_plain_arrays_of_submodules_are_found_and_are_weights_if_they_have_gradients():
    class Inner(hm.Module):
        def __init__(self):
            super().__init__()
            self.w = np.ones(2)
            self.w.attach_grad()
            self.constant = np.ones(3)

    class Outer(hm.Module):
        def __init__(self):
            super().__init__()
            self.inner = Inner()
            self.both = [np.ones(4), np.ones(5)]
            self.both[0].attach_grad()

    model = Outer()
    shapes = sorted(array.shape for array in model.get_scratch_params())
    assert shapes == [(2,), (3,), (4,), (5,)]
    assert sorted(array.shape for array in model.parameters()) == [(2,), (4,)]
    assert sorted(hm.Trainer(1).get_weights(model)) == ["both.0", "inner.w"]
    model.set_scratch_params_device(mx.cpu(1))
    assert model.inner.w.ctx == mx.cpu(1)
    assert model.inner.w.grad is not None


def test_gradients_may_be_attached_to_scratch_params(data):
    class MLPScratch(hm.Classifier):
        def __init__(self, lr):
            super().__init__()
            self.save_hyperparameters()
            self.W1, self.b1 = np.random.randn(25, 8) * 0.3, np.zeros(8)
            self.W2, self.b2 = np.random.randn(8, 3) * 0.3, np.zeros(3)
            for array in self.get_scratch_params():
                array.attach_grad()

        def forward(self, X):
            hidden = np.maximum(np.dot(X.reshape(-1, 25), self.W1) + self.b1, 0)
            return np.dot(hidden, self.W2) + self.b2

    model = MLPScratch(lr=0.1)
    trainer = hm.Trainer(max_epochs=5, seed=0)
    before = trainer.get_weights(model)
    trainer.fit(model, data)
    after = trainer.get_weights(model)
    assert sorted(after) == ["W1", "W2", "b1", "b2"]
    assert all((after[name] != before[name]).any() for name in after)
    assert trainer.history[-1]["train_loss"] < trainer.history[0]["train_loss"]


def test_fit_accepts_gluon_loaders_and_optimizers(images):
    class Custom(hm.DataModule):
        def get_dataloader(self, train):
            X = np.array(images.images.reshape(90, 25) / 255, dtype="float32")
            dataset = gluon.data.ArrayDataset(X, np.array(images.labels, dtype="int32"))
            return gluon.data.DataLoader(dataset, 16, shuffle=train)

    class Adam(MLP):
        def configure_optimizers(self):
            return gluon.Trainer(self.collect_params(), "adam", {"learning_rate": 0.01})

    trainer = hm.Trainer(max_epochs=5, seed=0)
    trainer.fit(Adam(3, 8, lr=0.1), Custom())
    assert trainer.uses_engine
    assert trainer.history[-1]["train_loss"] < trainer.history[0]["train_loss"]


def test_a_seed_determines_dropout_and_leaves_other_random_numbers_alone(data):
    def first_loss(seed):
        model = MLP(3, 8, lr=0.1, dropout=0.5)
        model(np.zeros((1, 1, 5, 5)))
        trainer = hm.Trainer(max_epochs=1, seed=seed)
        start = {n: onp.full(v.shape, 0.1, "f4") for n, v in trainer.get_weights(model).items()}
        generator = onp.random.default_rng(0)
        start = {n: v + 0.1 * generator.random(v.shape, "f4") for n, v in start.items()}
        trainer.set_weights(model, start)
        trainer.fit(model, data)
        return trainer.history[0]["train_loss"]

    mx.random.seed(11)
    one, after = first_loss(3), float(np.random.uniform())
    mx.random.seed(11)
    assert first_loss(3) == one
    assert float(np.random.uniform()) == after
    assert first_loss(4) != one


# Weights


def test_a_checkpoint_can_be_loaded_into_uninitialized_layers(data, tmp_path):
    path = tmp_path / "weights.safetensors"
    trainer = hm.Trainer(max_epochs=1, seed=0, checkpoint=path)
    model = MLP(3, 8, lr=0.1)
    trainer.fit(model, data)
    fresh = MLP(3, 8, lr=0.1)
    with pytest.raises(ArgumentError, match="no weights yet"):
        trainer.get_weights(fresh)
    trainer.load_checkpoint(fresh, path)
    assert trainer.evaluate(fresh, data) == trainer.evaluate(model, data)
    wrong = {**trainer.get_weights(model), "net.1.weight": onp.zeros((8, 26))}
    with pytest.raises(RunError, match=r"must have shape \(8, 25\), got \(8, 26\)"):
        trainer.set_weights(model, wrong)


def test_linear_regression_has_small_initial_weights():
    model = hm.LinearRegression(lr=0.03)
    model(np.ones((2, 5000)))
    w, b = model.get_w_b()
    assert float(w.std()) == pytest.approx(0.01, rel=0.1)
    assert float(b) == 0


def test_the_scratch_model_is_stable_for_large_scores():
    model = hm.SoftmaxRegressionScratch(num_inputs=2, num_outputs=2, lr=0.1)
    model.W[:] = np.array([[1e4, 0.0], [0.0, 1e4]])
    with autograd.record():
        loss = model.loss(model(np.eye(2)), np.array([1, 1], dtype="int32"))
    loss.backward()
    assert float(loss) == pytest.approx(5e3)
    assert onp.isfinite(model.W.grad.asnumpy()).all()


def test_labels_with_several_axes_are_counted_individually():
    class Tagger(hm.Classifier):
        def __init__(self):
            super().__init__()
            self.lr = 0.1
            self.net = nn.Dense(3, flatten=False)
            self.net.initialize()

    class Sequences(hm.DataModule):
        batch_size = 16

        def get_dataloader(self, train):
            return self.get_tensorloader((X, y), train)

    generator = onp.random.default_rng(0)
    X = np.array(generator.normal(size=(40, 6, 5)), dtype="float32")
    labels = generator.integers(0, 3, (40, 6))
    y = np.array(labels, dtype="int32")
    model = Tagger()
    trainer = hm.Trainer(max_epochs=1, seed=0)
    trainer.fit(model, Sequences())
    evaluation = trainer.evaluate(model, Sequences())
    correct = int((model(X).asnumpy().argmax(axis=2) == labels).sum())
    assert (evaluation.correct, evaluation.count) == (correct, 240)


# The functional edition and names


@pytest.mark.parametrize("with_gluon", [False, True])
def test_functional_training_accepts_gluon_and_plain_updaters(data, with_gluon):
    loader = data.train_dataloader()
    loader.seed = 0
    if with_gluon:
        net = nn.Sequential()
        net.add(nn.Flatten(), nn.Dense(3))
        net.initialize(init.Zero())
        updater = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
        loss = gluon.loss.SoftmaxCrossEntropyLoss()
    else:
        W, b = np.zeros((25, 3)), np.zeros(3)
        W.attach_grad()
        b.attach_grad()

        def net(X):
            return np.dot(X.reshape(-1, 25), W) + b

        def updater(size):
            hm.sgd([W, b], 0.1, size)

        def loss(y_hat, y):
            return hm.cross_entropy(y_hat, y, from_logits=True)

    metrics = hm.train_epoch_ch3(net, loader, loss, updater)
    model = hm.SoftmaxRegressionScratch(25, 3, lr=0.1)
    trainer = hm.Trainer(max_epochs=1, seed=0)
    trainer.set_weights(model, {"W": onp.zeros((25, 3)), "b": onp.zeros(3)})
    trainer.fit(model, data)
    record = trainer.history[0]
    assert metrics == pytest.approx((record["train_loss"], record["train_accuracy"]), rel=1e-5)
    accuracy = hm.evaluate_accuracy(net, data.val_dataloader())
    assert accuracy == pytest.approx(record["val_accuracy"])


def test_accuracy_accepts_labels_of_any_dtype():
    scores = np.array([[0.0, 1.0]] * 300)
    assert hm.accuracy(scores, np.ones(300, dtype="uint8")) == 300


def test_datasets_return_float_images_and_int_labels(images, data):
    X, y = data.train[5]
    assert X.shape == (1, 5, 5)
    assert X.dtype == onp.float32
    assert y == images.labels[5]


def test_aliases_agree_with_numpy():
    x = onp.arange(12, dtype=onp.float32).reshape(3, 4) + 1
    t = hm.tensor(x)
    cases = {
        "reshape": (hm.reshape(t, (2, 6)), x.reshape(2, 6)),
        "reduce_sum": (hm.reduce_sum(t, 1, keepdims=True), x.sum(1, keepdims=True)),
        "reduce_mean": (hm.reduce_mean(t), x.mean()),
        "argmax": (hm.argmax(t, axis=1), x.argmax(axis=1)),
        "transpose": (hm.transpose(t), x.T),
        "exp": (hm.exp(t), onp.exp(x)),
        "log": (hm.log(t), onp.log(x)),
        "abs": (hm.abs(-t), x),
        "matmul": (hm.matmul(t, hm.transpose(t)), x @ x.T),
        "concat": (hm.concat((t, t), 0), onp.concatenate((x, x))),
        "stack": (hm.stack((t, t)), onp.stack((x, x))),
        "astype": (hm.astype(t, "int32"), x.astype(onp.int32)),
        "to": (hm.to(t, hm.cpu()), x),
        "zeros": (hm.zeros(2), onp.zeros(2)),
        "ones": (hm.ones((2, 3)), onp.ones((2, 3))),
        "arange": (hm.arange(5), onp.arange(5)),
    }
    for name, (actual, expected) in cases.items():
        onp.testing.assert_allclose(hm.numpy(actual), expected, rtol=1e-6, err_msg=name)
    assert hm.size(t) == 12


def test_devices_have_names():
    assert hm.cpu() == mx.cpu()
    assert hm.gpu(1) == mx.gpu(1)
    if not hm.num_gpus():
        assert hm.try_gpu() == hm.cpu()
        assert hm.try_all_gpus() == [hm.cpu()]


def test_batches_of_an_epoch_written_by_hand_have_different_random_numbers(data, tmp_path):
    drawn = []

    class Trainer(hm.Trainer):
        def fit_epoch(self):
            for batch in self.train_dataloader:
                self.train_on(batch)
                drawn.append(float(np.random.uniform()))

    model = MLP(3, 8, lr=0.1, dropout=0.5)
    Trainer(2, seed=0, resume=tmp_path / "fit").fit(model, data)
    assert len({*drawn}) == len(drawn) == 12
