"""What the functions for own data say of themselves; tests/contract has what they do."""

import inspect

import pytest

from hardmax.data.options import ReadingOptions
from hardmax.fields import options_of
from hardmax.runs.namespace import functions
from hardmax.runs.settings import Settings

LOAD_DATA, AUTO, LOAD = functions("torch")


def parameters(function):
    return inspect.signature(function).parameters


def test_every_setting_is_an_argument_of_one_of_them():
    reading, training = parameters(LOAD_DATA), parameters(AUTO)
    assert reading.keys() == {"path", "batch_size", *options_of(ReadingOptions)}
    found = {*reading, *training} - {"path", "callbacks"}
    assert found == options_of(Settings).keys() - {"framework"}
    assert {*reading} & {*training} == {"batch_size", "seed"}
    assert [*parameters(LOAD)] == ["run"]


@pytest.mark.parametrize("function", [LOAD_DATA, AUTO])
def test_arguments_are_keywords_with_the_defaults_and_the_help_of_the_settings(function):
    first, *others = parameters(function).values()
    assert first.kind == first.POSITIONAL_OR_KEYWORD
    options = options_of(Settings)
    for one in others:
        assert one.kind == one.KEYWORD_ONLY
        if one.name in options and not (function is LOAD_DATA and one.name == "batch_size"):
            field, option = options[one.name]
            # Those of the data, unless they are given.
            is_of_data = function is AUTO and one.name == "seed"
            assert one.default == (None if is_of_data else field.default)
            assert f"{one.name}: " in function.__doc__
            assert option.help in function.__doc__


@pytest.mark.parametrize("function", [LOAD_DATA, AUTO, LOAD])
def test_they_belong_to_the_namespace(function):
    assert function.__module__ == "hardmax.torch"
    assert function.__qualname__ == function.__name__
    assert function.__doc__.partition("\n")[0].endswith(".")
