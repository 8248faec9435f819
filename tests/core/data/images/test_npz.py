"""NumPy's .npz files become data sets, or are rejected with a reason."""

import contextlib
import zipfile

import numpy as np
import pytest

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.errors import DataError

COUNT = 30


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


X, y = noise(COUNT, 4, 5), np.arange(COUNT) % 3


@pytest.fixture
def save(tmp_path):
    """A function that writes arrays as an .npz file and returns its path."""

    def save(**arrays):
        np.savez_compressed(tmp_path / "mine.npz", **arrays)
        return str(tmp_path / "mine.npz")

    return save


def test_images_and_labels_are_those_of_the_file(save):
    data = load(save(X=X, y=y, X_test=X[::-1], y_test=y[::-1]))
    assert (data.name, data.classes, data.shape) == ("mine", ("0", "1", "2"), (4, 5, 1))
    assert np.array_equal(data.train.images[..., 0], X)
    assert np.array_equal(data.train.labels, y)
    assert np.array_equal(data.test.images[..., 0], X[::-1])
    assert np.array_equal(data.test.labels, y[::-1])


def test_without_a_test_set_a_fraction_of_each_class_is_split_off(save):
    path = save(X=noise(COUNT, 4, 5, 3), y=y)
    data = load(path)
    assert (len(data.train), len(data.test), data.shape) == (24, 6, (4, 5, 3))
    half = load(path, Reading(test=0.5))
    assert np.bincount(half.test.labels).tolist() == [5, 5, 5]
    assert half.preprocessing == {"split_off": 0.5, "split_seed": 0}
    assert "15 of 30 examples, 0.5 of each class" in half.notices[0]


def test_labels_may_be_strings_or_any_integers(save):
    names = np.array(["sea", "land", "sky"])
    data = load(save(X=X, y=names[y]), Reading(whole=True))
    assert data.classes == ("land", "sea", "sky")
    assert [data.classes[label] for label in data.train.labels] == names[y].tolist()
    data = load(save(X=X, y=y * 5 - 5), Reading(whole=True))
    assert {*data.classes} == {"-5", "0", "5"}
    assert [int(data.classes[label]) for label in data.train.labels] == (y * 5 - 5).tolist()


def test_integers_of_any_type_become_bytes(save):
    data = load(save(X=X.astype(np.int64), y=y), Reading(whole=True))
    assert np.array_equal(data.train.images[..., 0], X)


def test_images_are_converted_to_the_size_and_channels_set(save):
    assert load(save(X=X, y=y), Reading(size=(8, 3), channels=3)).shape == (8, 3, 3)


def test_the_classes_of_a_run_are_used(save):
    path = save(X=X, y=y)
    data = load(path, Reading(classes=("2", "1", "0", "9"), whole=True))
    assert np.array_equal(data.test.labels, 2 - y)


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"X": X}, ["has no y", "it has X"]),
        ({"x_train": X, "y_train": y}, ["has no X and no y", "x_train, y_train"]),
        ({"X": X, "y": y, "X_test": X}, ["has no y_test"]),
        ({"X": X, "y": y[1:]}, ["X and y", "30 images and 29 labels"]),
        ({"X": X.astype(float), "y": y}, ["X and y", "uint8", "float64"]),
        ({"X": X.astype(int) + 1, "y": y}, ["uint8", "int64"]),
        ({"X": X.astype(int) - 1, "y": y}, ["uint8", "int64"]),
        ({"X": X.reshape(COUNT, -1), "y": y}, ["(30, 20)"]),
        ({"X": noise(COUNT, 4, 5, 2), "y": y}, ["1 or 3 channels"]),
        ({"X": X, "y": y.astype(float)}, [": y must be integers or strings", "float64"]),
        ({"X": X, "y": y.reshape(-1, 1)}, [": y must be", "(30, 1)"]),
        ({"X": X, "y": y.astype(object)}, [": y is an array of objects"]),
        ({"X": X, "y": y * 0}, ["only one class (0)"]),
        ({"X": X[:0], "y": y[:0]}, ["no examples"]),
        (
            {"X": X, "y": y, "X_test": X, "y_test": y + 1},
            ["not in the training set: 3"],
        ),
        ({"X": X[:3], "y": y[:3]}, ["3 examples", "too few"]),
        ({"X": X, "y": np.array(["a\nb", "c", "d"])[y]}, [r"'a\nb'"]),
    ],
)
def test_files_without_labeled_images_are_rejected(arrays, expected, save, refused):
    path = save(**arrays)
    with refused(DataError, "mine", *expected):
        load(path)


def test_a_file_truncated_anywhere_is_rejected(save, tmp_path, refused):
    path = save(X=X, y=y)
    data = (tmp_path / "mine.npz").read_bytes()
    for length in range(0, len(data), 7):
        (tmp_path / "mine.npz").write_bytes(data[:length])
        with refused(DataError, path):
            load(path)


def test_a_file_with_a_damaged_byte_is_rejected_or_read(save, tmp_path):
    """Bytes of the archive's directory may not matter; arrays have checksums."""
    path = save(X=X, y=y)
    data = (tmp_path / "mine.npz").read_bytes()
    whole = load(path).fingerprint
    for at in range(0, len(data), 3):
        (tmp_path / "mine.npz").write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        with contextlib.suppress(DataError):
            assert load(path).fingerprint == whole


def test_a_single_array_is_not_an_npz_file(tmp_path, refused):
    np.save(tmp_path / "mine.npy", X)
    (tmp_path / "mine.npy").rename(tmp_path / "mine.npz")
    with refused(DataError, "mine.npz", "not an .npz file"):
        load(str(tmp_path / "mine.npz"))


def test_what_macos_adds_to_archives_is_not_counted(save, refused):
    path = save(X=X)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/._X.npy", b"\0\5\26\7")
    with refused(DataError, "has no y; it needs", "; it has X"):
        load(path)
    with zipfile.ZipFile(path, "a") as archive, archive.open("y.npy", "w") as member:
        np.save(member, y)
    assert len(load(path, Reading(whole=True)).train) == COUNT


def test_characters_that_do_not_exist_are_refused(tmp_path, refused):
    codes = np.array([97, 98, 0x110000, 97], np.uint32)
    path = tmp_path / "data.npz"
    np.savez(path, X=np.zeros((4, 2, 2), np.uint8), y=codes.view("U1"))
    with refused(DataError, f"{path}: y is damaged: it has the character 0x110000"):
        load(str(path))
