"""Folders of images on the command line: training, evaluation and prediction."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from support import SOFTMAX, need

from hardmax.data import mapped
from hardmax.data.images import cache as image_cache
from hardmax.data.images.fashion_mnist import load_fashion_mnist
from hardmax.runs import evaluate, train
from hardmax.runs.predict import predict
from hardmax.runs.run import Run
from hardmax.runs.settings import Settings
from hardmax.training.streaming import StreamedLoader

#: How many images of Fashion-MNIST are written out.
TRAIN, TEST = 2000, 1000


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A separate cache for this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARDMAX_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def clothes(tmp_path_factory, data_root, write_idx, cache):
    """A folder with the same images of Fashion-MNIST as PNG and as IDX files."""
    folder = tmp_path_factory.mktemp("clothes")
    (folder / "idx").mkdir()
    dataset = load_fashion_mnist()
    parts = ((dataset.train, "train", "train", TRAIN), (dataset.test, "test", "t10k", TEST))
    for part, name, prefix, count in parts:
        images, labels = part.images[:count, :, :, 0], part.labels[:count]
        write_idx(folder / "idx" / f"{prefix}-images-idx3-ubyte", images)
        write_idx(folder / "idx" / f"{prefix}-labels-idx1-ubyte", labels.astype(np.uint8))
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            path = folder / "png" / name / str(label) / f"{number:05}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return folder


@pytest.fixture(scope="module")
def trained(framework, clothes):
    """The result of training on the PNG files."""
    return train.train(settings(framework, clothes / "png"), clothes / "run")


def settings(framework, data):
    return Settings(
        data=str(data), model="softmax-regression", framework=framework, epochs=2, seed=3
    )


def test_training_on_images_and_on_idx_files_gives_equal_results(framework, clothes, trained):
    other = train.train(settings(framework, clothes / "idx"), clothes / "other")
    assert trained.test.count == TEST
    assert TEST / 2 < trained.test.correct == other.test.correct
    assert trained.test.loss == other.test.loss
    weights = Run.open(other.path).weights
    for name, array in Run.open(trained.path).weights.items():
        assert np.array_equal(array, weights[name])


def test_evaluation_after_training_decodes_nothing(trained, monkeypatch):
    def load_upright(path, *options):
        raise AssertionError(f"{path} is decoded again")

    monkeypatch.setattr(image_cache, "load_upright", load_upright)
    assert evaluate.evaluate(trained.path).evaluation.as_dict() == trained.test.as_dict()


def test_predictions_are_those_of_the_evaluation(clothes, trained):
    files = sorted((clothes / "png" / "test").glob("*/*.png"))
    with predict(str(trained.path), [str(file) for file in files]) as found:
        predictions = [one for batch in found.batches for one in batch.predictions]
    correct = [one.label == file.parent.name for one, file in zip(predictions, files, strict=True)]
    assert (sum(correct), [*found.later()]) == (trained.test.correct, [])


def test_training_on_mapped_images_gives_the_same_result(framework, clothes, monkeypatch):
    """The validation part is also split off into a file."""
    options = replace(settings(framework, clothes / "png"), validation=0.4, model="mlp", lr=0.3)
    resident = train.train(options, clothes / "resident")
    sizes, original = [], StreamedLoader.take

    def take(loader, rows):
        batch = original(loader, rows)
        sizes.append(len(batch[1]))
        return batch

    monkeypatch.setattr(StreamedLoader, "take", take)
    monkeypatch.setattr(mapped, "LARGE", 2**19)
    streamed = train.train(options, clothes / "streamed")
    # Two epochs of 1200 and 800 examples, and the scores of the test set.
    assert sum(sizes) >= 2 * (1200 + 800) + TEST
    for one, other in zip(streamed.epochs, resident.epochs, strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-5)
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-5)
    assert streamed.test.loss == pytest.approx(resident.test.loss, rel=1e-5)
    assert evaluate.evaluate(streamed.path).evaluation.as_dict() == streamed.test.as_dict()
    first, second = (Run.open(run.path).record["data"] for run in (streamed, resident))
    assert first == second


@pytest.mark.shared
def test_balanced_training_weights_all_classes_equally(framework, tmp_path):
    """From scores near 0, a step changes biases by (class frequency - 1 / classes) x lr."""
    X, y = np.zeros((200, 2, 2), np.uint8), np.repeat(["often", "rare"], [180, 20])
    np.savez(tmp_path / "skewed.npz", X=X, y=y, X_test=X, y_test=y)
    gaps = {}
    for balanced in (False, True):
        options = Settings(
            data=str(tmp_path / "skewed.npz"),
            model="softmax-regression",
            framework=framework,
            epochs=1,
            batch_size=200,
            balanced=balanced,
        )
        run = Run.open(train.train(options, tmp_path / str(balanced)).path)
        assert run.record["settings"]["balanced"] is balanced
        gaps[balanced] = float(run.weights["1.bias"][0] - run.weights["1.bias"][1])
    assert gaps[False] == pytest.approx(0.1 * (0.9 - 0.1), rel=1e-4)
    assert gaps[True] == pytest.approx(0, abs=1e-6)


@pytest.fixture
def shapes(tmp_path, monkeypatch):
    """A folder of color images of many sizes, bright above or below, without a test set."""
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "cache"))
    generator = np.random.default_rng(0)
    for label, step in (("day", 1), ("night", -1)):
        for number in range(30):
            size = (*generator.integers(10, 60, 2), 3)
            pixels = generator.integers(0, 90, size)
            pixels[: size[0] // 2] += 150
            path = tmp_path / "shapes" / label / f"{label} {number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[::step].astype(np.uint8)).save(path)
    return tmp_path / "shapes"


def test_color_images_of_any_size_need_no_options(hardmax, framework, tmp_path, shapes):
    done = hardmax("train", "shapes", "--framework", framework, "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["test"]["correct"] == summary["test"]["count"] == 12
    run = Run.open(tmp_path / "run")
    side, _, channels = run.input_shape
    assert (run.classes, run.input_shape, channels) == (("day", "night"), (side, side, 3), 3)
    sizes = []
    for path in shapes.rglob("*.png"):
        with Image.open(path) as image:
            sizes.append(image.size)
    assert (abs(side - np.median(sizes)) <= 4, side % 8) == (True, 0)
    notice = f"60 images of 2 classes, as {side} x {side} color (the median side in multiples of 8;"
    assert notice in done.stderr
    assert "12 of 60 examples, 0.2 of each class, were split off" in done.stderr
    evaluated = json.loads(hardmax("evaluate", "run", "--json").stdout)
    assert evaluated.items() >= summary["test"].items()
    shutil.copytree(shapes, tmp_path / "copy")
    done = hardmax("evaluate", "run", "copy", "--json")
    assert "copy has the same contents as the data that run was trained on" in done.stderr
    assert json.loads(done.stdout) == evaluated
    (tmp_path / "other" / "day").mkdir(parents=True)
    for path in sorted((shapes / "day").iterdir())[:7]:
        os.link(path, tmp_path / "other" / "day" / path.name)
    evaluated = json.loads(hardmax("evaluate", "run", "other", "--json").stdout)
    assert (evaluated["count"], evaluated["correct"]) == (7, 7)
    done = hardmax("predict", "run", "other", "--json")
    names = [f"other/day/{path.name}" for path in sorted((tmp_path / "other/day").iterdir())]
    assert [one["file"] for one in json.loads(done.stdout)] == names
    (tmp_path / "empty").mkdir()
    assert "empty is a folder without images" in hardmax("predict", "run", "empty").stderr
    done = hardmax("predict", "run", "shapes/night/night 1.png", "shapes/day/day 2.png")
    assert [line.split(" (")[0] for line in done.stdout.splitlines()] == [
        "shapes/night/night 1.png: night",
        "shapes/day/day 2.png: day",
    ]


@pytest.mark.shared
def test_the_test_fraction_or_other_test_data_can_be_set(hardmax, framework, tmp_path, shapes):
    arguments = ("--framework", framework, *SOFTMAX, "--epochs", 1, "--size", 6, "--channels", 1)
    done = hardmax("train", "shapes", "--test", 0.5, *arguments, "--out", "half", "--json")
    summary = json.loads(done.stdout)["test"]
    assert summary["count"] == 30
    assert json.loads(hardmax("evaluate", "half", "--json").stdout).items() >= summary.items()
    X = np.full((9, 6, 6), 80, np.uint8)
    np.savez(tmp_path / "other.npz", X=X, y=np.array(["day", "day", "night"] * 3))
    arguments = (*arguments, "--test", "other.npz", "--out", "other", "--json")
    summary = json.loads(hardmax("train", "shapes", *arguments).stdout)["test"]
    assert (summary["count"], summary["correct"]) in ((9, 6), (9, 3))
    assert Run.open(tmp_path / "other").record["data"]["train"] == 60
    assert json.loads(hardmax("evaluate", "other", "--json").stdout).items() >= summary.items()


def test_a_training_has_as_many_epochs_as_its_minutes_allow(hardmax, framework, tmp_path, shapes):
    command = ("train", "shapes", "--framework", framework, *SOFTMAX, "--size", 28)
    done = hardmax(*command, "--minutes", 0.02, "--out", "run")
    assert done.returncode == 0, done.stderr
    run = Run.open(tmp_path / "run")
    epochs = run.settings.epochs
    assert 1 <= epochs == run.record["results"]["epochs"] <= 300
    assert run.settings.minutes is None
    assert f"0.02 minutes: {epochs} epochs" in done.stderr
    done = hardmax(*command, "--minutes", 1e-7, "--out", "other")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert "1e-07 minutes are not enough: an epoch of softmax-regression takes" in done.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.shared
def test_size_and_channels_can_be_set(hardmax, framework, tmp_path, shapes):
    arguments = ("--framework", framework, *SOFTMAX, "--epochs", 1, "--out", "run")
    done = hardmax("train", "shapes", *arguments, "--size", "8x12", "--channels", 1)
    assert done.returncode == 0, done.stderr
    assert Run.open(tmp_path / "run").input_shape == (8, 12, 1)
    recorded = Run.open(tmp_path / "run").record["settings"]
    assert (recorded["size"], recorded["channels"]) == ([8, 12], 1)
    assert "as 8 x 12 grayscale\n" in hardmax("evaluate", "run").stderr


def damage(folder, kind):
    if kind == "empty":
        for path in [*folder.rglob("*")]:
            if path.is_file():
                path.unlink()
    elif kind == "one class":
        (folder / "night").rename(folder.parent / "elsewhere")
    elif kind == "unseen":
        for part in ("train", "test"):
            (folder / part).mkdir()
        for label in ("night", "day"):
            (folder / label).rename(folder / "train" / label)
        (folder / "train" / "day").rename(folder / "test" / "dusk")
    elif kind == "unreadable":
        (folder / "night" / "a.png").write_bytes(b"")
        (folder / "day" / "b.png").write_bytes(b"no image")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", ["neither the four IDX files nor images in one folder per class"]),
        ("one class", ["only one class (day)"]),
        ("unseen", ["test set has classes that are not in the training set: dusk"]),
        ("unreadable", ["2 of 62", "day/b.png, night/a.png", "--skip-bad"]),
    ],
)
def test_images_that_cannot_be_trained_on_are_an_error_and_nothing_is_written(
    hardmax, framework, tmp_path, shapes, kind, words
):
    damage(shapes, kind)
    before = sorted(tmp_path.rglob("*"))
    done = hardmax("train", "shapes", "--framework", framework)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert [word for word in words if word not in done.stderr] == []
    after = sorted(tmp_path.rglob("*"))
    assert [path for path in after if path.is_file()] == [path for path in before if path.is_file()]


@pytest.mark.shared
def test_skipped_images_are_recorded(hardmax, framework, tmp_path, shapes):
    damage(shapes, "unreadable")
    arguments = ("--framework", framework, *SOFTMAX, "--epochs", 1, "--out", "run")
    done = hardmax("train", "shapes", "--skip-bad", *arguments)
    assert done.returncode == 0, done.stderr
    assert "skipped 2 images that cannot be read: day/b.png, night/a.png" in done.stderr
    preprocessing = Run.open(tmp_path / "run").record["data"]["preprocessing"]
    assert preprocessing["left_out"] == ["day/b.png", "night/a.png"]
    assert hardmax("evaluate", "run").returncode == 0


@pytest.mark.slow
@pytest.mark.shared
def test_parity_accepts_folders_of_images(hardmax, framework, tmp_path, shapes):
    need("torch", "mxnet")
    arguments = ("--frameworks", "torch,mxnet", "--size", "6", "--epochs", 1, "--out", "both")
    done = hardmax("parity", "shapes", *arguments)
    assert done.returncode == 0, done.stderr
    assert "60 images of 2 classes, as 6 x 6 color\n" in done.stdout
    assert "12 of 12" in done.stdout


@pytest.mark.shared
def test_data_prints_a_survey(hardmax, shapes):
    damage(shapes, "unreadable")
    os.link(shapes / "day" / "day 3.png", shapes / "night" / "night\n3.png")
    done = hardmax("data", "shapes")
    assert (done.returncode, done.stderr) == (
        0,
        "hardmax: shapes: 1 image occurs with different labels, such as day/day 3.png (day) = "
        "night/night\\n3.png (night); correct the labels, or leave out those that are wrong\n",
    )
    lines = done.stdout.splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["class", "examples"],
        ["day", "30"],
        ["night", "31"],
        ["2", "classes", "61"],
    ]
    assert "unreadable files: 2" in lines
    assert "duplicate images: 1" in lines
    assert r"  day/day 3.png = night/night\n3.png" in lines
    assert any(
        line.startswith("  and ") and line.endswith("more (--json lists all)") for line in lines
    )
    summary = json.loads(hardmax("data", "shapes", "--json").stdout)
    assert sorted(summary["unreadable"]) == ["day/b.png", "night/a.png"]
    assert summary["same"] == [["day/day 3.png", "night/night\n3.png"]]
    assert sum(size["images"] for size in summary["sizes"]) == 61
    done = hardmax("data", "nothing")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
