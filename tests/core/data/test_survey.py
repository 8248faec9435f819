"""Surveys of data made with known contents."""

import gzip

import numpy as np
import pytest
from support import noise, save

from hardmax.data.datasets import Images
from hardmax.data.images.digits import load_digits
from hardmax.data.survey import survey
from hardmax.errors import DataError


@pytest.fixture
def pets(tmp_path):
    """A folder with a cat and two dogs to train on, and one of each to test on."""
    for number, name in enumerate(
        ["train/cat/a.png", "train/dog/a.png", "train/dog/b.png", "test/cat/a.png"]
    ):
        save(tmp_path / "pets" / name, noise(6, 5, seed=number))
    save(tmp_path / "pets/test/dog/a.png", noise(7, 7, 3))
    return tmp_path / "pets"


def test_classes_and_sizes_are_counted(pets):
    found = survey(str(pets))
    assert (found.name, found.has_test) == ("pets", True)
    assert found.classes == {"cat": {"train": 1, "test": 1}, "dog": {"train": 2, "test": 1}}
    assert found.sizes == {(6, 5, 1): 4, (7, 7, 3): 1}
    assert [*found.sizes] == [(6, 5, 1), (7, 7, 3)]
    assert found.sides == {"least": (6, 5), "median": (6, 5), "largest": (7, 7)}
    assert (found.unreadable, found.ignored, found.same, found.in_several) == ({}, (), [], [])


def test_unreadable_files_are_named_with_the_reason_and_not_counted(pets):
    (pets / "train" / "dog" / "empty.png").write_bytes(b"")
    (pets / "test" / "cat" / "cut.png").write_bytes((pets / "test/cat/a.png").read_bytes()[:-30])
    (pets / "test" / "cat" / "notes.txt").write_text("notes")
    found = survey(str(pets))
    assert sorted(found.unreadable) == ["test/cat/cut.png", "train/dog/empty.png"]
    for name, why in found.unreadable.items():
        assert why.startswith(f"{pets / name} is not a readable image (")
    assert found.classes["dog"] == {"train": 2, "test": 1}
    assert found.ignored == ("test/cat/notes.txt",)


def test_identical_pixels_are_duplicates_whatever_the_file_format(pets):
    pixels = noise(6, 5, seed=1)
    save(pets / "train" / "cat" / "copy.bmp", pixels)
    save(pets / "test" / "dog" / "copy.png", pixels, compress_level=0)
    save(pets / "train" / "cat" / "turned.png", pixels.T)
    save(pets / "test" / "cat" / "b.png", noise(9, 9))
    save(pets / "test" / "cat" / "c.png", noise(9, 9))
    found = survey(str(pets))
    shared = ["train/dog/a.png", "train/cat/copy.bmp", "test/dog/copy.png"]
    assert [sorted(group) for group in found.in_several] == [sorted(shared)]
    assert [len(group) for group in found.same] == [3, 2]
    assert ["test/cat/b.png", "test/cat/c.png"] in found.same


def test_images_of_a_validation_set_are_counted_and_compared(pets):
    for label in ("cat", "dog"):
        save(pets / "val" / label / "a.png", noise(6, 5, seed=9))
    save(pets / "val" / "dog" / "b.png", noise(6, 5, seed=1))
    found = survey(str(pets))
    assert found.classes["dog"] == {"train": 2, "validation": 2, "test": 1}
    assert found.in_several == [["train/dog/a.png", "val/dog/b.png"]]
    assert ["val/cat/a.png", "val/dog/a.png"] in found.same


def test_without_a_test_set_nothing_is_split_off(pets):
    found = survey(str(pets / "train"))
    assert not found.has_test
    assert found.classes == {"cat": {"train": 1}, "dog": {"train": 2}}
    assert found.in_several == []


def test_examples_without_files_are_named_by_their_position(tmp_path):
    X, y = noise(20, 3, 3), np.array(["b", "a"] * 10)
    X[7] = X[3]
    np.savez(tmp_path / "one.npz", X=X, y=y)
    found = survey(str(tmp_path / "one.npz"))
    assert found.classes == {"a": {"train": 10}, "b": {"train": 10}}
    assert (found.sizes, found.same) == ({(3, 3, 1): 20}, [["train 3", "train 7"]])
    np.savez(tmp_path / "two.npz", X=X[:15], y=y[:15], X_test=X[[16, 7]], y_test=y[[16, 7]])
    found = survey(str(tmp_path / "two.npz"))
    assert found.classes == {"a": {"train": 7, "test": 1}, "b": {"train": 8, "test": 1}}
    assert found.in_several == found.same == [["train 3", "train 7", "test 1"]]


def test_idx_folders_and_named_data_are_surveyed(tmp_path, make_idx_folder):
    found = survey(str(make_idx_folder(tmp_path / "rows")))
    assert found.classes == {str(label): {"train": 30, "test": 10} for label in range(4)}
    path = tmp_path / "rows" / "t10k-images-idx3-ubyte.gz"
    data = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(data[:-36] + data[-72:-36]))
    assert survey(str(tmp_path / "rows")).same == [["test 38", "test 39"]]
    digits, found = load_digits(), survey("digits")
    for part in ("train", "test"):
        images: Images = getattr(digits, part)
        counts = np.bincount(images.labels).tolist()
        assert [found.classes[label][part] for label in digits.classes] == counts


def test_data_that_cannot_be_trained_on_is_rejected(pets, tmp_path, refused):
    with refused(DataError, "unknown data 'pats'"):
        survey("pats")
    (tmp_path / "empty").mkdir()
    with refused(DataError, "images in one folder per class"):
        survey(str(tmp_path / "empty"))
    (pets / "train" / "cat").rename(pets / "train" / "cow")
    with refused(DataError, "classes that are not in the training set: cat"):
        survey(str(pets))
