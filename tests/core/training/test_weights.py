"""Weights of losses and how labels carry them, against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.utils.class_weight import compute_sample_weight

from hardmax.data.datasets import Vectors
from hardmax.errors import ArgumentError, DataError
from hardmax.training.weights import (
    CORRECT,
    LOSS,
    labels_of,
    loss_weights,
    weighted,
    weighted_labels,
)

weights = st.floats(0.01, 100)


@st.composite
def weighted_examples(draw):
    """Examples of up to four classes with weights."""
    labels = draw(arrays(np.int64, st.integers(1, 12), elements=st.integers(0, 3)))
    values = np.zeros((len(labels), 1), np.float32)
    return Vectors(values, labels, weights=draw(arrays(float, len(labels), elements=weights)))


@given(weighted_examples(), st.booleans())
def test_balanced_classes_have_the_same_total_weight(examples, weighted):
    if not weighted:
        examples = Vectors(examples.values, examples.labels)
    found = loss_weights(examples, "balanced")
    totals = np.bincount(examples.labels, found)
    np.testing.assert_allclose(totals[totals > 0], totals.max())
    assert found.mean() == pytest.approx(1)
    if not weighted:
        expected = compute_sample_weight("balanced", examples.labels)
        np.testing.assert_allclose(found, expected)


@given(weighted_examples(), arrays(float, 4, elements=weights))
def test_weights_of_examples_and_classes_are_multiplied(examples, of_classes):
    found = loss_weights(examples, of_classes)
    expected = compute_sample_weight(dict(enumerate(of_classes)), examples.labels)
    expected = expected * examples.weights
    np.testing.assert_allclose(found, expected / expected.mean())


@given(weighted_examples(), st.booleans())
def test_labels_carry_weights(examples, balanced):
    losses = loss_weights(examples, "balanced") if balanced else None
    packed = weighted_labels(examples, losses)
    assert packed.dtype == np.float32
    relative = examples.weights / examples.weights.mean()
    np.testing.assert_array_equal(labels_of(packed), examples.labels)
    for part, expected in ((LOSS, losses if balanced else relative), (CORRECT, relative)):
        found = weighted(_doubled, packed, part, None)
        np.testing.assert_allclose(found, 2 * (examples.labels + 1) * expected, rtol=1e-6)
        mean = weighted(_doubled, packed, part, np.mean)
        assert mean == pytest.approx(found.mean(), rel=1e-6)


def _doubled(labels, averaged):
    """Return values of labels, as a loss would."""
    values = 2 * (labels + 1)
    return values.mean() if averaged else values


def test_values_of_several_labels_are_added():
    mixed = np.array([[[3, 0.2, 0.5], [1, 0.8, 0.5]], [[0, 1, 1], [2, 0, 0]]])
    np.testing.assert_allclose(weighted(_doubled, mixed, LOSS, None), [0.2 * 8 + 0.8 * 4, 2])
    np.testing.assert_allclose(weighted(_doubled, mixed, CORRECT, None), [0.5 * 8 + 0.5 * 4, 2])


def test_without_weights_labels_stay_as_they_are():
    examples = Vectors(np.zeros((3, 1), np.float32), np.array([0, 1, 1]))
    assert weighted_labels(examples, None) is loss_weights(examples) is None
    always = weighted_labels(examples, None, always=True)
    np.testing.assert_array_equal(always, [[[0, 1, 1]], [[1, 1, 1]], [[1, 1, 1]]])
    np.testing.assert_array_equal(weighted(_doubled, examples.labels, LOSS, None), [2, 4, 4])
    assert weighted(_doubled, examples.labels, LOSS, np.mean) == pytest.approx(10 / 3)


@pytest.mark.parametrize("wrong", [[1, 0, 1], [1, -1, 1], [1, np.nan, 1], [1, np.inf, 1], [1, 1]])
def test_weights_that_are_not_above_0_are_refused(wrong):
    with pytest.raises(DataError, match="weights must be finite and above 0"):
        Vectors(np.zeros((3, 1), np.float32), np.array([0, 1, 1]), weights=np.array(wrong, float))


def test_classes_of_weight_0_cannot_be_all():
    examples = Vectors(np.zeros((2, 1), np.float32), np.array([0, 0]))
    with pytest.raises(ArgumentError, match="classes of all examples have weight 0"):
        loss_weights(examples, np.array([0.0, 1.0]))
