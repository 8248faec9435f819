"""Labels are checked: their shape, their type and their range."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from hardmax.errors import ArgumentError
from hardmax.training.labels import Labels, check_pair, check_range, check_shape, label_range


@given(npst.arrays(npst.integer_dtypes(), npst.array_shapes(), elements=st.integers(-100, 100)))
def test_the_range_is_the_smallest_and_the_largest_label_of_any_integer_type(labels):
    assert label_range(labels) == (labels.min(), labels.max())


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([2.0, 0.0, 261.0], np.float32), (0, 261)),
        (np.array([True, False]), (0, 1)),
        (np.array([2**63 - 1]), (2**63 - 1, 2**63 - 1)),
        (np.array([], np.float32), None),
    ],
)
def test_whole_floats_and_booleans_are_integers(labels, expected):
    assert label_range(labels) == expected


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 0.5, 1]), r"got float64 such as 0\.5"),
        (np.array([0, np.nan]), "got float64 such as nan"),
        (np.array([0, np.inf]), "got float64 such as inf"),
        (np.array(["cat", "dog"]), r"got <U3 such as cat; convert them"),
        (np.array([1 + 0j]), "got complex128"),
        (np.array(["x" * 5000]), r"such as x{38}\.\.\.x+;"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in remainder")
def test_other_labels_are_refused_with_an_example(labels, message):
    with pytest.raises(ArgumentError, match=message):
        label_range(labels)


@pytest.mark.parametrize(
    ("predictions", "labels"),
    [((5,), (5,)), ((5,), (5, 1)), ((5, 1), (5,)), ((4, 6), (4, 6)), ((None,), (5, 1)), ((1,), ())],
)
def test_there_is_one_label_for_each_prediction(predictions, labels):
    check_shape(predictions, labels)


@pytest.mark.parametrize(
    ("predictions", "labels"),
    [((5,), (4,)), ((5,), (5, 3)), ((5,), (1, 5)), ((4, 6), (24,)), ((4, 6), (6, 4)), ((5,), ())],
)
def test_other_shapes_are_refused_and_both_are_named(predictions, labels):
    with pytest.raises(ArgumentError) as error:
        check_shape(predictions, labels)
    assert f"{predictions}, got shape {labels};" in str(error.value)


@pytest.mark.parametrize("found", [(0, 2), (1, 1), None])
def test_labels_within_the_classes_are_accepted(found):
    check_range(found, 3)


@pytest.mark.parametrize("found", [(1, 3), (-1, 2), (-100, -100), (7, 7)])
def test_labels_outside_the_classes_are_refused(found):
    with pytest.raises(ArgumentError, match=f"from 0 to 2, .* from {found[0]} to {found[1]};"):
        check_range(found, 3)


def test_a_pair_is_checked_by_values_only_if_they_can_be_read():
    scores, labels = np.zeros((2, 3)), np.array([0, 3])
    with pytest.raises(ArgumentError, match="from 0 to 2"):
        check_pair(scores, labels)
    check_pair(scores, labels, is_concrete=False)
    with pytest.raises(ArgumentError, match="shape"):
        check_pair(scores, labels[:1], is_concrete=False)


def test_labels_are_read_once_and_only_if_their_range_is_needed():
    class Array:
        reads = 0

        def __array__(self, dtype=None, copy=None):
            Array.reads += 1
            return np.array([0, 4])

    labels = Labels(Array())
    assert Array.reads == 0
    assert labels.range == labels.range == (0, 4)
    assert Array.reads == 1
