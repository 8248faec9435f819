"""Training: both paths, exact averages, seeds, and hardmax's additions to the book's Trainer."""

import functools
import logging
import math

import numpy as np
import pytest

from hardmax.errors import ArgumentError, DivergenceError, RunError
from hardmax.networks import layers
from hardmax.training import checkpoint
from hardmax.training.callbacks import Callback
from hardmax.training.dispatch import takes_engine

#: Its scores are NaN if an input is; MXNet's ReLU turns NaN into 0.
LINEAR = (layers.Flatten(), layers.Linear(4))


def stepwise(fw, hook="training_step"):
    """Return a classifier class that overrides a hook without changing what it does."""

    def override(self, *arguments):
        return getattr(super(Stepwise, self), hook)(*arguments)

    Stepwise = type("Stepwise", (fw.models.NetworkClassifier,), {hook: override})
    return Stepwise


def assert_same_weights(one, other, **tolerance):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], **tolerance)


@pytest.mark.parametrize("hook", ["training_step", "validation_step"])
def test_both_paths_give_the_same_results(fw, fit, make_model, hook):
    fast, slow = make_model(), make_model(stepwise(fw, hook))
    by_engine, by_steps = fit(fast), fit(slow)
    assert by_engine.uses_engine
    assert not by_steps.uses_engine
    assert_same_weights(by_engine.get_weights(fast), by_steps.get_weights(slow), rtol=1e-6)
    for a, b in zip(by_engine.history, by_steps.history, strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-6)
        assert a["val_loss"] == pytest.approx(b["val_loss"], rel=1e-6)
        assert a["val_accuracy"] == pytest.approx(b["val_accuracy"], rel=1e-6)
    for label in ("train_loss", "val_loss", "val_acc"):
        np.testing.assert_allclose(fast.board.data[label], slow.board.data[label], rtol=1e-6)


@pytest.mark.parametrize("hook", ["training_step", "validation_step"])
def test_overriding_a_model_hook_selects_the_step_path(fw, make_model, hook):
    trainer = fw.Trainer(1)
    assert takes_engine(trainer, make_model())
    assert not takes_engine(trainer, make_model(stepwise(fw, hook)))


@pytest.mark.parametrize("hook", ["fit_epoch", "prepare_batch"])
def test_overriding_a_trainer_hook_selects_the_step_path(fw, make_model, hook):
    def override(self, *arguments):
        return getattr(super(Custom, self), hook)(*arguments)

    Custom = type("Custom", (fw.Trainer,), {hook: override})
    assert not takes_engine(Custom(1), make_model())


def test_a_hook_replaced_with_add_to_class_is_called(fw, fit, make_model, monkeypatch):
    calls = []
    original = fw.Classifier.validation_step
    monkeypatch.setattr(fw.Classifier, "validation_step", original)  # restored after the test

    @fw.add_to_class(fw.Classifier)
    def validation_step(self, *arguments):
        calls.append(self)
        return original(self, *arguments)

    model = make_model()
    fit(model, epochs=1)
    assert calls == [model] * 4  # 58 examples in batches of 16


def test_a_hook_set_on_the_instance_is_called(fit, make_model):
    model, calls = make_model(), []
    original = model.training_step

    def training_step(*arguments):
        calls.append(1)
        return original(*arguments)

    model.training_step = training_step
    fit(model, epochs=1)
    assert len(calls) == 13  # 203 examples in batches of 16


@pytest.mark.parametrize("name", ["loss", "accuracy", "plot", "configure_optimizers"])
def test_other_overridden_methods_are_called_on_the_fast_path(fw, fit, make_model, name):
    calls = []

    def counted(self, *arguments, **keywords):
        calls.append(name)
        return getattr(super(Custom, self), name)(*arguments, **keywords)

    if name == "accuracy":  # counting needs the book's signature

        def counted(self, *arguments, averaged=True):
            calls.append(name)
            return super(Custom, self).accuracy(*arguments, averaged=averaged)

    Custom = type("Custom", (fw.models.NetworkClassifier,), {name: counted})
    trainer = fit(make_model(Custom), epochs=1)
    assert trainer.uses_engine
    assert calls


def test_an_accuracy_without_averaged_selects_the_step_path(fw, fit, make_model):
    def accuracy(self, *arguments):
        return super(Custom, self).accuracy(*arguments)

    Custom = type("Custom", (fw.models.NetworkClassifier,), {"accuracy": accuracy})
    trainer = fit(make_model(Custom))
    assert not trainer.uses_engine
    assert 0 < trainer.history[-1]["val_accuracy"] < 1


@pytest.mark.parametrize("batch_size", [1, 7, 58, 10_000])
def test_evaluation_does_not_depend_on_the_batch_size(fw, fit, make_data, make_model, batch_size):
    model = make_model()
    trainer = fit(model)
    reference = trainer.evaluate(model, make_data(16))
    assert reference.count == 58
    evaluation = trainer.evaluate(model, make_data(batch_size))
    assert evaluation.count == reference.count
    assert evaluation.correct == reference.correct
    assert evaluation.loss == pytest.approx(reference.loss, rel=1e-6)


def test_evaluation_agrees_with_numpy_on_the_scores(fit, make_data, make_model, val_images):
    model, data = make_model(), make_data()
    trainer = fit(model, data)
    scores = trainer.scores(model, data.val_dataloader()).astype(np.float64)
    assert scores.shape == (58, 4)
    labels = val_images.labels
    losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(58), labels]
    evaluation = trainer.evaluate(model, data)
    assert evaluation.correct == (scores.argmax(axis=1) == labels).sum()
    assert evaluation.accuracy == evaluation.correct / 58
    assert evaluation.loss == pytest.approx(losses.mean(), rel=1e-6)
    assert trainer.history[-1]["val_loss"] == pytest.approx(evaluation.loss, rel=1e-6)
    assert trainer.history[-1]["val_accuracy"] == evaluation.accuracy


def test_the_first_epochs_training_loss_is_the_mean_over_examples(fit, make_data, make_model):
    # With one batch per epoch, the loss is that of the initial weights on all examples.
    model = make_model()
    trainer = fit(model, make_data(1000), epochs=1)
    start = make_model()
    data = make_data(1000)
    data.val = data.train
    expected = trainer.evaluate(start, data)
    assert trainer.history[0]["train_loss"] == pytest.approx(expected.loss, rel=1e-6)
    assert trainer.history[0]["train_accuracy"] == expected.accuracy


def test_the_same_seed_gives_bit_identical_results(fit, make_model):
    runs = []
    for _ in range(2):
        model = make_model()
        trainer = fit(model)
        runs.append((trainer.get_weights(model), trainer.history))
    (one, first), (other, second) = runs
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert [epoch["train_loss"] for epoch in first] == [epoch["train_loss"] for epoch in second]


def test_different_seeds_give_different_orders(fit, make_model):
    a, b = make_model(), make_model()
    one, other = fit(a, seed=0), fit(b, seed=1)
    assert one.history[-1]["train_loss"] != other.history[-1]["train_loss"]


def test_history_has_one_record_per_epoch(fit):
    history = fit(epochs=3).history
    assert [record["epoch"] for record in history] == [1, 2, 3]
    for record in history:
        assert record.keys() == {
            "epoch",
            "train_loss",
            "train_accuracy",
            "val_loss",
            "val_accuracy",
            "seconds",
            "compile_seconds",
        }
        assert record["seconds"] > 0
    assert history[-1]["train_loss"] < history[0]["train_loss"]


@pytest.mark.parametrize("hook", [None, "training_step", "validation_step"])
def test_both_paths_call_the_callbacks_after_every_chunk(fw, make_data, make_model, hook):
    seen = []

    class Watcher(Callback):
        def on_chunk(self, trainer):
            seen.append((trainer.epoch, trainer.train_batch_idx, trainer.num_train_batches))

    trainer = fw.Trainer(2, seed=0, callbacks=[Watcher()])
    for _ in range(2):  # a trainer can fit several models
        seen.clear()
        trainer.fit(make_model(hook and stepwise(fw, hook)), make_data())
        assert trainer.uses_engine == (hook is None)
        assert seen == [(0, 6, 13), (0, 13, 13), (1, 19, 13), (1, 26, 13)]
        assert len(trainer.history) == 2
        assert trainer.num_val_batches == 4


def test_a_wrapped_hook_counts_as_overridden(fw, fit, make_model):
    calls = []

    @functools.wraps(fw.Classifier.training_step)
    def training_step(self, *arguments):
        calls.append(1)
        return fw.Classifier.training_step(self, *arguments)

    Wrapped = type("Wrapped", (fw.models.NetworkClassifier,), {"training_step": training_step})
    trainer = fit(make_model(Wrapped), epochs=1)
    assert not trainer.uses_engine
    assert len(calls) == 13


def test_reused_loaders_start_again_at_the_first_epoch(fw, fit, make_data):
    class Reused(fw.DataModule):
        def get_dataloader(self, train):
            return loaders[train]

    data = make_data()
    loaders = {train: data.get_dataloader(train) for train in (True, False)}
    losses = [[epoch["train_loss"] for epoch in fit(data=Reused()).history] for _ in range(2)]
    assert losses[0] == losses[1]


def test_an_interrupted_fit_leaves_no_points_behind(fw, fit, make_data, make_model):
    class Interrupted(stepwise(fw)):
        interrupts = True

        def training_step(self, *arguments):
            step = super().training_step(*arguments)
            if type(self).interrupts and self.trainer.train_batch_idx == 2:
                raise KeyboardInterrupt
            return step

    model = make_model(Interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(model)
    Interrupted.interrupts = False
    fit(model, epochs=1)
    assert [point.x for point in model.board.data["train_loss"]] == pytest.approx(
        [1 + 2.5 / 13, 1 + 9 / 13]  # behind the interrupted epoch
    )


def test_an_accuracy_without_averaged_is_plotted_but_not_evaluated(fw, fit, make_data, make_model):
    def accuracy(self, *arguments):
        return super(Custom, self).accuracy(*arguments)

    Custom = type("Custom", (fw.models.NetworkClassifier,), {"accuracy": accuracy})
    del accuracy
    model = make_model(Custom)
    trainer = fit(model, epochs=1)
    assert not trainer.uses_engine
    assert 0 < trainer.history[0]["val_accuracy"] < 1
    evaluation = trainer.evaluate(model, make_data())
    assert evaluation.correct is None
    assert evaluation.loss == pytest.approx(trainer.history[0]["val_loss"], rel=1e-6)


def test_there_is_no_history_before_a_fit(fw):
    assert len(fw.Trainer(1).history) == 0


def test_an_empty_validation_set_counts_as_none(fw, make_model, train_images):
    data = fw.data.ImageData(train_images, train_images.take(np.arange(0)), 16)
    trainer = fw.Trainer(1)
    model = make_model()
    trainer.fit(model, data)
    assert trainer.history[0]["val_loss"] is None
    with pytest.raises(ArgumentError, match="no validation set"):
        trainer.evaluate(model, data)


def test_board_points_are_means_of_their_chunks(fit, make_model):
    model = make_model()
    model.plot_train_per_epoch = 13
    trainer = fit(model, epochs=1)
    points = model.board.data["train_loss"]
    np.testing.assert_allclose([point.x for point in points], np.arange(13) / 13)
    sizes = np.array([16] * 12 + [11])
    assert np.dot([point.y for point in points], sizes) / 203 == pytest.approx(
        trainer.history[0]["train_loss"], rel=1e-6
    )
    again = make_model()
    fit(again, epochs=1)
    halves = again.board.data["train_loss"]
    assert len(halves) == 2
    assert halves[0].y == pytest.approx(np.mean([point.y for point in points[:6]]), rel=1e-6)
    assert model.board.data["val_acc"][-1] == (1, trainer.history[0]["val_accuracy"])


def test_a_second_fit_draws_its_curves_behind_those_of_the_first(fit, make_model):
    model = make_model()
    fit(model, epochs=2)
    fit(model, epochs=3)
    assert model.board.xlim == [0, 5]
    assert [point.x for point in model.board.data["val_loss"]] == [1, 2, 3, 4, 5]
    xs = [point.x for point in model.board.data["train_loss"]]
    assert xs == sorted(xs)
    assert [int(x) for x in xs] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("hook", [None, "training_step"])
def test_a_fit_that_was_stopped_early_is_continued_where_it_ended(fw, fit, make_model, hook):
    model = make_model(stepwise(fw, hook) if hook else None, lr=3.0)
    epochs = len(fit(model, epochs=60, patience=2).history)
    assert epochs < 60
    fit(model, epochs=1)
    assert model.board.xlim == [0, epochs + 1]
    assert model.board.data["val_loss"][-1].x == epochs + 1


@pytest.mark.parametrize("hook", [None, "training_step"])
def test_each_epoch_is_logged_on_both_paths(fw, fit, make_model, caplog, hook):
    with caplog.at_level(logging.INFO, "hardmax"):
        trainer = fit(make_model(stepwise(fw, hook) if hook else None))
    assert trainer.uses_engine == (hook is None)
    names = {
        "training loss": "train_loss",
        "training accuracy": "train_accuracy",
        "validation loss": "val_loss",
        "validation accuracy": "val_accuracy",
    }
    for number, epoch in enumerate(trainer.history, 1):
        found = [f"{name} {epoch[key]:.4f}" for name, key in names.items() if epoch[key]]
        found.append(f"{epoch['seconds']:.2f} seconds")
        if epoch["compile_seconds"]:
            found.append(f"{epoch['compile_seconds']:.2f} seconds to compile")
        assert caplog.messages[number - 1] == f"epoch {number}/2: {', '.join(found)}"
    assert len(caplog.messages) == 2


def test_trainers_data_and_boards_are_shown_on_one_line(fw, make_data, make_model):
    assert repr(fw.Trainer(3, gradient_clip_val=1, seed=0)) == (
        "Trainer(max_epochs=3, gradient_clip_val=1, seed=0)"
    )
    assert repr(make_data(16)) == "ImageData(batch_size=16)"
    assert repr(make_model().board) == "ProgressBoard()"


def test_one_batch_per_epoch_still_draws_curves(fit, make_data, make_model):
    model = make_model()
    fit(model, make_data(1000), epochs=3)
    assert [point.x for point in model.board.data["train_loss"]] == [0, 1, 2]
    assert [point.x for point in model.board.data["val_loss"]] == [1, 2, 3]


def test_plotting_can_be_turned_off(fit, make_model):
    model = make_model()
    model.plot_train_per_epoch = 0
    trainer = fit(model)
    assert "train_loss" not in model.board.data
    assert trainer.history[-1]["train_loss"] > 0


def test_training_without_validation_data(fw, make_model, train_images):
    data = fw.data.ImageData(train_images, None, 16)
    trainer = fw.Trainer(1, seed=0)
    model = make_model()
    trainer.fit(model, data)
    assert trainer.val_dataloader is None
    assert trainer.history[0]["val_loss"] is None
    assert trainer.history[0]["train_loss"] > 0
    with pytest.raises(ArgumentError, match="no validation set"):
        trainer.evaluate(model, data)


def test_a_non_finite_loss_stops_training_and_names_the_epoch(fit, make_model):
    with pytest.raises(DivergenceError, match="epoch 1; try a smaller learning rate"):
        fit(make_model(lr=1e38), epochs=5)


@pytest.mark.parametrize("hook", [None, "training_step"])
def test_a_loss_far_above_that_of_the_first_batch_stops_training(fw, fit, make_model, hook):
    cls = stepwise(fw, hook) if hook else None
    with pytest.raises(DivergenceError, match=r"e\+\d+ in epoch 1 \([\d.]+ at the start\); try"):
        fit(make_model(cls, lr=1e15, network=LINEAR), epochs=5)


@pytest.fixture
def with_nan(fw, make_data):
    """A function that returns data with NaN in the training or in the validation inputs."""
    images, labels = make_data(20).val_dataloader().peek()
    good, labels = np.array(fw.numpy(images)), np.array(fw.numpy(labels))
    bad = np.full_like(good, np.nan)

    def make(in_training):
        class Data(fw.DataModule):
            batch_size = 20

            def get_dataloader(self, train):
                X = fw.tensor(bad if train == in_training else good)
                return self.get_tensorloader((X, fw.tensor(labels)), train)

        return Data()

    return make


def test_inputs_that_are_not_numbers_are_not_blamed_on_the_learning_rate(fit, make_model, with_nan):
    with pytest.raises(DivergenceError, match=r"nan in epoch 1, before the first step; look for"):
        fit(make_model(network=LINEAR), with_nan(in_training=True))


@pytest.mark.parametrize("settings", [{}, {"patience": 2}])
def test_a_validation_loss_that_is_not_finite_is_told_once(fit, make_model, with_nan, settings):
    data = with_nan(in_training=False)
    with pytest.warns(UserWarning, match="validation loss became nan in epoch 1; look") as told:
        trainer = fit(make_model(network=LINEAR), data, epochs=4, **settings)
    assert len(told) == 1
    assert len(trainer.history) == (2 if settings else 4)


@pytest.mark.parametrize("clip", [0.05, 1e6])
def test_gradient_clipping_bounds_the_norm_of_the_step(fw, fit, make_data, make_model, clip):
    model = make_model(lr=0.5)
    before = fw.Trainer(1).get_weights(model)
    trainer = fit(model, make_data(1000), epochs=1, gradient_clip_val=clip)
    after = trainer.get_weights(model)
    norm = math.sqrt(sum(np.sum((after[name] - before[name]) ** 2.0) for name in before)) / 0.5
    model = make_model(lr=0.5)
    unclipped = fit(model, make_data(1000), epochs=1).get_weights(model)
    full = math.sqrt(sum(np.sum((unclipped[name] - before[name]) ** 2.0) for name in before)) / 0.5
    assert full > 0.05
    assert norm == pytest.approx(min(clip, full), rel=1e-3)


def test_patience_stops_training_and_restores_the_best_weights(fw, fit, make_data, make_model):
    model = make_model(lr=3.0)
    trainer = fit(model, epochs=60, patience=2)
    losses = [record["val_loss"] for record in trainer.history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 3 < 60
    assert trainer.should_stop
    evaluation = trainer.evaluate(model, make_data())
    assert evaluation.loss == pytest.approx(losses[best], rel=1e-6)


def test_patience_needs_validation_data(fw, make_model, train_images):
    with pytest.raises(ArgumentError, match="give validation data"):
        fw.Trainer(2, patience=1).fit(make_model(), fw.data.ImageData(train_images, None, 16))


def test_a_checkpoint_is_saved_every_epoch_and_can_be_loaded(
    fw, fit, make_data, make_model, tmp_path
):
    path = tmp_path / "weights.safetensors"
    epochs = []

    class Watcher(Callback):
        def on_epoch(self, trainer, record):
            epochs.append(path.exists() and checkpoint.load(path)[1]["epoch"])

    model = make_model()
    trainer = fit(model, epochs=3, checkpoint=path, callbacks=[Watcher()])
    assert epochs == [False, 1, 2]  # saved after the user's callbacks run
    other = make_model(seed=5)
    assert trainer.load_checkpoint(other, path) == {"epoch": 3}
    assert_same_weights(trainer.get_weights(model), trainer.get_weights(other), rtol=0)


def test_weights_that_do_not_fit_are_refused_and_change_nothing(fw, make_model):
    model = make_model()
    trainer = fw.Trainer(1)
    before = trainer.get_weights(model)
    name = next(iter(before))
    with pytest.raises(RunError, match=name):
        trainer.set_weights(model, {**before, name: before[name][:-1]})
    with pytest.raises(RunError, match="nonsense"):
        trainer.set_weights(model, {**before, "nonsense": before[name]})
    assert_same_weights(before, trainer.get_weights(model), rtol=0)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_epochs": 0},
        {"max_epochs": 1.5},
        {"max_epochs": 1, "gradient_clip_val": -1},
        {"max_epochs": 1, "gradient_clip_val": math.nan},
        {"max_epochs": 1, "seed": -1},
        {"max_epochs": 1, "patience": 0},
    ],
)
def test_invalid_settings_are_refused(fw, settings):
    with pytest.raises(ArgumentError):
        fw.Trainer(**settings)


def test_an_unavailable_device_is_refused_and_the_available_ones_are_listed(fit):
    with pytest.raises(ArgumentError, match=r"'cuda:99' is not available.*cpu"):
        fit(device="cuda:99")


@pytest.mark.parametrize("device", ["cpu", "auto", None])
def test_devices_by_name(fit, device):
    assert fit(epochs=1, device=device).history[0]["train_loss"] > 0


def test_batches_without_a_length_are_refused(fw, make_model):
    class Data(fw.DataModule):
        def get_dataloader(self, train):
            yield None

    with pytest.raises(ArgumentError, match="get_tensorloader"):
        fw.Trainer(1).fit(make_model(), Data())


def test_batches_may_be_any_sized_iterable(fw, make_data, make_model):
    data = make_data()
    batches = {train: list(data.get_dataloader(train)) for train in (True, False)}

    class Data(fw.DataModule):
        def get_dataloader(self, train):
            return batches[train]

    model = make_model()
    trainer = fw.Trainer(2)
    trainer.fit(model, Data())
    assert trainer.history[-1]["train_loss"] < trainer.history[0]["train_loss"]
    assert trainer.evaluate(model, Data()).count == 58
