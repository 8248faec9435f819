"""PyTorch only: independent loops, plain tensors as weights, lazy layers, generators."""

import copy

import numpy as np
import pytest
import torch
from support import batches
from torch import nn
from torch.nn import functional as F

from hardmax import torch as hm
from hardmax.data.datasets import Images
from hardmax.errors import ArgumentError
from hardmax.torch.data import ImageData


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
        self.net = nn.Sequential(
            nn.Flatten(),
            nn.LazyLinear(num_hiddens),
            nn.BatchNorm1d(num_hiddens),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.LazyLinear(num_outputs),
        )


def test_fit_matches_a_loop_written_by_hand(images, data):
    model = hm.SoftmaxRegression(num_outputs=3, lr=0.2)
    model.layer_summary((1, 1, 5, 5))
    net = nn.Sequential(nn.Flatten(), nn.Linear(25, 3))
    net.load_state_dict(model.net.state_dict())
    optimizer = torch.optim.SGD(net.parameters(), lr=0.2)
    X = torch.tensor(images.images).reshape(90, 1, 5, 5) / 255
    y = torch.tensor(images.labels)
    epochs = []
    for epoch in range(3):
        loss_sum = correct = 0
        for rows in batches(90, 16, seed=7, epoch=epoch):
            scores = net(X[rows])
            loss = F.cross_entropy(scores, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(rows)
            correct += (scores.argmax(1) == y[rows]).sum().item()
        epochs.append((loss_sum / 90, correct / 90))
    trainer = hm.Trainer(max_epochs=3, seed=7)
    trainer.fit(model, data)
    history = [(record["train_loss"], record["train_accuracy"]) for record in trainer.history]
    np.testing.assert_allclose(history, epochs, rtol=1e-6)
    for name, value in net.state_dict().items():
        torch.testing.assert_close(model.net.state_dict()[name], value, rtol=1e-5, atol=1e-6)


def test_dropout_and_batch_norm_follow_the_mode(data):
    modes = []

    class Watched(MLP):
        def loss(self, Y_hat, Y, averaged=True):
            modes.append((self.net[2].training, torch.is_grad_enabled()))
            return super().loss(Y_hat, Y, averaged)

    trainer = hm.Trainer(max_epochs=1)
    trainer.fit(Watched(3, 8, lr=0.1, dropout=0.5), data)
    assert trainer.uses_engine
    assert modes == [(True, True)] * 6 + [(False, False)] * 3


def test_a_seed_determines_lazy_layers_and_dropout_and_restores_the_generator(data):
    def fitted():
        model = MLP(3, 8, lr=0.1, dropout=0.5)
        hm.Trainer(max_epochs=2, seed=3).fit(model, data)
        return model.net.state_dict()

    torch.manual_seed(11)
    state = torch.get_rng_state()
    one = fitted()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(12)
    other = fitted()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_without_a_seed_pytorchs_generator_is_used(data):
    def fitted(seed):
        torch.manual_seed(seed)
        model = MLP(3, 8, lr=0.1, dropout=0.5)
        trainer = hm.Trainer(max_epochs=2)
        trainer.fit(model, data)
        return trainer.history[-1]["train_loss"]

    assert fitted(1) == fitted(1) != fitted(2)


def test_plain_tensors_are_weights(data):
    model = hm.SoftmaxRegressionScratch(num_inputs=25, num_outputs=3, lr=0.1)
    before = model.W.detach().clone()
    trainer = hm.Trainer(max_epochs=1, seed=0)
    trainer.fit(model, data)
    assert not torch.equal(model.W, before)
    assert sorted(trainer.get_weights(model)) == ["W", "b"]
    model.double()
    assert model.W.dtype == model.b.dtype == torch.float64
    assert model.W.is_leaf
    assert model.W.requires_grad


def test_initial_scratch_weights_are_normal_with_sigma_0_01():
    torch.manual_seed(0)
    model = hm.SoftmaxRegressionScratch(num_inputs=784, num_outputs=10, lr=0.1)
    assert model.W.std().item() == pytest.approx(0.01, rel=0.05)
    assert abs(model.W.mean().item()) < 0.001
    assert torch.equal(model.b, torch.zeros(10))


def test_the_scratch_model_is_stable_for_large_scores():
    model = hm.SoftmaxRegressionScratch(num_inputs=2, num_outputs=2, lr=0.1)
    with torch.no_grad():
        model.W.copy_(torch.tensor([[1e4, 0.0], [0.0, 1e4]]))
    X, y = torch.eye(2), torch.tensor([1, 1])
    loss = model.loss(model(X), y)
    assert loss.item() == pytest.approx(5e3)
    loss.backward()
    assert torch.isfinite(model.W.grad).all()


def test_plain_tensors_are_clipped(data):
    model = hm.SoftmaxRegressionScratch(num_inputs=25, num_outputs=3, lr=1.0)
    before = model.W.detach().clone(), model.b.detach().clone()
    data.batch_size = 1000
    hm.Trainer(max_epochs=1, gradient_clip_val=0.01).fit(model, data)
    norm = ((model.W - before[0]) ** 2).sum() + ((model.b - before[1]) ** 2).sum()
    assert norm.sqrt().item() == pytest.approx(0.01, rel=1e-3)


def test_a_custom_epoch_and_optimizer_match_the_library(data):
    class SGD(hm.HyperParameters):
        def __init__(self, params, lr):
            self.save_hyperparameters()

        def step(self):
            for param in self.params:
                param -= self.lr * param.grad

        def zero_grad(self):
            for param in self.params:
                param.grad = None

    class Custom(hm.Trainer):
        def fit_epoch(self):
            self.model.train()
            for batch in self.train_dataloader:
                loss = self.model.training_step(self.prepare_batch(batch))
                self.optim.zero_grad()
                loss.backward()
                with torch.no_grad():
                    self.optim.step()
                self.train_batch_idx += 1
            self.model.eval()
            with torch.no_grad():
                for batch in self.val_dataloader:
                    self.model.validation_step(self.prepare_batch(batch))
                    self.val_batch_idx += 1

    def fitted(trainer_class):
        torch.manual_seed(4)
        model = hm.SoftmaxRegressionScratch(num_inputs=25, num_outputs=3, lr=0.1)
        model.configure_optimizers = lambda: SGD([model.W, model.b], 0.1)
        trainer = trainer_class(max_epochs=2, seed=0)
        trainer.fit(model, data)
        return trainer, model

    (custom, one), (library, other) = fitted(Custom), fitted(hm.Trainer)
    assert not custom.uses_engine
    assert library.uses_engine
    torch.testing.assert_close(one.W, other.W)
    # Means are over examples here too, although the last batch is shorter.
    for record, expected in zip(custom.history, library.history, strict=True):
        assert record["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-6)
    np.testing.assert_allclose(one.board.data["val_loss"], other.board.data["val_loss"], rtol=1e-6)


def test_a_trainer_with_the_books_init_fits(data, monkeypatch):
    def __init__(self, max_epochs, num_gpus=0, gradient_clip_val=0):  # noqa: N807
        self.save_hyperparameters()
        self.gpus = [hm.gpu(i) for i in range(min(num_gpus, hm.num_gpus()))]

    monkeypatch.setattr(hm.Trainer, "__init__", __init__)
    trainer = hm.Trainer(max_epochs=1, num_gpus=1)
    trainer.fit(hm.SoftmaxRegression(3, lr=0.1), data)
    assert len(trainer.history) == 1


def test_missing_gpus_raise_a_warning(data):
    if hm.num_gpus():
        pytest.skip("this machine has a GPU")
    with pytest.warns(UserWarning, match="num_gpus=1, but only 0 GPUs are available"):
        hm.Trainer(max_epochs=1, num_gpus=1)


def test_plotting_keeps_no_graph_alive(data):
    class Stepwise(MLP):
        def training_step(self, batch):
            return super().training_step(batch)

    model = Stepwise(3, 8, lr=0.1)
    model.plot_train_per_epoch = 1
    trainer = hm.Trainer(max_epochs=1)
    trainer.prepare_data(data)
    trainer.prepare_model(model)
    trainer.meters = {}
    loss = model.training_step(next(iter(trainer.train_dataloader)))
    assert loss.requires_grad
    waiting = model.board._waiting["train_loss"]
    assert [value.requires_grad for _, value, _ in waiting] == [False]


def test_linear_regression_has_small_initial_weights():
    torch.manual_seed(0)
    model = hm.LinearRegression(lr=0.03)
    model(torch.randn(4, 5000))
    weight, bias = model.get_w_b()
    assert weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert bias.item() == 0
    weight += 1
    model(torch.randn(4, 5000))
    assert model.get_w_b()[0].mean().item() == pytest.approx(1, abs=0.01)


def test_copied_and_loaded_weights_of_linear_regression_are_unchanged():
    X = torch.randn(4, 3)
    model = hm.LinearRegression(lr=0.1)
    copied = copy.deepcopy(model)
    torch.testing.assert_close(copied(X), copied(X), rtol=0, atol=0)
    other = hm.LinearRegression(lr=0.1)
    model(X)
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other(X), model(X), rtol=0, atol=0)


def test_a_checkpoint_gives_lazy_layers_their_shapes(data, tmp_path):
    model = hm.SoftmaxRegression(num_outputs=3, lr=0.1)
    trainer = hm.Trainer(1, checkpoint=tmp_path / "weights")
    trainer.fit(model, data)
    fresh = hm.SoftmaxRegression(num_outputs=3, lr=0.1)
    trainer.load_checkpoint(fresh, tmp_path / "weights")
    X = torch.randn(4, 1, 5, 5)
    torch.testing.assert_close(fresh(X), model(X), rtol=0, atol=0)


def test_weights_in_lists_are_found_and_a_model_without_weights_is_rejected():
    class Listed(hm.Classifier):
        def __init__(self):
            super().__init__()
            self.weights = [torch.ones(2, 3, requires_grad=True), torch.zeros(3)]

    class Hidden(hm.Classifier):
        pass

    assert list(hm.Trainer(1).get_weights(Listed())) == ["weights.0"]
    with pytest.raises(ArgumentError, match="Hidden has no weights; keep them in its attributes"):
        hm.Trainer(1).get_weights(Hidden())


def test_a_custom_network_attribute_is_not_an_architecture():
    class Custom(hm.Classifier):
        def __init__(self):
            super().__init__()
            self.network = nn.Linear(3, 2)
            self.net = nn.Linear(2, 2)

    weights = hm.Trainer(1).get_weights(Custom())
    assert sorted(weights) == ["net.bias", "net.weight", "network.bias", "network.weight"]


def test_labels_with_several_axes_are_counted_individually():
    class Tagger(hm.Classifier):
        def __init__(self):
            super().__init__()
            self.lr = 0.1
            self.net = nn.Linear(5, 3)

    class Sequences(hm.DataModule):
        batch_size = 16

        def get_dataloader(self, train):
            return self.get_tensorloader((X, y), train)

    X, y = torch.randn(40, 6, 5), torch.randint(0, 3, (40, 6))
    model = Tagger()
    trainer = hm.Trainer(max_epochs=1)
    trainer.fit(model, Sequences())
    evaluation = trainer.evaluate(model, Sequences())
    correct = int((model(X).argmax(dim=2) == y).sum())
    assert (evaluation.correct, evaluation.count) == (correct, 240)
    assert trainer.history[0]["val_accuracy"] == pytest.approx(correct / 240)
    loss = F.cross_entropy(model(X).reshape(240, 3), y.ravel())
    assert evaluation.loss == pytest.approx(loss.item())


def test_bfloat16_trains(data):
    model = hm.SoftmaxRegressionScratch(num_inputs=25, num_outputs=3, lr=0.1)
    model.forward = lambda X: (X.reshape(-1, 25).bfloat16() @ model.W.bfloat16()) + model.b
    model.loss = lambda scores, y: F.cross_entropy(scores.bfloat16(), y)
    trainer = hm.Trainer(max_epochs=1)
    trainer.fit(model, data)
    assert trainer.history[0]["train_loss"] == pytest.approx(np.log(3), abs=0.1)


def test_evaluation_restores_the_mode_of_every_layer_even_if_it_fails(data):
    model = MLP(3, 8, lr=0.1)
    model.layer_summary((2, 1, 5, 5))
    model.net[2].eval()
    hm.evaluate_accuracy(model, data.val_dataloader())
    with pytest.raises(RuntimeError):
        hm.evaluate_accuracy(model, [(torch.zeros(2, 7), torch.zeros(2))])
    with pytest.raises(RuntimeError):
        model.layer_summary((2, 1, 7, 7))
    assert [module.training for module in model.net] == [True, True, False, True, True, True]


def test_apply_init_initializes_lazy_layers():
    def init(layer):
        if type(layer) is nn.Linear:
            nn.init.ones_(layer.weight)

    model = MLP(3, 8, lr=0.1)
    model.eval()
    model.apply_init([torch.zeros(2, 1, 5, 5)], init)
    assert torch.equal(model.net[1].weight, torch.ones(8, 25))


def test_layer_summary_draws_no_random_numbers_and_keeps_the_mode(capsys):
    model = MLP(3, 8, lr=0.1)
    model.layer_summary((2, 1, 5, 5))  # initializes the lazy layers
    means = model.net[2].running_mean.clone()
    state = torch.get_rng_state()
    model.layer_summary((2, 1, 5, 5))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(model.net[2].running_mean, means)
    assert model.training
    assert "Linear output shape:\t torch.Size([2, 3])" in capsys.readouterr().out


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
        "astype": (hm.astype(t, torch.int64), x.astype(np.int64)),
        "to": (hm.to(t, hm.cpu()), x),
        "zeros": (hm.zeros(2), np.zeros(2)),
        "ones": (hm.ones((2, 3)), np.ones((2, 3))),
        "arange": (hm.arange(5), np.arange(5)),
    }
    for name, (actual, expected) in cases.items():
        np.testing.assert_allclose(hm.numpy(actual), expected, rtol=1e-6, err_msg=name)
    assert hm.size(t) == 12
    assert hm.numpy(hm.astype(t, torch.int64)).dtype == np.int64
    assert hm.tensor([1.0], requires_grad=True).requires_grad
    assert hm.numpy(hm.tensor([1.0], requires_grad=True)).tolist() == [1.0]


def test_devices_have_names():
    assert hm.cpu() == torch.device("cpu")
    assert hm.gpu(1) == torch.device("cuda:1")
    if not hm.num_gpus():
        assert hm.try_gpu() == hm.cpu()
        assert hm.try_all_gpus() == [hm.cpu()]


def test_datasets_return_float_images_and_int_labels(images, data):
    X, y = data.train[5]
    assert X.shape == (1, 5, 5)
    assert X.dtype == torch.float32
    assert y == images.labels[5]
    loader = torch.utils.data.DataLoader(data.train, batch_size=90)
    np.testing.assert_allclose(next(iter(loader))[0].reshape(90, 5, 5, 1) * 255, images.images)


def test_functional_training_accepts_an_optimizer_and_a_mean_loss(data):
    loaders = data.train_dataloader(), data.val_dataloader()
    results = []
    for reduction in ("none", "mean"):
        torch.manual_seed(2)
        net = nn.Sequential(nn.Flatten(), nn.Linear(25, 3))
        loaders[0].seed, loaders[0].epoch = 0, 0
        loss = nn.CrossEntropyLoss(reduction=reduction)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        results.append(hm.train_epoch_ch3(net, loaders[0], loss, optimizer))
        net.train()
        hm.evaluate_accuracy(net, loaders[1])
        assert net.training
    np.testing.assert_allclose(*results, rtol=1e-6)


@pytest.mark.parametrize(
    "step",
    [
        lambda weight: hm.sgd([weight], lr=0.1, batch_size=4),
        lambda weight: hm.SGD([weight], lr=0.1).step(),
    ],
)
def test_a_step_without_gradients_names_what_is_missing(step):
    weight = torch.ones(3, 2, requires_grad=True)
    with pytest.raises(ArgumentError, match=r"shape \(3, 2\) has no gradient"), torch.no_grad():
        step(weight)
