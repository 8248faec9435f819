"""Checks of JSON values that were read from files."""

import pytest

from hardmax.json_values import entries, members


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
