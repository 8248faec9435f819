"""Callbacks, called by the real training loop with scripted losses."""

import logging
import math
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.errors import ArgumentError, RunError
from hardmax.networks.layouts import Portable
from hardmax.plotting.board import ProgressBoard
from hardmax.processes.group import Group
from hardmax.training import checkpoint
from hardmax.training.callbacks import Callback, EarlyStopping, SaveCheckpoint
from hardmax.training.module import Module
from hardmax.training.trainer import Trainer


class Model(Module):
    """A model whose only weight is the number of epochs it was trained for."""

    def __init__(self):
        self.board = ProgressBoard(display=False)
        self.weight = np.zeros(1)


class ScriptedTrainer(Trainer):
    """Training only counts epochs; the validation losses are given."""

    framework = "scripted"
    more = {}
    processes = SimpleNamespace(SHARES=True, join=Group)
    runtime = SimpleNamespace(num_gpus=lambda: 0)
    layers = SimpleNamespace(scale_dropout=lambda model, factor: None)

    def __init__(self, losses, **settings):
        super().__init__(len(losses), **settings)
        self.losses = losses

    def fit_epoch(self):
        self.model.weight += 1
        self.observe("train_loss", 0.5)
        for label, value in self.more.items():
            self.observe(label, value)
        if self.losses[self.epoch] is not None:
            self.observe("val_loss", self.losses[self.epoch])

    def get_weights(self, model):
        return {"weight": model.weight.copy()}

    def set_weights(self, model, weights):
        model.weight = weights["weight"].copy()


def fit(trainer, model=None):
    trainer.model = model or Model()
    trainer.run_epochs()
    return trainer.model.weight.item()


def first_lowest(losses):
    """The 1-based position of the first lowest loss; 0 if none is finite."""
    numbers = [loss for loss in losses if loss < math.inf]
    return losses.index(min(numbers)) + 1 if numbers else 0


losses = st.lists(
    st.one_of(st.integers(0, 6).map(float), st.sampled_from([math.nan, math.inf])),
    min_size=1,
    max_size=12,
)


@pytest.mark.filterwarnings("ignore:the validation loss became")
@given(losses, st.integers(1, 4))
def test_training_stops_without_improvement_and_restores_the_best_weights(values, patience):
    trainer = ScriptedTrainer(values, patience=patience)
    weight = fit(trainer)
    stops = [n for n in range(1, len(values) + 1) if n - first_lowest(values[:n]) >= patience]
    epochs = stops[0] if stops else len(values)
    assert len(trainer.history) == epochs
    assert trainer.should_stop == bool(stops)
    assert weight == (first_lowest(values[:epochs]) or epochs)


def test_early_stopping_as_a_callback_does_the_same():
    trainer = ScriptedTrainer([3.0, 1.0, 2.0, 2.0, 0.0], callbacks=[EarlyStopping(2)])
    assert fit(trainer) == 2
    assert len(trainer.history) == 4


@pytest.mark.parametrize("how", ["patience", "callback"])
def test_each_fit_has_its_own_best_epoch(how):
    settings = {"patience": 2} if how == "patience" else {"callbacks": [EarlyStopping(2)]}
    trainer = ScriptedTrainer([1.0, 2.0, 3.0, 4.0], **settings)
    assert fit(trainer) == 1
    trainer.losses = [9.0, 8.0, 7.0, 6.0]
    assert fit(trainer) == 4
    assert len(trainer.history) == 4


def test_early_stopping_needs_a_validation_loss():
    with pytest.raises(ArgumentError, match="needs a validation loss"):
        fit(ScriptedTrainer([None], patience=1))


@pytest.mark.parametrize("patience", [0, -1, 1.5, True, "2"])
def test_an_invalid_patience_is_refused(patience):
    with pytest.raises(ArgumentError, match="patience"):
        ScriptedTrainer([1.0], patience=patience)


class Recorder(Callback):
    """Records its calls; stops the training after ``stop`` epochs."""

    def __init__(self, stop=None):
        self.calls, self.stop = [], stop

    def on_epoch(self, trainer, record):
        assert record is trainer.history[-1]
        self.calls.append((record["epoch"], record["train_loss"], record["val_loss"]))
        trainer.should_stop = record["epoch"] == self.stop

    def on_fit_end(self, trainer):
        self.calls.append("end")


def test_a_callback_is_called_after_every_epoch_and_at_the_end():
    recorder = Recorder()
    fit(ScriptedTrainer([3.0, None], callbacks=[recorder]))
    assert recorder.calls == [(1, 0.5, 3.0), (2, 0.5, None), "end"]


def test_a_callback_can_stop_the_training():
    recorder = Recorder(stop=2)
    trainer = ScriptedTrainer([1.0] * 5, callbacks=[recorder])
    assert fit(trainer) == 2
    assert recorder.calls[-1] == "end"
    assert fit(trainer) == 2, "the next fit starts from the beginning"


def test_the_base_callback_changes_nothing():
    assert fit(ScriptedTrainer([1.0, 2.0], callbacks=[Callback()])) == 2


class Reader(Callback):
    """Reads the checkpoint file after every epoch."""

    def __init__(self, path):
        self.path, self.read = path, []

    def on_epoch(self, trainer, record):
        weights, header = checkpoint.load(self.path)
        self.read.append((weights["weight"].tolist(), header))


def test_the_file_contains_the_weights_of_each_epoch_in_turn(tmp_path):
    path = tmp_path / "a.safetensors"
    reader = Reader(path)
    fit(ScriptedTrainer([1.0] * 3, callbacks=[SaveCheckpoint(path), reader]))
    assert reader.read == [([i], {"epoch": i, "framework": "scripted"}) for i in (1, 2, 3)]
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_contains_the_last_epoch_while_the_model_gets_the_best_one(tmp_path):
    path = tmp_path / "a.safetensors"
    trainer = ScriptedTrainer([1.0, 2.0, 3.0], patience=2, checkpoint=str(path))
    assert fit(trainer) == 1
    weights, header = checkpoint.load(path)
    assert (weights["weight"].tolist(), header["epoch"]) == ([3], 3)


def test_weights_can_be_loaded_into_another_model(tmp_path):
    trainer = ScriptedTrainer([1.0, 1.0], checkpoint=tmp_path / "a")
    fit(trainer)
    other = Model()
    assert trainer.load_checkpoint(other, tmp_path / "a")["epoch"] == 2
    assert other.weight == 2


class OtherTrainer(ScriptedTrainer):
    framework = "other"


def test_weights_with_native_names_are_refused_by_another_framework(tmp_path):
    fit(ScriptedTrainer([1.0], checkpoint=tmp_path / "a"))
    other = Model()
    with pytest.raises(RunError, match=r"custom model in scripted, .* not with hardmax\.other"):
        OtherTrainer([1.0]).load_checkpoint(other, tmp_path / "a")
    assert other.weight == 0


class PortableModel(Portable, Model):
    """A model whose weights have portable names."""


def test_portable_weights_load_in_any_framework(tmp_path):
    fit(ScriptedTrainer([1.0], checkpoint=tmp_path / "a"), PortableModel())
    other = Model()
    assert OtherTrainer([1.0]).load_checkpoint(other, tmp_path / "a") == {"epoch": 1}
    assert other.weight == 1


def test_training_fails_if_the_file_cannot_be_written(tmp_path):
    with pytest.raises(RunError, match="cannot write"):
        fit(ScriptedTrainer([1.0], checkpoint=tmp_path / "missing" / "a"))


def logged(caplog, trainer, display=True):
    """Return the lines that a fit logs at INFO, without the seconds at their ends."""
    model = Model()
    model.board.display = display
    with caplog.at_level(logging.INFO, "hardmax"):
        fit(trainer, model)
    records = [record for record in caplog.records if record.levelno == logging.INFO]
    assert {record.name for record in records} <= {"hardmax.training.callbacks"}
    lines = [record.getMessage() for record in records]
    for line, epoch in zip(lines, trainer.history, strict=False):
        assert line.endswith(f", {epoch['seconds']:.2f} seconds")
    return [line.rpartition(", ")[0] for line in lines]


def test_without_a_screen_each_epoch_is_logged(caplog):
    assert logged(caplog, ScriptedTrainer([3.0, None, 0.25])) == [
        "epoch 1/3: training loss 0.5000, validation loss 3.0000",
        "epoch 2/3: training loss 0.5000",
        "epoch 3/3: training loss 0.5000, validation loss 0.2500",
    ]


def test_what_a_step_plots_is_logged_once(caplog):
    trainer = ScriptedTrainer([1.0])
    trainer.more = {"val_acc": 0.75, "train_top_5": 0.875, "train_accuracy": 0.5}
    assert logged(caplog, trainer) == [
        "epoch 1/1: training loss 0.5000, validation loss 1.0000, validation accuracy 0.7500, "
        "training top_5 0.8750, training accuracy 0.5000"
    ]


def test_a_board_that_is_not_displayed_is_not_replaced_by_a_log(caplog):
    assert logged(caplog, ScriptedTrainer([1.0]), display=False) == []


def test_in_a_terminal_nothing_is_logged(caplog, monkeypatch):
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    with open(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        assert logged(caplog, ScriptedTrainer([1.0])) == []
        monkeypatch.undo()
    os.close(master)


def test_no_handler_and_no_level_is_set():
    found = [logging.getLogger(name) for name in ("hardmax", "hardmax.training.callbacks")]
    assert [(one.handlers, one.level, one.propagate) for one in found] == 2 * [([], 0, True)]
