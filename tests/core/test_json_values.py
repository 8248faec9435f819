"""Checks of JSON values that were read from files."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pytest

from hardmax.json_values import check_type, entries, members


def test_objects_and_arrays_are_returned_unchanged():
    value = {"a": [1, None, {"b": "c"}]}
    assert members(value) is value
    assert entries(value["a"]) is value["a"]


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "text", [], [{}]])
def test_other_values_are_no_objects(value):
    with pytest.raises(TypeError, match=f"a JSON object, got {type(value).__name__}"):
        members(value)


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "text", {}, ()])
def test_other_values_are_no_arrays(value):
    with pytest.raises(TypeError, match=f"a JSON array, got {type(value).__name__}"):
        entries(value)


class Inner(TypedDict):
    number: float
    more: NotRequired[list[str]]


class Outer(TypedDict):
    inner: Inner
    any: object
    counts: Mapping[str, int]


VALID = {"inner": {"number": 1, "more": ["a"]}, "any": None, "counts": {"a": 1}, "other": True}


def test_a_value_of_the_declared_types_is_accepted():
    check_type("value", VALID, Outer)
    check_type("value", {**VALID, "inner": {"number": 1.5}}, Outer)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": None}, "value.inner must be of type dict, got None"),
        ({"inner": {}}, "value.inner has no 'number'"),
        ({"inner": {"number": True}}, "value.inner.number must be of type float, got True"),
        ({"inner": {"number": 1, "more": "a"}}, "value.inner.more must be of type list, got 'a'"),
        (
            {"inner": {"number": 1, "more": ["a", 2]}},
            r"value.inner.more\[1\] must be of type str, got 2",
        ),
        ({"counts": {"a": 1.5}}, "value.counts.a must be of type int, got 1.5"),
    ],
)
def test_other_types_are_named_by_their_place(change, message):
    with pytest.raises(TypeError, match=message):
        check_type("value", {**VALID, **change}, Outer)
