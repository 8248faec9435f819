"""Small steps run on one thread, large ones on all, and PyTorch's setting is restored."""

import numpy as np
import pytest
import torch
from torch import nn

from hardmax import torch as hm
from hardmax.torch.runtime import SMALL, SMALL_PRODUCT, is_small
from hardmax.training.callbacks import Callback

THREADS = 3


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


class Watcher(Callback):
    """Records the number of threads after each chunk, and may fail."""

    def __init__(self, fails=False):
        self.seen, self.fails = set(), fails

    def on_chunk(self, trainer):
        self.seen.add(torch.get_num_threads())
        if self.fails:
            raise OSError


class Data(hm.DataModule):
    def __init__(self, features, count=64, batch_size=16):
        super().__init__()
        self.batch_size = batch_size
        self.arrays = torch.randn(count, features), torch.arange(count) % 3

    def get_dataloader(self, train):
        return self.get_tensorloader(self.arrays, train)


class Model(hm.Classifier):
    """A classifier whose layers are lazy; a plain tensor is part of its weights."""

    def __init__(self, hidden=8):
        super().__init__()
        self.lr = 0.1
        self.b = torch.zeros(3, requires_grad=True)
        self.net = nn.Sequential(nn.LazyLinear(hidden), nn.ReLU(), nn.LazyLinear(3))


class Stepwise(Model):
    def training_step(self, batch):
        return super().training_step(batch)


@pytest.mark.parametrize("model", [Model(), Stepwise()])
def test_small_steps_run_on_one_thread(model):
    watcher = Watcher()
    trainer = hm.Trainer(2, callbacks=[watcher])
    trainer.fit(model, Data(4))
    assert watcher.seen == {1}
    assert torch.get_num_threads() == THREADS
    trainer.evaluate(model, Data(4))
    trainer.scores(model, Data(4).val_dataloader())
    assert torch.get_num_threads() == THREADS


def test_large_steps_run_on_all_threads():
    watcher = Watcher()
    hm.Trainer(1, callbacks=[watcher]).fit(Model(hidden=2048), Data(1024))
    assert watcher.seen == {THREADS}


def test_the_threads_are_restored_after_a_failure():
    with pytest.raises(OSError):  # noqa: PT011
        hm.Trainer(1, callbacks=[Watcher(fails=True)]).fit(Model(), Data(4))
    assert torch.get_num_threads() == THREADS


def test_an_evaluation_within_a_fit_leaves_its_threads_alone():
    class Evaluating(Watcher):
        def on_chunk(self, trainer):
            trainer.evaluate(trainer.model, Data(4))
            super().on_chunk(trainer)

    watcher = Evaluating()
    hm.Trainer(1, callbacks=[watcher]).fit(Model(), Data(4))
    assert watcher.seen == {1}
    assert torch.get_num_threads() == THREADS


def test_a_large_fit_after_a_small_one_runs_on_all_threads():
    watcher = Watcher()
    trainer = hm.Trainer(1, callbacks=[watcher])
    trainer.fit(Model(), Data(4))
    trainer.fit(Model(hidden=2048), Data(1024))
    assert watcher.seen == {1, THREADS}


@pytest.mark.parametrize(
    ("layer", "shape", "products"),
    [
        (nn.Linear(784, 10, bias=False), (256, 784), 256 * 7840),
        (nn.Linear(784, 10, bias=False), (256, 1, 28, 28), 256 * 7840),
        (nn.Conv2d(1, 6, 5, bias=False), (256, 1, 28, 28), 256 * 150 * 784),
        (nn.Linear(32, 10, bias=False), (16, 50, 32), 16 * 50 * 320),
    ],
)
def test_multiplications_are_counted_by_batch_and_position(layer, shape, products):
    X, weights = torch.zeros(shape), [*layer.parameters()]
    most = int(np.ceil(SMALL / products))
    for factor in (1, most - 1, most):
        is_expected = products * factor < SMALL or products <= SMALL_PRODUCT
        assert is_small(weights * factor, X) == is_expected


class Unused(Model):
    """A model with a lazy layer that is never called, and a step on batches of its own."""

    def __init__(self):
        super().__init__()
        self.unused = nn.LazyLinear(2)

    def training_step(self, batch):
        return self.loss(self(batch["X"]), batch["y"])

    def validation_step(self, batch):
        assert {*batch} == {"X", "y"}


class OwnBatches(hm.Trainer):
    def prepare_batch(self, batch):
        return {"X": batch[0], "y": batch[1]}


def test_batches_and_unused_layers_may_be_of_any_kind():
    trainer = OwnBatches(max_epochs=2)
    trainer.fit(Unused(), Data(4))
    assert len(trainer.history) == 2
