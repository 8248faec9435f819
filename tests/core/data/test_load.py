"""The bundled digits, folders of IDX files, and the errors for anything else."""

import gzip

import numpy as np
import pytest
from sklearn.datasets import load_digits as sklearn_digits

from hardmax.data.datasets import split_off
from hardmax.data.images.idx_folder import read_idx_folder
from hardmax.data.load import NAMED, load
from hardmax.data.options import Reading
from hardmax.errors import ArgumentError, DataError

TRAIN_IMAGES, TEST_IMAGES = "train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"
TRAIN_LABELS, TEST_LABELS = "train-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte.gz"


@pytest.fixture
def folder(tmp_path, make_idx_folder):
    return make_idx_folder(tmp_path / "marks", train=12, test=8)


def payload(path, dimensions):
    """Return an IDX file's bytes without its header."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=4 + 4 * dimensions)


def examples(images):
    """Return the examples as sorted bytes: 64 pixels, then the label."""
    return sorted(
        image.tobytes() + bytes([label])
        for image, label in zip(images.images, images.labels, strict=True)
    )


def test_the_digits_are_those_of_scikit_learn_scaled_to_bytes():
    digits, truth = load("digits"), sklearn_digits()
    scaled = (truth.images / 16 * 255 + 0.5).astype(np.uint8)
    expected = sorted(
        image.tobytes() + bytes([label])
        for image, label in zip(scaled, truth.target.tolist(), strict=True)
    )
    assert sorted(examples(digits.train) + examples(digits.test)) == expected
    assert (digits.name, digits.shape) == ("digits", (8, 8, 1))
    assert digits.classes == tuple("0123456789")
    assert digits.train.images.max() == 255


def test_a_fixed_fifth_of_each_digit_is_the_test_set():
    digits = load("digits")
    counts = np.bincount(sklearn_digits().target)
    assert np.abs(np.bincount(digits.test.labels) - counts / 5).max() < 1
    assert load("digits").fingerprint == digits.fingerprint


def test_a_folder_is_read_as_written(folder):
    data = load(str(folder))
    assert (data.name, data.shape, data.classes) == ("marks", (6, 6, 1), ("0", "1", "2", "3"))
    for part, images, labels, count in (
        (data.train, TRAIN_IMAGES, TRAIN_LABELS, 12),
        (data.test, TEST_IMAGES, TEST_LABELS, 8),
    ):
        assert len(part) == count
        assert np.array_equal(part.images.ravel(), payload(folder / images, 3))
        assert np.array_equal(part.labels, payload(folder / labels, 1))


def test_the_working_folder_can_be_loaded(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert load(".").name == "marks"


def test_a_folder_may_have_class_names(folder):
    names = ("north", "east", "south", "west")
    assert read_idx_folder(folder, "winds", names).classes == names


def test_files_may_be_uncompressed_and_the_test_set_called_test(tmp_path, folder, make_idx_folder):
    other = make_idx_folder(tmp_path / "other", train=12, test=8, suffix="")
    for path in other.glob("t10k-*"):
        path.rename(other / path.name.replace("t10k", "test").replace("-idx", ".idx"))
    assert load(str(other)).fingerprint == load(str(folder)).fingerprint


def test_a_file_may_be_next_to_its_compressed_copy(folder):
    before = load(str(folder)).fingerprint
    for path in folder.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    assert load(str(folder)).fingerprint == before


def test_color_images_have_a_fourth_dimension(folder, write_idx):
    for name, count in ((TRAIN_IMAGES, 12), (TEST_IMAGES, 8)):
        write_idx(folder / name, np.arange(count * 75, dtype="u1").reshape(count, 5, 5, 3))
    data = load(str(folder))
    assert data.shape == (5, 5, 3)
    assert data.train.images.ravel().tolist() == [number % 256 for number in range(12 * 75)]


@pytest.mark.parametrize("name", [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS])
def test_a_missing_file_is_named(name, folder, refused):
    (folder / name).unlink()
    with refused(DataError, f"{folder} has no file {name.removesuffix('.gz')}"):
        load(str(folder))


@pytest.mark.parametrize("name", [TRAIN_IMAGES, TEST_LABELS])
def test_a_folder_in_place_of_a_file_does_not_count(name, folder, refused):
    (folder / name).unlink()
    (folder / name).mkdir()
    with refused(DataError, f"{folder} has no file {name.removesuffix('.gz')}"):
        load(str(folder))


def test_two_candidates_for_a_file_are_both_named(folder, refused):
    (folder / "test-labels-idx1-ubyte").write_bytes(b"")
    with refused(DataError, folder, TEST_LABELS, "test-labels-idx1-ubyte"):
        load(str(folder))


def test_a_damaged_file_is_named(folder, refused):
    (folder / TEST_IMAGES).write_bytes((folder / TEST_IMAGES).read_bytes()[:-9])
    with refused(DataError, folder / TEST_IMAGES):
        load(str(folder))


@pytest.mark.parametrize(
    ("name", "array", "expected"),
    [
        (TRAIN_LABELS, np.zeros(11, "u1"), [TRAIN_IMAGES, TRAIN_LABELS, "12 images and 11 labels"]),
        (TEST_LABELS, np.zeros(9, "u1"), [TEST_IMAGES, TEST_LABELS, "8 images and 9 labels"]),
        (TRAIN_LABELS, np.zeros((12, 1), "u1"), [TRAIN_LABELS, "(12, 1)"]),
        (TRAIN_LABELS, np.zeros(12, "f4"), [TRAIN_LABELS, "float32"]),
        (TRAIN_IMAGES, np.zeros((12, 6, 6), "f8"), [TRAIN_IMAGES, "float64"]),
        (TRAIN_IMAGES, np.zeros((12, 6, 6), "i1"), [TRAIN_IMAGES, "int8"]),
        (TRAIN_IMAGES, np.zeros((12, 36), "u1"), [TRAIN_IMAGES, "(12, 36)"]),
        (TRAIN_IMAGES, np.zeros((12, 6, 6, 2), "u1"), ["(6, 6, 2)"]),
        (TRAIN_IMAGES, np.zeros((12, 6, 6, 4), "u1"), ["(6, 6, 4)"]),
        (TEST_IMAGES, np.zeros((8, 6, 7), "u1"), ["(6, 7, 1)", "(6, 6, 1)"]),
        (TEST_LABELS, np.full(8, 4, "u1"), ["test", "range from 4 to 4", "0..3"]),
        (TRAIN_LABELS, np.full(12, -1, "i1"), ["training", "range from -1 to -1"]),
    ],
)
def test_files_that_do_not_match_are_rejected(name, array, expected, folder, write_idx, refused):
    write_idx(folder / name, array)
    with refused(DataError, "marks", *expected):
        load(str(folder))


def test_labels_in_the_wrong_byte_order_are_rejected(folder, write_idx, refused):
    """A 1 becomes 16,777,216: far more classes than there are examples."""
    write_idx(folder / TRAIN_LABELS, (np.arange(12) % 2).astype("i4").byteswap())
    with refused(DataError, "marks", 2**24, "byte order"):
        load(str(folder))


@pytest.mark.parametrize(
    ("part", "expected"), [("train", "training set has no"), ("t10k", "test set has no")]
)
def test_a_part_without_examples_is_rejected(part, expected, folder, write_idx, refused):
    write_idx(folder / f"{part}-images-idx3-ubyte.gz", np.zeros((0, 6, 6), "u1"))
    write_idx(folder / f"{part}-labels-idx1-ubyte.gz", np.zeros(0, "u1"))
    with refused(DataError, "marks", expected):
        load(str(folder))


def test_a_file_in_place_of_a_folder_is_rejected(folder, refused):
    with refused(DataError, f"{folder / TRAIN_IMAGES} is not a supported file type", "folder"):
        load(str(folder / TRAIN_IMAGES))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("digit", "digits"),
        ("DIGITS", "digits"),
        ("mnist", "fashion-mnist"),
        ("Fashion-MNIST", "fashion-mnist"),
        ("fashion_mnist", "fashion-mnist"),
        ("FashionMNIST", "fashion-mnist"),
    ],
)
def test_the_error_for_a_misspelled_name_suggests_the_closest_one(wrong, right, refused):
    with refused(DataError, repr(wrong), f"did you mean {right}?"):
        load(wrong)


@pytest.mark.parametrize("source", ["xyz", "xyz\nxyz", "no/such/folder", "/no/such", "x" * 300])
def test_the_error_for_an_unknown_source_lists_the_known_names(source, refused):
    with refused(DataError, repr(source)[1:-1], *NAMED):
        load(source)


def test_a_folder_without_permission_is_named(locked, refused):
    with refused(DataError, locked / "marks", "Permission denied"):
        load(str(locked / "marks"))


def test_the_test_part_may_be_other_data(folder, tmp_path, make_idx_folder):
    other = load(str(make_idx_folder(tmp_path / "other", train=16, test=4)))
    data = load(str(folder), Reading(test=str(tmp_path / "other")))
    assert examples(data.train) == examples(load(str(folder)).train)
    assert examples(data.test) == examples(other.test)
    assert data.preprocessing == {"test": {"name": "other"}}
    assert data.notices == (f"{folder}: its test set is not used",)


def test_other_data_without_parts_is_all_test(tmp_path):
    images, labels = np.zeros((12, 2, 2), "u1"), np.array(["a", "b"] * 6)
    np.savez(tmp_path / "train.npz", X=images, y=labels)
    np.savez(tmp_path / "test.npz", X=images[:5] + 1, y=labels[:5])
    data = load(str(tmp_path / "train.npz"), Reading(test=str(tmp_path / "test.npz")))
    assert (len(data.train), len(data.test), data.notices) == (12, 5, ())
    assert data.test.images.min() == 1


@pytest.mark.parametrize("source", ["digits", "folder", "npz"])
def test_a_validation_set_is_split_off_the_training_set_once(source, folder, tmp_path):
    if source == "npz":
        images = np.arange(240, dtype="u1").reshape(60, 2, 2)
        np.savez(tmp_path / "all.npz", X=images, y=[0, 1, 2] * 20)
    source = {"folder": str(folder), "npz": str(tmp_path / "all.npz")}.get(source, source)
    whole, data = (load(source, Reading(seed=3, validation=part)) for part in (None, 0.25))
    rest, held_out = split_off(whole.train, 0.25, 3)
    assert whole.validation is None
    assert examples(data.train) == examples(rest)
    assert examples(data.validation) == examples(held_out)
    assert examples(data.test) == examples(whole.test)
    assert data.fingerprint == whole.fingerprint


def test_a_validation_set_leaves_other_test_data_alone(tmp_path):
    images, labels = np.arange(48, dtype="u1").reshape(12, 2, 2), np.array(["a", "b"] * 6)
    np.savez(tmp_path / "train.npz", X=images, y=labels)
    np.savez(tmp_path / "test.npz", X=images[:5], y=labels[:5])
    reading = Reading(test=str(tmp_path / "test.npz"), validation=0.5)
    data = load(str(tmp_path / "train.npz"), reading)
    assert (len(data.train), len(data.validation), len(data.test)) == (6, 6, 5)
    assert data.has_test
    assert not load(str(tmp_path / "train.npz"), Reading(whole=True)).has_test


def test_other_test_data_must_have_the_classes_and_the_shape(tmp_path, refused, make_idx_folder):
    for name, options in (("train", {}), ("fewer", {"classes": 3}), ("larger", {"side": 7})):
        make_idx_folder(tmp_path / name, **options)
    for name, expected in (("fewer", ["0, 1, 2,", "0, 1, 2, 3"]), ("larger", ["(7, 7, 1)"])):
        with refused(DataError, *expected):
            load(str(tmp_path / "train"), Reading(test=str(tmp_path / name)))
    with refused(DataError, "unknown data 'nothing'"):
        load(str(tmp_path / "train"), Reading(test="nothing"))


@pytest.mark.parametrize("source", ["digits", "folder"])
def test_a_fraction_is_not_split_off_data_that_has_a_test_set(source, folder, refused):
    with refused(DataError, "already has a test set"):
        load(str(folder) if source == "folder" else source, Reading(test=0.3))


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1, float("nan")])
def test_the_test_fraction_must_be_between_0_and_1(fraction, refused):
    with refused(ArgumentError, "test must be a number above 0 and below 1", fraction):
        Reading(test=fraction)
