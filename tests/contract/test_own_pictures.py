"""Folders of pictures on the command line: they train as other data does, and are judged again."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from hardmax.data import mapped
from hardmax.data.images import cache as picture_cache
from hardmax.data.images.fashion_mnist import load_fashion_mnist
from hardmax.runs import evaluate, train
from hardmax.runs.predict import predict
from hardmax.runs.run import Run
from hardmax.runs.settings import Settings
from hardmax.training.streaming import StreamedLoader

#: How many pictures of Fashion-MNIST are written out.
TRAIN, TEST = 2000, 1000


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """An own cache for all of this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARDMAX_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def clothes(tmp_path_factory, data_root, write_idx, cache):
    """A folder with the same pictures of Fashion-MNIST as PNG files and as IDX files."""
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
    """What training on the PNG files gave."""
    return train.train(settings(framework, clothes / "png"), clothes / "run")


def settings(framework, data):
    return Settings(str(data), framework=framework, epochs=2, seed=3)


def test_pictures_train_to_the_very_counts_of_idx_files(framework, clothes, trained):
    other = train.train(settings(framework, clothes / "idx"), clothes / "other")
    assert trained.test.count == TEST
    assert TEST / 2 < trained.test.correct == other.test.correct
    assert trained.test.loss == other.test.loss
    weights = Run.open(other.path).weights
    for name, array in Run.open(trained.path).weights.items():
        assert np.array_equal(array, weights[name])


def test_a_second_start_decodes_nothing(trained, monkeypatch):
    def upright(path):
        raise AssertionError(f"{path} is decoded again")

    monkeypatch.setattr(picture_cache, "upright", upright)
    assert evaluate.evaluate(trained.path).judgement.as_dict() == trained.test.as_dict()


def test_predictions_are_those_of_the_judgement(clothes, trained):
    files = sorted((clothes / "png" / "test").glob("*/*.png"))
    found = predict(str(trained.path), [str(file) for file in files])
    right = [one.label == file.parent.name for one, file in zip(found.all, files, strict=True)]
    assert (sum(right), found.changes) == (trained.test.correct, [])


def test_pictures_that_stay_in_their_file_train_to_the_same(framework, clothes, monkeypatch):
    """The validation part, too, is split off into a file."""
    asked = replace(settings(framework, clothes / "png"), validation=0.4, model="mlp", lr=0.3)
    resident = train.train(asked, clothes / "resident")
    taken, original = [], StreamedLoader.take

    def take(loader, rows):
        batch = original(loader, rows)
        taken.append(len(batch[1]))
        return batch

    monkeypatch.setattr(StreamedLoader, "take", take)
    monkeypatch.setattr(mapped, "LARGE", 2**19)
    streamed = train.train(asked, clothes / "streamed")
    # Two epochs of 1200 and 800 examples, and the scores of the test set.
    assert sum(taken) >= 2 * (1200 + 800) + TEST
    for one, other in zip(streamed.epochs, resident.epochs, strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-5)
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-5)
    assert streamed.test.loss == pytest.approx(resident.test.loss, rel=1e-5)
    assert evaluate.evaluate(streamed.path).judgement.as_dict() == streamed.test.as_dict()
    first, second = (Run.open(run.path).record["data"] for run in (streamed, resident))
    assert first == second


@pytest.mark.shared
def test_balanced_training_gives_all_classes_the_same_share(framework, tmp_path):
    """From scores of almost 0, a step moves biases by (share of the class - 1 / classes) x lr."""
    X, y = np.zeros((200, 2, 2), np.uint8), np.repeat(["often", "rare"], [180, 20])
    np.savez(tmp_path / "skewed.npz", X=X, y=y, X_test=X, y_test=y)
    apart = {}
    for balanced in (False, True):
        asked = Settings(
            str(tmp_path / "skewed.npz"),
            framework=framework,
            epochs=1,
            batch_size=200,
            balanced=balanced,
        )
        run = Run.open(train.train(asked, tmp_path / str(balanced)).path)
        assert run.record["asked"]["balanced"] is balanced
        apart[balanced] = float(run.weights["1.bias"][0] - run.weights["1.bias"][1])
    assert apart[False] == pytest.approx(0.1 * (0.9 - 0.1), rel=1e-4)
    assert apart[True] == pytest.approx(0, abs=1e-6)


@pytest.fixture
def shapes(tmp_path, monkeypatch):
    """A folder of pictures that are bright above or below, coloured, of many sizes, in one part."""
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "cache"))
    generator = np.random.default_rng(0)
    for label, turned in (("day", 1), ("night", -1)):
        for number in range(30):
            size = (*generator.integers(10, 60, 2), 3)
            pixels = generator.integers(0, 90, size)
            pixels[: size[0] // 2] += 150
            path = tmp_path / "shapes" / label / f"{label} {number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[::turned].astype(np.uint8)).save(path)
    return tmp_path / "shapes"


def test_coloured_pictures_of_any_sizes_need_no_flag(hardmax, framework, tmp_path, shapes):
    done = hardmax("train", "shapes", "--framework", framework, "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["test"]["correct"] == told["test"]["count"] == 12
    run = Run.open(tmp_path / "run")
    side, _, channels = run.input_shape
    assert (run.classes, run.input_shape, channels) == (("day", "night"), (side, side, 3), 3)
    said = f"60 pictures of 2 classes, as {side} x {side} colour (the median side;"
    assert said in done.stderr
    assert "12 of 60 examples, 0.2 of each class, were split off" in done.stderr
    judged = json.loads(hardmax("evaluate", "run", "--json").stdout)
    assert judged.items() >= told["test"].items()
    (tmp_path / "other" / "day").mkdir(parents=True)
    for path in sorted((shapes / "day").iterdir())[:7]:
        os.link(path, tmp_path / "other" / "day" / path.name)
    judged = json.loads(hardmax("evaluate", "run", "other", "--json").stdout)
    assert (judged["count"], judged["correct"]) == (7, 7)
    done = hardmax("predict", "run", "shapes/night/night 1.png", "shapes/day/day 2.png")
    assert [line.split(" (")[0] for line in done.stdout.splitlines()] == [
        "shapes/night/night 1.png: night",
        "shapes/day/day 2.png: day",
    ]


@pytest.mark.shared
def test_what_to_test_on_may_be_asked_for(hardmax, framework, tmp_path, shapes):
    arguments = ("--framework", framework, "--epochs", 1, "--size", 6, "--channels", 1)
    done = hardmax("train", "shapes", "--test", 0.5, *arguments, "--out", "half", "--json")
    told = json.loads(done.stdout)["test"]
    assert told["count"] == 30
    assert json.loads(hardmax("evaluate", "half", "--json").stdout).items() >= told.items()
    X = np.full((9, 6, 6), 80, np.uint8)
    np.savez(tmp_path / "apart.npz", X=X, y=np.array(["day", "day", "night"] * 3))
    arguments = (*arguments, "--test", "apart.npz", "--out", "apart", "--json")
    told = json.loads(hardmax("train", "shapes", *arguments).stdout)["test"]
    assert (told["count"], told["correct"]) in ((9, 6), (9, 3))
    assert Run.open(tmp_path / "apart").record["data"]["train"] == 60
    assert json.loads(hardmax("evaluate", "apart", "--json").stdout).items() >= told.items()


@pytest.mark.shared
def test_size_and_channels_may_be_asked_for(hardmax, framework, tmp_path, shapes):
    arguments = ("--framework", framework, "--epochs", 1, "--out", "run")
    done = hardmax("train", "shapes", *arguments, "--size", "8x12", "--channels", 1)
    assert done.returncode == 0, done.stderr
    assert Run.open(tmp_path / "run").input_shape == (8, 12, 1)
    asked = Run.open(tmp_path / "run").record["asked"]
    assert (asked["size"], asked["channels"]) == ([8, 12], 1)
    assert "as 8 x 12 grey\n" in hardmax("evaluate", "run").stderr


def spoil(folder, kind):
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
        (folder / "day" / "b.png").write_bytes(b"no picture")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", ["neither the four IDX files nor pictures in folders"]),
        ("one class", ["one class only (day)"]),
        ("unseen", ["test part has classes that training never saw: dusk"]),
        ("unreadable", ["2 of 62", "day/b.png, night/a.png", "--skip-bad"]),
    ],
)
def test_pictures_that_cannot_be_learnt_are_told_and_nothing_is_written(
    hardmax, framework, tmp_path, shapes, kind, words
):
    spoil(shapes, kind)
    before = sorted(tmp_path.rglob("*"))
    done = hardmax("train", "shapes", "--framework", framework)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert [word for word in words if word not in done.stderr] == []
    after = sorted(tmp_path.rglob("*"))
    assert [path for path in after if path.is_file()] == [path for path in before if path.is_file()]


@pytest.mark.shared
def test_skipped_pictures_are_recorded(hardmax, framework, tmp_path, shapes):
    spoil(shapes, "unreadable")
    arguments = ("--framework", framework, "--epochs", 1, "--out", "run")
    done = hardmax("train", "shapes", "--skip-bad", *arguments)
    assert done.returncode == 0, done.stderr
    assert "left out 2 pictures that cannot be read: day/b.png, night/a.png" in done.stderr
    prepared = Run.open(tmp_path / "run").record["data"]["prepared"]
    assert prepared["left_out"] == ["day/b.png", "night/a.png"]
    assert hardmax("evaluate", "run").returncode == 0


@pytest.mark.shared
def test_compare_takes_folders_of_pictures(hardmax, framework, tmp_path, shapes):
    arguments = ("--frameworks", "torch,mxnet", "--size", "6", "--epochs", 1, "--out", "both")
    done = hardmax("compare", "shapes", *arguments)
    if "is not installed" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    assert "60 pictures of 2 classes, as 6 x 6 colour\n" in done.stdout
    assert "12 of 12" in done.stdout


@pytest.mark.shared
def test_data_says_what_it_found(hardmax, shapes):
    spoil(shapes, "unreadable")
    os.link(shapes / "day" / "day 3.png", shapes / "night" / "night\n3.png")
    done = hardmax("data", "shapes")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["class", "examples"],
        ["day", "30"],
        ["night", "31"],
        ["2", "classes", "61"],
    ]
    assert "files that cannot be read: 2" in lines
    assert "pictures that are there more than once: 1" in lines
    assert r"  day/day 3.png = night/night\n3.png" in lines
    assert any(line.startswith("  and ") and line.endswith("which --json lists") for line in lines)
    told = json.loads(hardmax("data", "shapes", "--json").stdout)
    assert sorted(told["unreadable"]) == ["day/b.png", "night/a.png"]
    assert told["same"] == [["day/day 3.png", "night/night\n3.png"]]
    assert sum(size["pictures"] for size in told["sizes"]) == 61
    done = hardmax("data", "nothing")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
