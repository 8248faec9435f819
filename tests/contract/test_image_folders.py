"""Folders as they are found in the wild are trained on, and used, as their owners expect."""

import json

import numpy as np
import pytest
from PIL import Image
from support import SOFTMAX, refused, save

from hardmax.runs.record import RECORD, read_record, write_record

pytestmark = pytest.mark.shared


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path_factory.mktemp("cache")))


def icon(kind, seed):
    """Return a black bar or row and a dot on a transparent ground, whose pixels are black too."""
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[np.s_[:, 2] if kind == "bar" else np.s_[5, :]] = (0, 0, 0, 255)
    pixels[*np.random.default_rng(seed).integers(0, 8, 2)] = (0, 0, 0, 255)
    return pixels


def make(folder, *parts, count=20, extension="png", icons=True):
    for number, part in enumerate(parts):
        for kind in ("bar", "row"):
            for i in range(count):
                pixels = icon(kind, [i, number])
                path = folder / part / kind / f"{i}.{extension}"
                save(path, pixels if icons else 255 - pixels[:, :, 3])


def train(hardmax, framework, *options):
    arguments = ("--framework", framework, *SOFTMAX, "--epochs", 5)
    return hardmax("train", "data", *arguments, "--out", "run", *options)


def data_of(tmp_path):
    return json.loads((tmp_path / "run" / "run.json").read_text())["data"]


def accuracy(hardmax, *source):
    return json.loads(hardmax("evaluate", "run", *source, "--json").stdout)["accuracy"]


def test_black_shapes_on_a_transparent_ground_are_learned(hardmax, framework, tmp_path):
    make(tmp_path / "data", "train", "test")
    done = train(hardmax, framework)
    assert done.returncode == 0, done.stderr
    assert accuracy(hardmax) > 0.8


def test_a_run_predicts_and_evaluates_over_its_background(hardmax, framework, tmp_path):
    make(tmp_path / "data", "train", "test")
    done = train(hardmax, framework, "--background", "#ff8000")
    assert done.returncode == 0, done.stderr
    settings = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    assert settings["background"] == "#ff8000"
    assert hardmax("evaluate", "run").returncode == 0
    (tmp_path / "data" / "test").rename(tmp_path / "other")
    before = accuracy(hardmax, "other")
    files = [*(tmp_path / "other").rglob("*.png")]
    done = hardmax("predict", "run", *map(str, files), "--json")
    predicted = [one["label"] for one in json.loads(done.stdout)]
    found = [one == file.parent.name for one, file in zip(predicted, files, strict=True)]
    assert np.mean(found) == pytest.approx(before)
    # The same images without transparency are the same to the run.
    for file in files:
        flat = Image.new("RGB", (8, 8), "#ff8000")
        flat.paste(Image.open(file), mask=Image.open(file))
        flat.save(file)
    again = hardmax("predict", "run", *map(str, files), "--json")
    assert json.loads(again.stdout) == json.loads(done.stdout)


def make_wide(folder, *parts):
    """Fill a folder with images of which only the ends, not the middle, tell the class."""
    for number, part in enumerate(parts):
        for kind, at in (("left", 0), ("right", 12)):
            for i in range(20):
                pixels = np.random.default_rng([number, at, i]).integers(90, 110, (8, 16))
                pixels[:, at : at + 4] = 250
                save(folder / part / kind / f"{i}.png", pixels.astype(np.uint8))


def without_resize(run):
    """Make a run look as if it was trained before the setting ``resize`` existed."""
    record = read_record(run / RECORD)
    del record["settings"]["resize"]
    write_record(run, record)


def test_a_run_evaluates_and_predicts_as_its_images_were_resized(hardmax, framework, tmp_path):
    make_wide(tmp_path / "data", "train", "test")
    found = {}
    for how, words in (("crop", "cropped"), ("pad", "padded with white"), ("squash", "squashed")):
        options = ("--size", 8) if how == "crop" else ("--size", 8, "--resize", how)
        out = ("--epochs", 5, "--out", how)
        done = hardmax("train", "data", "--framework", framework, *SOFTMAX, *options, *out)
        assert done.returncode == 0, done.stderr
        assert f"80 images of another aspect ratio are {words}; change it" in done.stderr
        files = sorted((tmp_path / "data" / "test").rglob("*.png"))
        done = hardmax("predict", how, *map(str, files), "--json")
        assert f"8 x 16 L to 8 x 8 L, {words}, ...)" in done.stderr
        labels = [one["label"] for one in json.loads(done.stdout)]
        right = [label == file.parent.name for label, file in zip(labels, files, strict=True)]
        found[how] = json.loads(hardmax("evaluate", how, "--json").stdout)["accuracy"]
        assert np.mean(right) == pytest.approx(found[how])
    # What is cropped away cannot be learned from.
    assert found["crop"] < 0.8 < min(found["pad"], found["squash"])
    without_resize(tmp_path / "squash")
    done = hardmax("evaluate", "squash", "--json")
    assert json.loads(done.stdout)["accuracy"] == found["squash"]
    assert "80 images of another aspect ratio are squashed" in done.stderr


def test_resizing_is_refused_for_tables_not_missed_in_their_runs(hardmax, framework, tmp_path):
    rows = "".join(f"{i % 2 + i / 100},{'ab'[i % 2]}\n" for i in range(40))
    (tmp_path / "table.csv").write_text("x,y\n" + rows)
    arguments = ("table.csv", "--label", "y", "--framework", framework, *SOFTMAX, "--out", "run")
    refused(hardmax("train", *arguments, "--resize", "pad"), "resize applies only to images")
    done = hardmax("train", *arguments, "--epochs", 1, "--no-baselines")
    assert done.returncode == 0, done.stderr
    without_resize(tmp_path / "run")
    assert hardmax("evaluate", "run").returncode == 0


@pytest.mark.parametrize(
    "names", [("Train", "Test"), ("training_set", "test_set"), ("train", "val")]
)
def test_split_folders_are_the_training_and_the_test_set(names, hardmax, framework, tmp_path):
    make(tmp_path / "data", *names, icons=False)
    done = train(hardmax, framework)
    assert done.returncode == 0, done.stderr
    found = data_of(tmp_path)
    assert (found["train"], found["test"]) == (40, 40)
    assert ("the images in val are the test set" in done.stderr) == (names[1] == "val")
    assert accuracy(hardmax) > 0.8


def test_a_validation_folder_is_for_early_stopping_and_calibration(hardmax, framework, tmp_path):
    make(tmp_path / "data", "train", "test", icons=False)
    make(tmp_path / "data", "Valid", count=8, icons=False)
    # Its labels are swapped, so that the first epoch is the best.
    for old, new in (("bar", "x"), ("row", "bar"), ("x", "row")):
        (tmp_path / "data/Valid" / old).rename(tmp_path / "data/Valid" / new)
    done = train(hardmax, framework, "--patience", 2, "--lr", 0.5)
    assert done.returncode == 0, done.stderr
    assert " validation loss " in done.stdout
    assert "weights of epoch 1, which had the lowest validation loss" in done.stdout
    found = data_of(tmp_path)
    assert (found["train"], found["validation"], found["test"]) == (40, 16, 40)
    page = (tmp_path / "run/report.html").read_text()
    assert "a validation set of 16 images." in " ".join(page.split())
    (tmp_path / "data").rename(tmp_path / "copy")
    assert "only its test set is evaluated" in hardmax("evaluate", "run", "copy").stderr
    (tmp_path / "copy").rename(tmp_path / "data")
    refused(hardmax("calibrate", "run"), "the scores are no better than chance on the 16 examples")
    refused(hardmax("train", "data", "--validation", 0.2), "already has a validation set")


def test_what_looks_like_split_folders_is_refused_on_one_line(hardmax, tmp_path):
    make(tmp_path / "data", "Train", "cars", count=2)
    refused(hardmax("train", "data"), "beside other folders with images: cars")
    refused(hardmax("data", "data"), "beside other folders with images: cars")


def test_another_background_than_a_color_is_refused_on_one_line(hardmax, tmp_path):
    make(tmp_path / "data", "train", "test", count=2)
    refused(hardmax("train", "data", "--background", "whitish"), "'whitish'", "#ff8000")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    done = hardmax("train", "table.csv", "--label", "b", "--background", "white")
    refused(done, "background applies only to images")


def test_files_of_other_formats_are_trained_on(hardmax, framework, tmp_path):
    for number, extension in enumerate(("jp2", "tga")):
        make(tmp_path / "data", "train", "test", count=10 + number, extension=extension)
    done = train(hardmax, framework)
    assert done.returncode == 0, done.stderr
    assert data_of(tmp_path)["train"] == 42
