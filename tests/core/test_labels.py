"""Labels: which spellings name the same class."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.labels import label_key, number, respelled


@pytest.mark.parametrize(
    "same",
    [
        ("1", "1.0", "1.", "+1", "1e0", "1.000"),
        ("0", "0.0", "-0", ".0"),
        ("0.1", ".1", "1e-1"),
        ("True", "true", "TRUE"),
    ],
)
def test_spellings_of_the_same_class_have_equal_keys(same):
    assert len({label_key(label) for label in same}) == 1


@pytest.mark.parametrize(
    "different",
    [
        ("1", "01", "001", "1x", "true", "yes"),  # codes with leading zeros are not numbers
        ("9007199254740992", "9007199254740993"),  # equal as float64
        ("True", "T", "1"),
        ("a", "A", "á"),
        ("nan", "NaN", "inf", "Infinity", "", "1_0", "10", "1e9999999999999999999"),
    ],
)
def test_other_labels_have_different_keys(different):
    assert len({label_key(label) for label in different}) == len(different)


@given(st.decimals(-(10**9), 10**9, allow_nan=False, places=3))
def test_numbers_are_exact(value):
    assert number(str(value)) == Decimal(str(value))


def test_labels_are_respelled_as_the_classes_are():
    assert respelled(["1.0", "TRUE", "b", "1"], ("1", "True")) == ["1", "True", "b", "1"]
    assert respelled(["1.0", "1", "1.00"], ("1", "1.0")) == ["1.0", "1", "1"]
