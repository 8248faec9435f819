"""Labeled images are validated once and immutable; splitting them loses none."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.data.datasets import SCALE, Dataset, Images, Vectors, split_off
from hardmax.errors import ArgumentError, DataError


def numbered(labels):
    """Return 1 x 2 images with these labels; the two bytes of an image are its index."""
    numbers = np.arange(len(labels), dtype=">u2")
    return Images(numbers.view(np.uint8).reshape(-1, 1, 2, 1), np.array(labels, int))


def numbers(images):
    return images.images.reshape(-1, 2).view(">u2")[:, 0].tolist()


def gray_images(count=4, shape=(2, 3, 1), labels=None):
    images = np.arange(count * np.prod(shape), dtype=np.uint8).reshape(count, *shape)
    return Images(images, np.arange(count) % 2 if labels is None else np.array(labels))


def test_a_byte_times_the_scale_is_the_byte_over_255():
    byte = np.arange(256, dtype=np.float32)
    np.testing.assert_allclose(byte * np.float32(SCALE), byte / 255, rtol=2e-7)
    assert byte[255] * np.float32(SCALE) == 1


@pytest.mark.parametrize("dtype", ["i1", "u1", "<i4", ">i8", "u8"])
def test_labels_of_any_integer_type_become_int64(dtype):
    images = Images(np.zeros((3, 1, 1, 1), np.uint8), np.array([0, 2, 1], dtype))
    assert images.labels.dtype == np.int64
    assert images.labels.tolist() == [0, 2, 1]


def test_the_arrays_are_read_only_and_the_callers_arrays_stay_writable():
    images, labels = np.zeros((2, 1, 1, 1), np.uint8), np.array([0, 1])
    examples = Images(images, labels)
    for array in (examples.images, examples.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1
    with pytest.raises(AttributeError):
        examples.images = images
    images[0], labels[0] = 7, 1
    assert images.flags.writeable
    assert labels.flags.writeable


def test_taking_examples_keeps_images_and_labels_together():
    part = numbered([5, 6, 7, 8]).take(np.array([3, 1, 1]))
    assert (numbers(part), part.labels.tolist(), len(part)) == ([3, 1, 1], [8, 6, 6], 3)


def test_examples_know_where_they_are_in_the_source():
    """After any number of selections: images by their index or file, rows by their number."""
    labels = np.zeros(9, int)
    images, rows = np.zeros((9, 1, 1, 1), np.uint8), np.zeros((9, 1), np.float32)
    chosen = np.array([0, 2])
    names = np.array([f"{i}.png" for i in range(9)], object)
    for examples, expected in (
        (Images(images, labels), ("index", [7, 2])),
        (Images(images, labels, names=names), ("file", ["7.png", "2.png"])),
        (Vectors(rows, labels, np.arange(9)), ("row", [8, 3])),
    ):
        part = examples.take(slice(1, 8)).take(np.array([6, 3, 1]))
        assert part.source(chosen) == expected
    assert Images(images, labels).source(chosen) == ("index", [0, 2])
    assert Vectors(rows, labels).source(chosen) == ("row", [1, 3])


@pytest.mark.parametrize(
    ("images", "labels", "expected"),
    [
        (np.zeros((2, 3, 3, 1), np.float32), np.zeros(2, int), "float32"),
        (np.zeros((2, 3, 3, 1), np.int8), np.zeros(2, int), "int8"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros(2, int), "(2, 3, 3)"),
        (np.zeros((2, 3, 3, 1, 1), np.uint8), np.zeros(2, int), "(2, 3, 3, 1, 1)"),
        (np.zeros((2, 3, 3, 1), np.uint8), np.zeros(2), "float64"),
        (np.zeros((2, 3, 3, 1), np.uint8), np.zeros(2, bool), "bool"),
        (np.zeros((2, 3, 3, 1), np.uint8), np.array(["cat", "dog"]), "<U3"),
        (np.zeros((2, 3, 3, 1), np.uint8), np.zeros((2, 1), int), "(2, 1)"),
        (np.zeros((2, 3, 3, 1), np.uint8), np.array(0), "()"),
        (np.zeros((2, 3, 3, 1), np.uint8), np.zeros(3, int), "2 images and 3 labels"),
    ],
)
def test_arrays_that_are_not_labeled_images_are_rejected(images, labels, expected, refused):
    with refused(DataError, expected):
        Images(images, labels)


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        (gray_images(shape=(2, 3, 2)), gray_images(shape=(2, 3, 2)), "(2, 3, 2)"),
        (gray_images(shape=(2, 3, 4)), gray_images(shape=(2, 3, 4)), "(2, 3, 4)"),
        (gray_images(shape=(2, 3, 0)), gray_images(shape=(2, 3, 0)), "(2, 3, 0)"),
        (gray_images(shape=(0, 3, 1)), gray_images(shape=(0, 3, 1)), "(0, 3, 1)"),
        (gray_images(0), gray_images(), "training set has no examples"),
        (gray_images(), gray_images(0), "test set has no examples"),
        (gray_images(), gray_images(shape=(3, 2, 1)), "(3, 2, 1)"),
        (gray_images(), gray_images(shape=(2, 3, 3)), "(2, 3, 3)"),
        (gray_images(labels=[0, 1, 2, 0]), gray_images(), "from 0 to 2"),
        (gray_images(labels=[0, -1, 1, 0]), gray_images(), "from -1 to 1"),
        (gray_images(), gray_images(labels=[1, 1, 1, 9]), "test labels range from 1 to 9"),
    ],
)
def test_parts_that_do_not_match_are_rejected(train, test, expected, refused):
    with refused(DataError, "shoes", expected):
        Dataset("shoes", train, test, ("left", "right"))


@pytest.mark.parametrize("name", ["\x1b[31mred", "two\nlines", "\ud800"])
def test_an_invalid_class_name_is_rejected(name, refused):
    with refused(DataError, "shoes: invalid class name", repr(name)):
        Dataset("shoes", gray_images(), gray_images(), ("left", name))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_data_set_has_the_shape_of_its_images(channels):
    part = gray_images(shape=(2, 3, channels))
    assert Dataset("shoes", part, part, ("left", "right")).shape == (2, 3, channels)


def fingerprint(train=None, test=None, classes=("a", "b"), name="x"):
    return Dataset(name, train or gray_images(), test or gray_images(6), classes).fingerprint


def test_a_fingerprint_depends_on_the_contents_alone():
    images = np.asfortranarray(gray_images().images)
    labels = gray_images().labels.astype(">i4")
    assert fingerprint(train=Images(images, labels), name="y") == fingerprint()


def test_different_contents_have_different_fingerprints():
    images, labels = gray_images().images.copy(), gray_images().labels.copy()
    images[1, 1, 1, 0] += 1
    labels[1] = 0
    prints = [
        fingerprint(),
        fingerprint(train=Images(images, gray_images().labels)),
        fingerprint(train=Images(gray_images().images, labels)),
        fingerprint(train=gray_images(6), test=gray_images(4)),
        fingerprint(train=gray_images(shape=(3, 2, 1)), test=gray_images(6, shape=(3, 2, 1))),
        fingerprint(classes=("b", "a")),
        fingerprint(classes=("a", "b", "")),
        fingerprint(classes=("a", "b", "c")),
        fingerprint(classes=("a", "bc")),
    ]
    pairs = itertools.combinations(enumerate(prints), 2)
    assert [(first, second) for (first, a), (second, b) in pairs if a == b] == []


def test_class_names_that_look_alike_when_joined_have_different_fingerprints():
    assert fingerprint(classes=("a", "b', 'c")) != fingerprint(classes=("a", "b", "c"))


class_sizes = st.lists(st.integers(5, 40), min_size=1, max_size=6)


@given(class_sizes, st.floats(0.15, 0.85), st.integers(0, 2**40), st.randoms())
def test_a_split_keeps_every_example_once_and_each_class_in_proportion(
    class_counts, fraction, seed, shuffler
):
    labels = [label for label, count in enumerate(class_counts) for _ in range(count)]
    shuffler.shuffle(labels)
    rest, chosen = split_off(numbered(labels), fraction, seed)
    assert sorted(numbers(rest) + numbers(chosen)) == list(range(len(labels)))
    for part in (rest, chosen):
        assert [labels[number] for number in numbers(part)] == part.labels.tolist()
    for label, count in enumerate(class_counts):
        assert abs((chosen.labels == label).sum() - fraction * count) < 1


def test_a_split_depends_on_the_seed_alone():
    images = numbered([0, 1] * 100)
    splits = [tuple(numbers(split_off(images, 0.3, seed)[1])) for seed in [*range(20)] * 2]
    assert splits[:20] == splits[20:]
    assert len(set(splits)) == 20


def test_a_split_does_not_change_the_images():
    examples = numbered([0, 1, 0, 1])
    images, labels = examples.images.copy(), examples.labels.copy()
    split_off(examples, 0.5, 0)
    assert np.array_equal(examples.images, images)
    assert np.array_equal(examples.labels, labels)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, 20, float("nan"), float("inf")])
def test_a_fraction_must_be_between_0_and_1(fraction, refused):
    with refused(ArgumentError, fraction):
        split_off(numbered([0, 1] * 10), fraction, 0)


@pytest.mark.parametrize(
    ("labels", "fraction"),
    [([0] * 10, 0.01), ([0] * 10, 0.99), ([0], 0.5), ([], 0.5), (range(50), 0.1)],
)
def test_a_split_that_leaves_one_part_empty_is_rejected(labels, fraction, refused):
    with refused(ArgumentError, fraction, len(labels)):
        split_off(numbered(labels), fraction, 0)
