"""Options check their values by their types, choices and bounds."""

from dataclasses import dataclass
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.errors import ArgumentError
from hardmax.fields import FRACTIONS, Bounds, allowed_values, check_options, option, options_of


@dataclass(frozen=True)
class Base:
    rate: float = option(0.5, "A rate.", bounds=FRACTIONS)

    def __post_init__(self):
        check_options(self)


@dataclass(frozen=True)
class Options(Base):
    steps: int = option(3, "Steps.", bounds=Bounds(least=1, most=9))
    kind: str | None = option(None, "A kind.", unset="the first", choices=("a", "b"))
    sides: tuple[int, int] | None = option(None, "Sides.", bounds=Bounds(least=1))
    widths: tuple[int, ...] = option((), "Widths.")
    source: float | str | None = option(None, "A fraction or a source.", bounds=FRACTIONS)
    is_fast: bool = option(False, "Whether it is fast.")
    other: object = None


def test_the_own_options_of_a_class_come_before_those_of_its_bases():
    names = ["steps", "kind", "sides", "widths", "source", "is_fast", "rate"]
    assert [*options_of(Options)] == names
    assert options_of(Options)["rate"][1].help == "A rate."


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steps", 0, "steps must be an integer from 1 to 9, got 0"),
        ("steps", 10, "steps must be an integer from 1 to 9, got 10"),
        ("steps", 2.0, "steps must be an integer from 1 to 9, got 2.0"),
        ("steps", True, "steps must be an integer from 1 to 9, got True"),
        ("steps", None, "steps must be an integer from 1 to 9, got None"),
        ("kind", "c", "unknown kind 'c'; choose one of a, b"),
        ("kind", 1, "kind must be one of a, b, got 1"),
        ("sides", (3,), "sides must be 2 integers of at least 1, got (3,)"),
        ("sides", (3, 0), "sides must be 2 integers of at least 1, got (3, 0)"),
        ("sides", "33", "sides must be 2 integers of at least 1, got '33'"),
        ("widths", 3, "widths must be integers, got 3"),
        ("source", 2.0, "source must be a number above 0 and below 1 or text, got 2.0"),
        ("is_fast", 1, "is fast must be True or False, got 1"),
        ("rate", 1.0, "rate must be a number above 0 and below 1, got 1.0"),
        ("rate", nan, "rate must be a number above 0 and below 1, got nan"),
        ("rate", "0.5", "rate must be a number above 0 and below 1, got '0.5'"),
    ],
)
def test_other_values_are_refused(name, value, message):
    with pytest.raises(ArgumentError) as refusal:
        Options(**{name: value})
    assert str(refusal.value) == message


def test_values_of_numpy_and_of_json_are_converted():
    options = Options(np.float32(0.25), np.int8(4), "b", [2, np.int64(3)], [5], 0.5, np.True_)
    values = {name: getattr(options, name) for name in options_of(Options)}
    expected = {"rate": 0.25, "steps": 4, "kind": "b", "sides": (2, 3), "widths": (5,)}
    assert values == expected | {"source": 0.5, "is_fast": True}
    assert {type(value) for value in values.values()} == {int, float, str, tuple, bool}
    assert Options(source="digits").source == "digits"


bounds = st.none() | st.floats(allow_nan=False)


@given(st.floats(), bounds, bounds, bounds, bounds)
def test_bounds_are_inequalities(number, least, above, most, below):
    expected = (
        number >= (-inf if least is None else least)
        and (above is None or number > above)
        and number <= (inf if most is None else most)
        and (below is None or number < below)
    )
    any_bound = not all(bound is None for bound in (least, above, most, below))
    if any_bound or number == number:
        assert (number in Bounds(least, above, most, below)) == (expected or not any_bound)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds(least=1), "an integer of at least 1"),
        (Bounds(least=0, below=1), "an integer of at least 0 and below 1"),
        (Bounds(above=2, most=5), "an integer above 2 and of at most 5"),
        (Bounds(least=0, most=2**63 - 1), "an integer from 0 to 9223372036854775807"),
    ],
)
def test_bounds_in_words(bounds, words):
    assert allowed_values(int, option(0, "", bounds=bounds).metadata["option"]) == words
