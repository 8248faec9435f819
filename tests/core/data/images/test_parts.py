"""The usual names of the parts are understood; what looks like parts and is none is refused."""

import os
import subprocess

import numpy as np
import pytest
from support import noise, save

from hardmax.data.images.scan import scan
from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.survey import survey
from hardmax.errors import DataError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def make(tmp_path):
    """A function that writes 3 images per class below the given folders of a folder ``data``.

    The images of folder number i have pixels of i + 1.
    """

    def make(*folders, classes="ab"):
        for number, folder in enumerate(folders, 1):
            for label in classes:
                for i in range(3):
                    pixels = np.full((2, 2), number, np.uint8)
                    save(tmp_path / "data" / folder / label / f"{i}.png", pixels)
        return str(tmp_path / "data")

    return make


def pixels(examples):
    return {*examples.inputs.ravel().tolist()}


PAIRS = [
    ("train", "test"),
    ("Train", "Test"),
    ("TRAIN", "TEST"),
    ("training", "testing"),
    ("Training", "Test"),
    ("training_set", "test_set"),
    ("Training Set", "Testing-Set"),
    ("trainset", "testset"),
    ("train_data", "test_data"),
    ("train_images", "test_images"),
    ("train", "val"),
    ("Train", "Valid"),
    ("train", "validation"),
    ("train", "dev"),
    ("training-set", "validation-set"),
    ("train2017", "val2017"),
    ("trainImages", "valImages2"),
]


@pytest.mark.parametrize(("train", "test"), PAIRS)
def test_the_usual_names_are_the_training_and_the_test_set(train, test, make):
    source = make(train, test)
    data = load(source)
    assert (data.classes, data.has_test) == (("a", "b"), True)
    assert (len(data.train), pixels(data.train)) == (6, {1})
    assert (len(data.test), pixels(data.test)) == (6, {2})
    assert data.preprocessing["ignored"] == []
    is_told = f"data has no test folder: the images in {test} are the test set" in data.notices
    assert is_told == test.lower().startswith(("val", "dev"))
    assert survey(source).classes == {label: {"train": 3, "test": 3} for label in "ab"}


@pytest.mark.parametrize("validation", ["val", "Valid", "validation_set", "dev"])
def test_a_validation_folder_beside_a_test_folder_is_the_validation_set(validation, make, refused):
    source = make("train", "test", validation)
    data = load(source)
    parts = (data.train, data.test, data.validation)
    assert [pixels(part) for part in parts] == [{1}, {2}, {3}]
    assert [part.labels.tolist() for part in parts] == [[0, 1, 0, 1, 0, 1]] * 3
    assert data.preprocessing["ignored"] == []
    counts = dict.fromkeys(["train", "validation", "test"], 3)
    assert survey(source).classes == {"a": counts, "b": counts}
    with refused(DataError, "data already has a validation set", "data without one"):
        load(source, Reading(validation=0.5))


def test_a_data_set_has_another_fingerprint_with_other_validation_images(make, tmp_path):
    source = make("train", "test", "val")
    before = load(source).fingerprint
    save(tmp_path / "data/val/a/0.png", noise(2, 2))
    changed = load(source).fingerprint
    (tmp_path / "data/val").rename(tmp_path / "elsewhere")
    assert len({before, changed, load(source).fingerprint}) == 3


def test_a_validation_set_has_the_classes_of_the_training_set(make, tmp_path, refused):
    source = make("train", "test", "val")
    save(tmp_path / "data/val/c/0.png", noise(2, 2))
    with refused(DataError, "the validation set has classes that are not in the training set: c"):
        load(source)


def test_every_set_has_examples(make, tmp_path, refused):
    source = make("train", "test", "val")
    for part in ("val", "test"):
        for path in (tmp_path / "data" / part).rglob("*.png"):
            path.write_bytes(b"")
        with refused(DataError, f"the {'validation' if part == 'val' else part} set has no"):
            load(source, Reading(skip_bad=True))


def test_one_that_is_empty_is_ignored_like_any_other(make, tmp_path):
    source = make("train", "test")
    (tmp_path / "data" / "val").mkdir()
    assert load(source).notices[-1].endswith("that are not images of a class: val")


def test_a_training_set_alone_is_split(make):
    data = load(make("Training_Set"), Reading(test=0.34))
    assert (len(data.train), len(data.test), data.classes) == (4, 2, ("a", "b"))


def test_images_to_be_predicted_do_not_make_a_test_set(make, tmp_path):
    source = make("Train")
    save(tmp_path / "data/Test/1.png", noise(2, 2))
    data = load(source, Reading(test=0.34))
    assert (data.classes, data.preprocessing["ignored"]) == (("a", "b"), ["Test"])


def test_other_folders_do_not_matter_beside_both_parts_or_without_images(make, tmp_path):
    source = make("train", "test", "more")
    assert load(source).preprocessing["ignored"] == ["more"]
    (tmp_path / "data" / "more").rename(tmp_path / "elsewhere")
    (tmp_path / "data" / "test").rename(tmp_path / "data" / "__MACOSX")
    for path in (tmp_path / "data" / "__MACOSX").rglob("*.png"):
        path.rename(path.with_name(f"._{path.name}"))
    assert load(source, Reading(test=0.34)).classes == ("a", "b")


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["Train", "cars"], ["Train", "beside other folders with images: cars", "test/CLASS"]),
        (["train", "seg_pred", "seg_test"], ["other folders with images: seg_pred, seg_test"]),
        (["train", "Train"], ["more than one folder for the train set: Train, train"]),
        (["train", "training_set", "test"], ["more than one folder for the train set"]),
        (["train", "test", "Testing"], ["more than one folder for the test set"]),
        (["train", "val", "valid"], ["more than one folder for the validation set: val, valid"]),
        (["test"], ["a folder test with subfolders", "no train folder beside it"]),
        (["Val", "cats"], ["a folder Val with subfolders", "no train folder beside it"]),
        (["seg_train", "seg_test"], ["folders seg_test, seg_train look like", "rename"]),
        (["seg_train", "seg_test", "seg_pred"], ["folders seg_test, seg_train look like"]),
        (["Data Train", "Data Val"], ["folders Data Train, Data Val look like"]),
    ],
)
def test_what_looks_like_parts_and_is_not_clear_is_refused(folders, expected, make, refused):
    source = make(*folders)
    with refused(DataError, source, *expected):
        load(source)


@pytest.mark.parametrize("names", [("train", "test"), ("Train", "val"), ("training", "test_set")])
@pytest.mark.parametrize("below", ["", "train"])
def test_parts_without_folders_of_classes_are_refused(names, below, tmp_path, refused):
    for name in names:
        for i in range(5):
            save(tmp_path / "data" / below / name / f"{i}.png", noise(2, 2))
    with refused(DataError, "look like a training and a test set, not like classes", *names):
        load(str(tmp_path / "data"))


@pytest.mark.parametrize("names", [("train", "test"), ("Training", "val")])
@pytest.mark.parametrize("labels", [("cat", "dog"), ("wrapper",)])
def test_parts_inside_of_classes_are_refused(names, labels, make, refused):
    source = make(*(f"{label}/{name}" for label in labels for name in names))
    with refused(DataError, f"the folder {labels[0]} has the folders", *names, "train/CLASS/*.png"):
        load(source)


@pytest.mark.parametrize(
    "names",
    [("bus", "train"), ("test tubes", "training shoes"), ("invalid", "valid"), ("a", "dev")],
)
def test_classes_may_have_such_names(names, tmp_path):
    for name in names:
        for i in range(5):
            save(tmp_path / "data" / name / f"{i}.png", noise(2, 2))
    assert load(str(tmp_path / "data")).classes == names


@pytest.fixture
def removed(tmp_path):
    """Removes a tree that is too deep for Python to remove."""
    yield
    subprocess.run(["rm", "-rf", tmp_path / "data"], check=True)


@pytest.mark.usefixtures("removed")
def test_folders_may_be_nested_more_deeply_than_calls(tmp_path, monkeypatch):
    for label in "ab":
        save(tmp_path / "data" / label / "1.png", noise(2, 2))
    monkeypatch.chdir(tmp_path / "data" / "a")
    for _ in range(1500):
        os.mkdir("x")
        os.chdir("x")
    os.rename(tmp_path / "data/a/1.png", "1.png")
    os.chdir(tmp_path)
    folder = scan(tmp_path / "data", Reading())
    assert folder.files[0].name == "b/1.png"
    assert folder.files[1].name == "a/" + "x/" * 1500 + "1.png"
    assert len(load("data", Reading(whole=True)).train) == 2


@pytest.mark.usefixtures("removed")
def test_a_tree_deeper_than_paths_may_be_is_refused(tmp_path, monkeypatch, refused):
    save(tmp_path / "data/b/1.png", noise(2, 2))
    (tmp_path / "data" / "a").mkdir()
    monkeypatch.chdir(tmp_path / "data" / "a")
    for _ in range(25):
        os.mkdir("x" * 200)
        os.chdir("x" * 200)
    os.chdir(tmp_path)
    with refused(DataError, "cannot read the folder data/a/", "File name too long"):
        load("data")
