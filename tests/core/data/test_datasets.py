"""Labelled pictures are checked once and never changed; splitting them loses none."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.data.datasets import SCALE, Dataset, Pictures, split_off
from hardmax.errors import ArgumentError, DataError


def numbered(labels):
    """Return 1 x 2 pictures with these labels, whose two bytes are the example's number."""
    numbers = np.arange(len(labels), dtype=">u2")
    return Pictures(numbers.view(np.uint8).reshape(-1, 1, 2, 1), np.array(labels, int))


def numbers(pictures):
    return pictures.images.reshape(-1, 2).view(">u2")[:, 0].tolist()


def grey(count=4, shape=(2, 3, 1), labels=None):
    images = np.arange(count * np.prod(shape), dtype=np.uint8).reshape(count, *shape)
    return Pictures(images, np.arange(count) % 2 if labels is None else np.array(labels))


def test_a_byte_times_the_scale_is_the_byte_over_255():
    byte = np.arange(256, dtype=np.float32)
    np.testing.assert_allclose(byte * np.float32(SCALE), byte / 255, rtol=2e-7)
    assert byte[255] * np.float32(SCALE) == 1


@pytest.mark.parametrize("dtype", ["i1", "u1", "<i4", ">i8", "u8"])
def test_labels_of_any_whole_number_type_become_int64(dtype):
    pictures = Pictures(np.zeros((3, 1, 1, 1), np.uint8), np.array([0, 2, 1], dtype))
    assert pictures.labels.dtype == np.int64
    assert pictures.labels.tolist() == [0, 2, 1]


def test_the_arrays_are_read_only_and_the_callers_stay_writable():
    images, labels = np.zeros((2, 1, 1, 1), np.uint8), np.array([0, 1])
    pictures = Pictures(images, labels)
    for array in (pictures.images, pictures.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1
    with pytest.raises(AttributeError):
        pictures.images = images
    images[0], labels[0] = 7, 1
    assert images.flags.writeable
    assert labels.flags.writeable


def test_taking_examples_keeps_pictures_and_labels_together():
    taken = numbered([5, 6, 7, 8]).take(np.array([3, 1, 1]))
    assert (numbers(taken), taken.labels.tolist(), len(taken)) == ([3, 1, 1], [8, 6, 6], 3)


@pytest.mark.parametrize(
    ("images", "labels", "told"),
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
def test_arrays_that_are_no_labelled_pictures_are_refused(images, labels, told, refused):
    with refused(DataError, told):
        Pictures(images, labels)


@pytest.mark.parametrize(
    ("train", "test", "told"),
    [
        (grey(shape=(2, 3, 2)), grey(shape=(2, 3, 2)), "(2, 3, 2)"),
        (grey(shape=(2, 3, 4)), grey(shape=(2, 3, 4)), "(2, 3, 4)"),
        (grey(shape=(2, 3, 0)), grey(shape=(2, 3, 0)), "(2, 3, 0)"),
        (grey(shape=(0, 3, 1)), grey(shape=(0, 3, 1)), "(0, 3, 1)"),
        (grey(0), grey(), "training set has no examples"),
        (grey(), grey(0), "test set has no examples"),
        (grey(), grey(shape=(3, 2, 1)), "(3, 2, 1)"),
        (grey(), grey(shape=(2, 3, 3)), "(2, 3, 3)"),
        (grey(labels=[0, 1, 2, 0]), grey(), "from 0 to 2"),
        (grey(labels=[0, -1, 1, 0]), grey(), "from -1 to 1"),
        (grey(), grey(labels=[1, 1, 1, 9]), "test labels run from 1 to 9"),
    ],
)
def test_parts_that_make_no_data_set_are_refused_by_its_name(train, test, told, refused):
    with refused(DataError, "shoes", told):
        Dataset("shoes", train, test, ("left", "right"))


@pytest.mark.parametrize("name", ["\x1b[31mred", "two\nlines", "\ud800"])
def test_a_class_of_an_odd_name_is_refused(name, refused):
    with refused(DataError, "shoes", repr(name)):
        Dataset("shoes", grey(), grey(), ("left", name))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_data_set_has_the_shape_of_its_pictures(channels):
    part = grey(shape=(2, 3, channels))
    assert Dataset("shoes", part, part, ("left", "right")).shape == (2, 3, channels)


def fingerprint(train=None, test=None, classes=("a", "b"), name="x"):
    return Dataset(name, train or grey(), test or grey(6), classes).fingerprint


def test_a_fingerprint_depends_on_the_contents_alone():
    images = np.asfortranarray(grey().images)
    labels = grey().labels.astype(">i4")
    assert fingerprint(train=Pictures(images, labels), name="y") == fingerprint()


def test_any_other_contents_have_another_fingerprint():
    images, labels = grey().images.copy(), grey().labels.copy()
    images[1, 1, 1, 0] += 1
    labels[1] = 0
    prints = [
        fingerprint(),
        fingerprint(train=Pictures(images, grey().labels)),
        fingerprint(train=Pictures(grey().images, labels)),
        fingerprint(train=grey(6), test=grey(4)),
        fingerprint(train=grey(shape=(3, 2, 1)), test=grey(6, shape=(3, 2, 1))),
        fingerprint(classes=("b", "a")),
        fingerprint(classes=("a", "b", "")),
        fingerprint(classes=("a", "b", "c")),
        fingerprint(classes=("a", "bc")),
    ]
    pairs = itertools.combinations(enumerate(prints), 2)
    assert [(first, second) for (first, a), (second, b) in pairs if a == b] == []


def test_where_one_classs_name_ends_matters_to_the_fingerprint():
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


def test_which_examples_are_split_off_depends_on_the_seed_alone():
    pictures = numbered([0, 1] * 100)
    found = [tuple(numbers(split_off(pictures, 0.3, seed)[1])) for seed in [*range(20)] * 2]
    assert found[:20] == found[20:]
    assert len(set(found)) == 20


def test_a_split_leaves_the_pictures_as_they_are():
    pictures = numbered([0, 1, 0, 1])
    images, labels = pictures.images.copy(), pictures.labels.copy()
    split_off(pictures, 0.5, 0)
    assert np.array_equal(pictures.images, images)
    assert np.array_equal(pictures.labels, labels)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, 20, float("nan"), float("inf")])
def test_a_fraction_must_lie_between_0_and_1(fraction, refused):
    with refused(ArgumentError, fraction):
        split_off(numbered([0, 1] * 10), fraction, 0)


@pytest.mark.parametrize(
    ("labels", "fraction"),
    [([0] * 10, 0.01), ([0] * 10, 0.99), ([0], 0.5), ([], 0.5), (range(50), 0.1)],
)
def test_a_split_that_leaves_one_part_empty_is_refused(labels, fraction, refused):
    with refused(ArgumentError, fraction, len(labels)):
        split_off(numbered(labels), fraction, 0)
