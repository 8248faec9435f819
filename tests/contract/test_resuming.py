"""A fit that was stopped and resumed ends with the same bits as one that never was."""

import contextlib
from functools import partial

import numpy as np
import pytest
from book_models import bfloat16_mlp, dropout_mlp
from resuming import (
    CONVOLUTIONS,
    DROPOUT,
    EPOCHS,
    OFTEN,
    StopAfterChunks,
    StopAfterSaves,
    Stopped,
    assert_same_fit,
    created,
    seeded,
    stepwise,
)
from support import pcg64

from hardmax.data.datasets import Images
from hardmax.training import datamodule
from hardmax.training.callbacks import Callback
from hardmax.training.recipes import Recipe
from hardmax.training.states import StateFiles
from hardmax.training.streaming import StreamedLoader


@pytest.fixture(scope="session")
def batch_size(framework):
    """A size at which states can be saved within an epoch: MXNet needs 64 batches for one."""
    return 2 if framework == "mxnet" else 8


@pytest.fixture(scope="session")
def stops(framework):
    """After how many saves each run of a fit is stopped.

    That is within the first chunk, within the second one, before the validation, at the end of the
    first epoch and within the second one. A resumed run saves first after eight batches, or at the
    end of the chunk.
    """
    return (1, 1, 1, 1) if framework == "mxnet" else (2, 7, 1, 1, 1)


@pytest.fixture(scope="session")
def few_stops(framework):
    """The same, for fewer runs: within the first chunk, and within the second epoch."""
    return (1, 3) if framework == "mxnet" else (2, 20)


@pytest.fixture(scope="session")
def one_stop(framework):
    """The same, for one run: within the second epoch."""
    return (4,) if framework == "mxnet" else (25,)


@pytest.fixture
def data(make_data, batch_size):
    return partial(make_data, batch_size)


@pytest.fixture
def reference(framework, tmp_path):
    """The settings of the fits that a resumed one of a reader's model is compared with.

    In MXNet the random numbers of such models depend on whether their states are saved.
    """
    return {"resume": tmp_path / "reference"} if framework == "mxnet" else {}


@pytest.fixture
def resumed(fw, tmp_path):
    """A function that fits new models until no stop is left, and returns the last trainer.

    Each run is a new trainer of a new model with the state of the one before.
    """

    def run(model, data, stops, **settings):
        path = tmp_path / "fit.safetensors"
        for saves in (*stops, None):
            store = StopAfterSaves(path, saves)
            trainer = fw.Trainer(
                EPOCHS, resume=store, **{"seed": 0, "checkpoint_every": OFTEN, **settings}
            )
            with contextlib.nullcontext() if saves is None else pytest.raises(Stopped):
                trainer.fit(model(), data())
        return trainer

    return run


RECIPES = {
    "sgd": (DROPOUT, Recipe(0.1, momentum=0.9, schedule="step", weight_decay=1e-3)),
    "adam": (DROPOUT, Recipe(0.02, "adam", schedule="cosine", warmup=0.5)),
    "adamw": (CONVOLUTIONS, Recipe(0.02, "adamw", schedule="one-cycle", weight_decay=0.1)),
    "adamw-ntk": (DROPOUT, Recipe(0.02, "adamw-ntk", schedule="coslog4", weight_decay=0.1)),
}


def test_a_network_goes_on_from_two_places(fw, make_model, data, few_stops, resumed, fit):
    check_network(fw, make_model, data, few_stops, resumed, fit, "adamw", "fast")


def test_a_network_goes_on_step_by_step(fw, make_model, data, one_stop, resumed, fit):
    check_network(fw, make_model, data, one_stop, resumed, fit, "sgd", "steps")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("path", ["fast", "steps"])
def test_networks_go_on_from_many_places(fw, make_model, data, stops, resumed, fit, recipe, path):
    check_network(fw, make_model, data, stops, resumed, fit, recipe, path)


def check_network(fw, make_model, data, stops, resumed, fit, recipe, path):
    cls = fw.models.NetworkClassifier if path == "fast" else stepwise(fw.models.NetworkClassifier)
    network, steps = RECIPES[recipe]
    model = partial(make_model, cls, network=network, recipe=steps)
    settings = {"gradient_clip_val": 0.5} if recipe == "sgd" else {}
    whole = fit(model(), data(), EPOCHS, **settings)
    assert whole.uses_engine == (path == "fast")
    assert_same_fit(resumed(model, data, stops, **settings), whole)


@pytest.mark.parametrize("path", ["fast", pytest.param("steps", marks=pytest.mark.slow)])
def test_a_readers_model_with_dropout_and_batchnorm(
    framework, fw, data, one_stop, resumed, fit, reference, path
):
    cls = dropout_mlp(framework, fw)
    model = partial(created, fw, cls if path == "fast" else stepwise(cls))
    whole = fit(model(), data(), EPOCHS, **reference)
    assert whole.uses_engine == (path == "fast")
    assert_same_fit(resumed(model, data, one_stop), whole)


def test_a_readers_model_in_bfloat16(framework, fw, data, one_stop, resumed, fit):
    if framework not in ("torch", "tensorflow"):
        pytest.skip("JAX saves all arrays in the same way, and MXNet lacks this type")
    model = partial(created, fw, bfloat16_mlp(framework, fw))
    whole = fit(model(), data(), EPOCHS)
    assert_same_fit(resumed(model, data, one_stop), whole)


@pytest.mark.parametrize(
    "name", [pytest.param("SoftmaxRegression", marks=pytest.mark.slow), "SoftmaxRegressionScratch"]
)
def test_the_books_softmax_regression(fw, data, one_stop, resumed, fit, reference, name):
    inputs = {"num_inputs": 36} if "Scratch" in name else {}
    model = partial(created, fw, getattr(fw, name), num_outputs=4, lr=0.1, **inputs)
    assert_same_fit(resumed(model, data, one_stop), fit(model(), data(), EPOCHS, **reference))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["LinearRegression", "LinearRegressionScratch"])
@pytest.mark.parametrize("path", ["fast", "steps"])
def test_the_books_linear_regression(
    fw, batch_size, few_stops, resumed, fit, reference, name, path
):
    inputs = [2] if "Scratch" in name else []
    cls = getattr(fw, name) if path == "fast" else stepwise(getattr(fw, name))
    with seeded(fw):
        synthetic = fw.SyntheticRegressionData(
            w=fw.tensor([2, -3.4]), b=4.2, num_train=203, num_val=50, batch_size=batch_size
        )
    model, data = partial(created, fw, cls, *inputs, lr=0.03), lambda: synthetic
    whole = fit(model(), data(), EPOCHS, **reference)
    assert whole.history[-1]["val_loss"] < whole.history[0]["val_loss"]
    assert_same_fit(resumed(model, data, few_stops), whole)


def weighted(images):
    """Return images with weights from 0.5 to 2.5."""
    weights = np.random.default_rng(4).uniform(0.5, 2.5, len(images))
    return Images(images.images, images.labels, weights)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["fast", "steps"])
@pytest.mark.parametrize("augment", [("flip", "shift"), ("flip", "mixup")])
def test_augmented_weighted_and_balanced_images(
    fw,
    make_model,
    batch_size,
    few_stops,
    resumed,
    fit,
    train_images,
    val_images,
    path,
    augment,
):
    cls = fw.models.NetworkClassifier if path == "fast" else stepwise(fw.models.NetworkClassifier)
    model = partial(make_model, network=CONVOLUTIONS, recipe=Recipe(0.02, "adam"), cls=cls)
    images = [*map(weighted, (train_images, val_images))]
    data = partial(fw.data.ImageData, *images, batch_size, balanced=True, augment=augment)
    assert_same_fit(resumed(model, data, few_stops), fit(model(), data(), EPOCHS))


def test_images_in_a_file_that_were_trained_on_are_not_read_again(
    fw, make_model, batch_size, few_stops, fit, train_images, val_images, tmp_path, monkeypatch
):
    monkeypatch.setattr(datamodule, "stays_in_file", lambda images: True)
    model = partial(make_model, network=DROPOUT, recipe=Recipe(0.05, momentum=0.9))
    data = partial(fw.data.ImageData, train_images, val_images, batch_size, augment=("flip",))
    path = tmp_path / "fit.safetensors"
    with pytest.raises(Stopped):
        fit(
            model(),
            data(),
            EPOCHS,
            checkpoint_every=OFTEN,
            resume=StopAfterSaves(path, few_stops[0]),
        )
    done = StateFiles(path).load()["epoch"]["batches_done"]
    assert 0 < done < 203 // batch_size
    read, take = [], StreamedLoader.take

    def taken(self, rows):
        if isinstance(rows, np.ndarray):
            read.extend(rows.tolist())
        return take(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(StreamedLoader, "take", taken)
        resumed = fit(model(), data(), EPOCHS, resume=path)
    orders = [pcg64(203, 0, epoch) for epoch in range(EPOCHS)]
    assert read == np.concatenate(orders)[done * batch_size :].tolist()
    assert_same_fit(resumed, fit(model(), data(), EPOCHS))


def test_an_interrupted_fit_of_the_same_model_and_trainer_goes_on(
    fw, make_model, data, fit, tmp_path
):
    """As in a notebook, where a cell is interrupted and run again."""
    model = partial(make_model, network=DROPOUT, recipe=Recipe(0.1, momentum=0.9))
    same, batches = model(), data()
    trainer = fw.Trainer(EPOCHS, seed=0, resume=tmp_path / "fit", callbacks=[StopAfterChunks(4)])
    with pytest.raises(Stopped):
        trainer.fit(same, batches)
    trainer.fit(same, batches)
    assert_same_fit(trainer, fit(model(), data(), EPOCHS))


def test_batches_of_any_other_kind_go_on_at_the_end_of_an_epoch(
    fw, make_model, data, fit, tmp_path
):
    class Lists(fw.DataModule):
        def get_dataloader(self, train):
            return batches[train]

    batches = {train: [*data().get_dataloader(train)] for train in (True, False)}
    model = partial(make_model, network=DROPOUT, recipe=Recipe(0.1, "adam"))
    settings = {"resume": tmp_path / "fit", "checkpoint_every": OFTEN}
    seen = []

    class Watcher(Callback):
        def on_chunk(self, trainer):
            seen.append((trainer.epoch, trainer.train_batch_idx))

    count = len(batches[True])
    chunk_ends = [
        (epoch, epoch * count + end) for epoch in range(EPOCHS) for end in (count // 2, count)
    ]
    with pytest.raises(Stopped):
        fit(model(), Lists(), EPOCHS, callbacks=[StopAfterChunks(4)], **settings)
    again = fit(model(), Lists(), EPOCHS, callbacks=[Watcher()], **settings)
    assert seen == chunk_ends[2:]
    assert_same_fit(again, fit(model(), Lists(), EPOCHS))
