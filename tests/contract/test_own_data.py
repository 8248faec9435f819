"""Own data in Python: the same training as on the command line, in every framework."""

import json
import logging
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image
from run_folders import CLASSES, RECORD, SHAPE, make_run, write
from sklearn.datasets import load_iris
from support import SOFTMAX, noise, save

from hardmax.data.datasets import Images
from hardmax.errors import ArgumentError, DataError, RunError
from hardmax.runs.run import Run
from hardmax.training.callbacks import Callback

SPECIES = np.array(["setosa", "versicolor", "virginica"])

#: The data, its options, and the settings of trainings, in Python and on the command line.
TRAININGS = {
    "table": (
        "iris.csv",
        {"label": "species"},
        {"ensemble": 2, "hidden": (8,), "epochs": 2},
        ("--label", "species", "--ensemble", 2, "--hidden", 8, "--epochs", 2),
    ),
    "images": (
        "shapes",
        {"seed": 3},
        {"model": "small-resnet", "widths": (4, 4), "epochs": 2, "augment": "shift,flip"},
        (
            *("--seed", 3, "--model", "small-resnet", "--widths", "4,4", "--epochs", 2),
            *("--augment", "shift,flip"),
        ),
    ),
}

#: What differs from one training to the next.
TIMES = ("seconds", "compile_seconds")


class Counting(Callback):
    """Counts what it is told."""

    def __init__(self):
        self.fits = self.epochs = 0

    def on_fit_start(self, trainer):
        self.fits += 1

    def on_epoch(self, trainer, record):
        self.epochs += 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_idx_folder):
    """A folder with a table, a folder of IDX files, and image files of two sizes."""
    folder = tmp_path_factory.mktemp("own")
    iris = load_iris(as_frame=True).frame.rename(columns={"target": "species"})
    iris["species"] = SPECIES[iris["species"]]
    iris.to_csv(folder / "iris.csv", index=False)
    make_idx_folder(folder / "shapes")
    for number in range(4):
        save(folder / f"photos/{number}.png", noise(9, 6 + 3 * (number % 2), seed=number))
    return folder


@pytest.fixture(scope="module")
def trained(fw, folder):
    """A function that trains in Python, once: the data, the model, the trainer and the callback."""
    known = {}

    def train(kind):
        if kind not in known:
            path, options, settings, _ = TRAININGS[kind]
            data = fw.load_data(folder / path, **options)
            counting = Counting()
            model, trainer = fw.auto(data, callbacks=[counting], **settings)
            trainer.fit(model, data)
            trainer.save(folder / kind)
            known[kind] = (data, model, trainer, counting)
        return known[kind]

    return train


def contents(run):
    """Return the record of a run without times, its history without them, and its weights."""
    record = json.loads((run / "run.json").read_text())
    for name in ("started", "seconds", "files", "checksum"):
        del record[name]
    epochs = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for epoch in epochs:
        for name in TIMES:
            del epoch[name]
    return record, epochs, (run / "model.safetensors").read_bytes()


@pytest.mark.parametrize("kind", TRAININGS)
def test_a_run_saved_in_python_is_that_of_the_command_line(run, framework, folder, trained, kind):
    trained(kind)
    path, _, _, options = TRAININGS[kind]
    done = run("train", path, "--framework", framework, *options, "--out", f"{kind}-cli")
    assert done.returncode == 0, done.stderr
    found, expected = contents(folder / kind), contents(folder / f"{kind}-cli")
    assert found[2] == expected[2]
    assert found[1] == expected[1]
    assert found[0] == expected[0]
    assert found[0]["results"]["baselines"]
    assert (folder / kind / "report.html").read_text().count("<h2") > 3


@pytest.mark.parametrize("kind", TRAININGS)
def test_a_fit_fills_the_model_the_history_and_the_board(folder, trained, kind):
    data, model, trainer, counting = trained(kind)
    members = model.settings.members
    assert members == {"table": 2, "images": 1}[kind]
    assert (counting.fits, counting.epochs) == (members, 2 * members)
    assert [epoch["epoch"] for epoch in trainer.history] == [1, 2]
    # Two points for each epoch of each network, which are drawn one after the other.
    points = model.board.data["train_loss"]
    assert len(points) == 2 * 2 * members
    assert all(a.x < b.x for a, b in pairwise(points))
    saved = Run.open(folder / kind)
    weights = trainer.get_weights(model)
    assert weights.keys() == saved.weights.keys()
    assert all(np.array_equal(weights[name], saved.weights[name]) for name in weights)
    assert not getattr(model, "training", None)
    evaluation = trainer.evaluate(model, data)
    results = saved.record["results"]["test"]
    assert evaluation.accuracy == results["accuracy"]
    assert evaluation.count == len(data.dataset.test)


def command_probabilities(run, folder, kind, *files):
    """Return the labels and the probabilities that the command ``predict`` prints."""
    done = run("predict", kind, *files, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    probabilities = [[*one["probabilities"].values()] for one in found]
    return [one["label"] for one in found], np.array(probabilities)


def test_rows_are_classified_as_on_the_command_line(fw, run, folder, trained, monkeypatch):
    trained("table")
    monkeypatch.chdir(folder)
    labels, expected = command_probabilities(run, folder, "table", "iris.csv")
    classifier = fw.load("table")
    assert classifier.classes == tuple(SPECIES)
    assert classifier.settings.ensemble == 2
    frame = pd.read_csv("iris.csv").drop(columns="species")
    shuffled = frame[frame.columns[::-1]]
    for inputs in (
        *("iris.csv", [folder / "iris.csv"], frame, shuffled, frame.to_numpy()),
        *(pl.from_pandas(frame), pa.Table.from_pandas(frame)),
    ):
        np.testing.assert_array_equal(classifier.predict_proba(inputs), expected)
        assert classifier.predict(inputs).tolist() == labels


def test_images_are_classified_as_on_the_command_line(fw, run, folder, trained, monkeypatch):
    trained("images")
    monkeypatch.chdir(folder)
    paths = [f"photos/{number}.png" for number in range(4)]
    labels, expected = command_probabilities(run, folder, "images", "photos")
    classifier = fw.load("images")
    for inputs in ("photos", ["photos/[01].png", *paths[2:]], paths):
        np.testing.assert_array_equal(classifier.predict_proba(inputs), expected)
        assert classifier.predict(inputs).tolist() == labels
    for number, path in enumerate(paths):
        image = np.asarray(Image.open(path))
        one = classifier.predict_proba(image[np.newaxis])
        np.testing.assert_allclose(one, expected[number : number + 1], atol=1e-5)
    few = np.stack([np.asarray(Image.open(path)) for path in paths[::2]])
    in_color = np.repeat(few[..., np.newaxis], 3, axis=3)
    np.testing.assert_allclose(classifier.predict_proba(few), expected[::2], atol=1e-5)
    np.testing.assert_allclose(classifier.predict_proba(in_color), expected[::2], atol=1e-5)


def test_a_loaded_model_is_native_and_has_the_weights_of_the_run(fw, tmp_path):
    """The run says that it was trained with PyTorch."""
    settings = {**RECORD["settings"], "model": "softmax-regression"}
    saved = make_run({**RECORD, "settings": settings})
    classifier = fw.load(write(tmp_path / "run", saved))
    assert isinstance(classifier.model, fw.Classifier)
    assert classifier.classes == CLASSES
    assert classifier.record["data"]["train"] == 80
    images = noise(5, *SHAPE)
    pixels = images[..., 0].reshape(5, -1) / 255
    scores = pixels @ saved.weights["1.weight"].T + saved.weights["1.bias"]
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.predict_proba(images[..., 0]), expected, rtol=1e-5)
    loader = fw.data.ImageData(None, Images(images, np.zeros(5, np.int64)), 5).val_dataloader()
    found = fw.Trainer(1).scores(classifier.model, loader)
    np.testing.assert_allclose(found, scores, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("path", "options", "counts"),
    [
        ("shapes", {}, (120, None, 40)),
        ("iris.csv", {"label": "species", "validation": 0.25, "batch_size": 10}, (90, 30, 30)),
    ],
)
def test_the_books_models_are_trained_on_own_data(fw, folder, path, options, counts):
    data = fw.load_data(folder / path, **options)
    sets = (data.dataset.train, data.dataset.validation, data.dataset.test)
    assert tuple(part and len(part) for part in sets) == counts
    assert (data.validation is None) == (counts[1] is None)
    # As on the command line without a batch size.
    assert data.batch_size == options.get("batch_size", 16)
    assert len(data.train_dataloader()) == -(-counts[0] // data.batch_size)
    assert data.val_dataloader().count == (counts[1] or counts[2])
    model = fw.SoftmaxRegression(num_outputs=len(data.classes), lr=0.1)
    trainer = fw.Trainer(max_epochs=6, seed=0)
    trainer.fit(model, data)
    evaluation = trainer.evaluate(model, data)
    assert evaluation.count == counts[2]
    assert evaluation.accuracy > 0.5
    with pytest.raises(ArgumentError, match="auto"):
        trainer.save(folder / "never")
    assert not (folder / "never").exists()


#: Settings that require other data than was read, and the options of the command line.
REREAD = {
    "crop": ({"augment": "crop"}, ("--augment", "crop")),
    "seed": ({"seed": 4}, ("--seed", 4)),
    "run": ({"from_run": "former", "epochs": 1}, ("--from", "former")),
}


@pytest.mark.shared
@pytest.mark.parametrize("kind", REREAD)
def test_data_is_read_again_if_required(fw, hardmax, framework, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    for number in range(40):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        save(path, noise(8, 8 + number % 3, seed=number))
    settings, options = REREAD[kind]
    if kind == "run":
        former = fw.load_data("photos", size=(6, 6))
        model, trainer = fw.auto(former, model="softmax-regression", epochs=1)
        trainer.fit(model, former)
        trainer.save("former", baselines=False)
    else:
        settings = {**settings, "model": "softmax-regression"}
        options = (*options, *SOFTMAX)
    data = fw.load_data("photos", background="black")
    model, trainer = fw.auto(data, **{"epochs": 1, **settings})
    assert trainer.plan.data is not data
    trainer.fit(model, data)
    assert trainer.evaluate(model, data).count == 8
    trainer.save("run", baselines=False)
    command = ("train", "photos", "--background", "black", "--framework", framework)
    done = hardmax(*command, *options, "--epochs", 1, "--no-baselines", "--out", "cli")
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "run") == contents(tmp_path / "cli")


def test_a_model_that_needs_a_validation_set_gets_one(fw, run, framework, folder, monkeypatch):
    monkeypatch.chdir(folder)
    data = fw.load_data("iris.csv", label="species")
    model, trainer = fw.auto(data, model="realmlp", hidden=(8,), epochs=1)
    assert data.validation is None
    assert trainer.plan.data.validation is not None
    trainer.fit(model, data)
    assert trainer.evaluate(model, data).count == len(trainer.plan.data.dataset.test)
    trainer.save("realmlp", baselines=False)
    options = ("--model", "realmlp", "--hidden", 8, "--epochs", 1, "--no-baselines")
    command = ("train", "iris.csv", "--label", "species", "--framework", framework)
    done = run(*command, *options, "--out", "realmlp-cli")
    assert done.returncode == 0, done.stderr
    assert contents(folder / "realmlp") == contents(folder / "realmlp-cli")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lable": "species"}, "unknown option of load_data 'lable'"),
        ({"label": "species", "validation": 2}, "validation must be"),
        ({}, "label"),
        ({"label": "species", "batch_size": 0}, "batch size must be an integer of at least 1"),
        ({"label": "species", "size": (8, 8)}, "size applies only to images"),
    ],
)
def test_wrong_options_are_refused(fw, folder, options, words):
    with pytest.raises((ArgumentError, DataError), match=words):
        fw.load_data(folder / "iris.csv", **options)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epoch": 1}, "unknown setting of auto 'epoch'"),
        ({"label": "species"}, "give it to load_data"),
        ({"lr": -1}, "lr must be"),
        ({"model": "lenet"}, "lenet"),
        ({"augment": "flip"}, "augmentations change images"),
        ({"model": "mlp", "patience": 2}, "early stopping"),
        ({"device": "cuda:99"}, "cuda:99"),
    ],
)
def test_wrong_settings_are_refused(fw, folder, settings, words):
    data = fw.load_data(folder / "iris.csv", label="species")
    with pytest.raises(ArgumentError, match=words):
        fw.auto(data, **settings)


@pytest.mark.shared
def test_auto_takes_only_data_of_load_data(fw, make_data):
    with pytest.raises(ArgumentError, match="load_data"):
        fw.auto(make_data())


@pytest.fixture
def small(fw, folder):
    """Data, and a model and trainer for it that are quickly trained."""
    data = fw.load_data(folder / "shapes")
    return (data, *fw.auto(data, model="softmax-regression", epochs=1))


def test_what_cannot_be_saved_is_refused(fw, small, tmp_path, monkeypatch):
    data, model, trainer = small
    with pytest.raises(ArgumentError, match=r"call trainer\.fit"):
        trainer.save(tmp_path / "run")
    trainer.fit(model, data)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("mine")
    with monkeypatch.context() as patch:
        patch.setattr("hardmax.runs.plan.fit_baselines", None)  # nothing is computed before
        with pytest.raises(ArgumentError, match="is not empty; choose another folder"):
            trainer.save(tmp_path / "full")
    other = fw.SoftmaxRegression(num_outputs=4, lr=0.1)
    trainer.fit(other, data)
    with pytest.raises(ArgumentError, match="not the model that auto returned"):
        trainer.save(tmp_path / "run")
    trainer.fit(model, data)
    weights = trainer.get_weights(model)
    trainer.set_weights(model, {name: 2 * value for name, value in weights.items()})
    with pytest.raises(ArgumentError, match="changed after the fit"):
        trainer.save(tmp_path / "run")
    trainer.fit(model, data)
    again = trainer.get_weights(model)
    assert all(np.array_equal(weights[name], again[name]) for name in weights)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]


def test_a_plan_is_for_its_data_and_its_settings(fw, small, folder):
    data, model, trainer = small
    same = fw.load_data(folder / "shapes")
    trainer.fit(model, same)
    other = fw.load_data(folder / "shapes", seed=1)
    for run in (trainer.fit, trainer.evaluate):
        with pytest.raises(ArgumentError, match="made by auto for"):
            run(model, other)
    trainer.resume = "fit.safetensors"
    with pytest.raises(ArgumentError, match="resume of the trainer was changed from None to"):
        trainer.fit(model, data)
    trainer.resume, trainer.max_epochs = None, 5
    with pytest.raises(ArgumentError, match="max_epochs of the trainer was changed from 1 to 5"):
        trainer.fit(model, data)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("kind", "inputs", "words"),
    [
        ("table", [], "give the path of a table"),
        ("table", np.zeros((3, 2)), "columns sepal length"),
        ("table", np.array([["a"] * 4]), "array of numbers"),
        ("table", "photos", "give it one table"),
        ("table", 3, "cannot classify 3"),
        ("images", "nowhere.png", "cannot read nowhere.png"),
        ("images", pd.DataFrame({"x": [1]}), "trained on images"),
        ("images", np.zeros((2, 6, 6)), "images must be uint8"),
        ("images", np.zeros((2, 6, 6, 2), np.uint8), "1 or 3 channels"),
        ("images", np.zeros((0, 6, 6), np.uint8), "no images"),
        ("images", [np.zeros((6, 6), np.uint8)], "cannot classify"),
    ],
)
def test_other_inputs_are_refused(fw, folder, trained, monkeypatch, kind, inputs, words):
    trained(kind)
    monkeypatch.chdir(folder)
    with pytest.raises((ArgumentError, DataError), match=words):
        fw.load(kind).predict(inputs)


@pytest.mark.shared
def test_rows_of_categories_need_names(fw, tmp_path):
    pd.DataFrame({"letter": [*"abcd"] * 10, "y": [*"uuvv"] * 10}).to_csv(
        tmp_path / "letters.csv", index=False
    )
    data = fw.load_data(tmp_path / "letters.csv", label="y")
    model, trainer = fw.auto(data, model="softmax-regression", epochs=20, lr=1.0)
    trainer.fit(model, data)
    trainer.save(tmp_path / "run", baselines=False)
    classifier = fw.load(tmp_path / "run")
    assert classifier.predict(pd.DataFrame({"letter": [*"ad"]})).tolist() == ["u", "v"]
    with pytest.raises(DataError, match=r"not numbers \(letter\)"):
        classifier.predict(np.zeros((1, 1)))


@pytest.mark.shared
def test_no_run_is_loaded_from_elsewhere(fw, tmp_path):
    with pytest.raises(RunError, match="no such run folder"):
        fw.load(tmp_path / "run")


@pytest.mark.shared
def test_notices_and_warnings_are_logged(fw, tmp_path, caplog):
    rows = [f"{x % 7},{x},{'ab'[x % 2]}" for x in range(60)]
    text = "\n".join(["x,number,y", *rows, *rows]).replace(",", ";")
    (tmp_path / "a.csv").write_text(text)
    with caplog.at_level(logging.INFO, "hardmax"):
        data = fw.load_data(tmp_path / "a.csv", label="y")
    assert data.dataset.notices
    found = {(record.levelname, record.getMessage()) for record in caplog.records}
    assert found == {
        *(("INFO", notice) for notice in data.dataset.notices),
        *(("WARNING", warning) for warning in data.dataset.warnings),
    }


@pytest.mark.shared
def test_weights_of_rows_are_refused_for_the_books_models(fw, tmp_path):
    rows = [f"{x % 5},{1 + x % 3},{'ab'[x % 5 > 2]}" for x in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(["x,w,y", *rows]))
    data = fw.load_data(tmp_path / "a.csv", label="y", weight="w")
    trainer = fw.Trainer(1)
    with pytest.raises(ArgumentError, match="have weights"):
        trainer.fit(fw.SoftmaxRegression(2, 0.1), data)
    model, trainer = fw.auto(data, model="softmax-regression", epochs=1)
    trainer.fit(model, data)
    assert trainer.evaluate(model, data).count == len(data.dataset.test)


def test_data_says_what_it_is_and_shows_itself(fw, folder, monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.setenv("MPLBACKEND", "Agg")
    images = fw.load_data(folder / "shapes")
    assert repr(images) == (
        f"{folder}/shapes: 120 training, 40 test images of 6 x 6 pixels in grayscale, 4 classes "
        "(0, 1, 2, 3)"
    )
    images.visualize()
    titles = [axes.get_title() for axes in plt.gcf().axes]
    assert len(titles) == 8
    # Every 15th image; their classes alternate.
    assert titles == [str(15 * number % 4) for number in range(8)]
    assert {axes.images[0].get_cmap().name for axes in plt.gcf().axes} == {"gray"}
    batch = next(iter(images.val_dataloader()))
    images.visualize(batch, nrows=2, ncols=2)
    shown = [np.asarray(axes.images[0].get_array()) for axes in plt.gcf().axes]
    expected = images.dataset.test.images[:4, :, :, 0] / np.float32(255)
    np.testing.assert_allclose(shown, expected, rtol=1e-6)
    rows = fw.load_data(folder / "iris.csv", label="species")
    assert repr(rows).endswith(
        "iris.csv: 120 training, 30 test rows of 4 features, 3 classes (setosa, versicolor, "
        "virginica)"
    )
    rows.visualize()
    (axes,) = plt.gcf().axes
    assert [bar.get_width() for bar in axes.containers[0]] == [40, 40, 40]
    assert [bar.get_width() for bar in axes.containers[1]] == [10, 10, 10]
    plt.close("all")


@pytest.mark.shared
def test_color_images_are_shown_in_color(fw, tmp_path):
    import matplotlib.pyplot as plt

    for number in range(20):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        save(path, noise(5, 5, 3, seed=number))
    data = fw.load_data(tmp_path / "photos")
    batch = next(iter(data.val_dataloader()))
    data.visualize(batch, ncols=2)
    shown = [np.asarray(axes.images[0].get_array()) for axes in plt.gcf().axes]
    np.testing.assert_allclose(shown, data.dataset.test.images[:2] / np.float32(255), rtol=1e-6)
    plt.close("all")


@pytest.mark.shared
def test_large_images_stay_in_their_file(fw, folder, monkeypatch):
    monkeypatch.setattr("hardmax.training.datamodule.stays_in_file", lambda images: True)
    data = fw.load_data(folder / "shapes")
    assert isinstance(data.train, Images)
    model = fw.SoftmaxRegression(num_outputs=4, lr=0.1)
    trainer = fw.Trainer(max_epochs=1, seed=0)
    trainer.fit(model, data)
    assert trainer.evaluate(model, data).count == 40
