"""Dates and times of day in an ONNX graph, as ``hardmax.data.tables.dates`` reads them.

No operator extracts the groups of a regular expression. So each form is matched once for every
choice of its optional parts that have digits, which tells what each run of digits in a text is.
"""

import re
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from hardmax.data.tables.dates import FORMS, HALF, MARKS, MONTHS, OFFSET, TIME
from hardmax.export.graph import BOOL, DOUBLE, INT64, STRING, UINT8, Graph, lookup, tokens

__all__ = ["add_seconds"]

#: The numbers in dates and times, and how many digits they have at most. A fraction is the digits
#: after the point of a second.
WIDTHS = {"year": 4, "month": 2, "day": 2, "hour": 2, "minute": 2, "second": 2, "fraction": 9}

#: What is put before each text, and where each number is then that a form does not have.
START, ABSENT = "0 1 ", dict.fromkeys(WIDTHS, 0) | {"month": 1, "day": 1}


def add_seconds(graph: Graph, plain: str, parser: str) -> str:
    """Add the reading of dates or times of day, as by ``dates`` and ``times_of_day``.

    ``plain`` is a string tensor (rows,) of trimmed cells, "" for missing ones; ``parser`` is a
    style of dates or "time of day". Returns a double tensor (rows,) of seconds since 1970 or since
    midnight, NaN for those that cannot be read.
    """
    is_clock = parser == "time of day"
    parts = _Parts(_Value(graph, plain), (TIME,) if is_clock else FORMS[parser])
    values = _clock(parts) if is_clock else _moments(parts)
    values = parts.is_match.op("Where", values, np.nan)
    first = values.op("IsNaN").op("Not").cast(UINT8).op("ArgMax", axis=1)
    return values.op("GatherElements", first, axis=1).op("Squeeze", [1]).name


class _Value:
    """A value of a graph, in arithmetic with others and with constants."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name

    def op(self, kind: str, *others: Any, **attributes: Any) -> "_Value":
        """Return the value of an operator on this value and others."""
        values = [other if isinstance(other, _Value) else self.constant(other) for other in others]
        names = [value.name for value in values]
        return _Value(self.graph, self.graph.op(kind, self.name, *names, **attributes))

    def constant(self, array: Any) -> "_Value":
        """Return a constant in the same graph."""
        dtype = object if isinstance(array, str) else None
        return _Value(self.graph, self.graph.constant(array, dtype))

    def cast(self, kind: int) -> "_Value":
        """Return the value as another type."""
        return self.op("Cast", to=kind)

    def matches(self, pattern: str) -> "_Value":
        """Return which texts match a pattern as a whole, in any case."""
        return self.op("RegexFullMatch", pattern=f"(?i){pattern}")

    def tokens(self, pattern: str) -> "_Value":
        """Return what matches a pattern in texts (rows,) as texts (rows, most matches)."""
        return _Value(self.graph, tokens(self.graph, self.name, tokenexp=f"(?i){pattern}"))

    def __add__(self, other: Any) -> "_Value":
        return self.op("Add", other)

    def __sub__(self, other: Any) -> "_Value":
        return self.op("Sub", other)

    def __mul__(self, other: Any) -> "_Value":
        return self.op("Mul", other)

    def __floordiv__(self, other: Any) -> "_Value":
        return self.op("Div", other)

    def __mod__(self, other: Any) -> "_Value":
        return self.op("Mod", other)

    def __lt__(self, other: Any) -> "_Value":
        return self.op("Less", other)

    def __le__(self, other: Any) -> "_Value":
        return self.op("LessOrEqual", other)

    def __ge__(self, other: Any) -> "_Value":
        return self.op("GreaterOrEqual", other)

    def __and__(self, other: Any) -> "_Value":
        return self.op("And", other)

    def __or__(self, other: Any) -> "_Value":
        return self.op("Or", other)


class _Parts:
    """The parts of texts (rows,) by the forms that they match, each (rows, forms) or (rows, 1)."""

    def __init__(self, plain: _Value, forms: Sequence[str]) -> None:
        self._forms = forms
        variants = [_variants(form) for form in forms]
        most = max(map(len, variants))
        # A table has a row for each form, in which those with fewer variants repeat the last one.
        table = np.array([[*some, *[some[-1]] * (most - len(some))] for some in variants])
        distinct, places = np.unique(table, return_inverse=True)
        column = plain.op("Unsqueeze", [1])
        first, *others = (column.matches(str(one)) for one in distinct)
        found = first.op("Concat", *others, axis=1).cast(UINT8)
        found = found.op("Gather", places.reshape(table.shape), axis=1)
        self.is_match = found.op("ReduceMax", [2], keepdims=0).cast(BOOL)
        # A text that matches no form may be so long that the tables of its parts would be huge.
        is_any = self.is_match.cast(UINT8).op("ReduceMax", [1], keepdims=0).cast(BOOL)
        self.plain = is_any.op("Where", plain, "")
        self._column = self.plain.op("Unsqueeze", [1])
        variant = found.op("ArgMax", axis=2, keepdims=0) + most * np.arange(len(forms))
        self._find_numbers(variant, [_layout(one) for one in table.ravel()])

    def _find_numbers(self, variant: _Value, layouts: list[tuple[list[int], list[int]]]) -> None:
        runs = self.plain.constant(START).op("StringConcat", self.plain)
        runs = runs.op("StringConcat", " 0" * len(WIDTHS)).tokens(r"\d+")
        places, divisors = (
            variant.constant(of_variants).op("Gather", variant)
            for of_variants in zip(*layouts, strict=True)
        )
        flat = runs.op("GatherElements", places.op("Reshape", [0, -1]), axis=1)
        self._places = places
        self._texts = flat.op("Reshape", [0, -1, len(WIDTHS)])
        moduli = [10**width for width in WIDTHS.values()]
        self._numbers = self._texts.cast(INT64) // divisors % moduli

    def text(self, name: str) -> _Value:
        """Return the run of digits in which a number stands."""
        return self._texts.op("Gather", [*WIDTHS].index(name), axis=2)

    def number(self, name: str) -> _Value:
        """Return a number, int64."""
        return self._numbers.op("Gather", [*WIDTHS].index(name), axis=2)

    def has(self, name: str) -> _Value:
        """Return where there is a number that is 0 by default."""
        return self._places.op("Gather", [*WIDTHS].index(name), axis=2).cast(BOOL)

    def matches(self, pattern: str) -> _Value:
        """Return which texts match a pattern as a whole."""
        return self._column.matches(pattern)

    def may_have(self, name: str) -> np.ndarray:
        """Return which forms have a group, bool (forms,)."""
        return np.array([f"?P<{name}>" in form for form in self._forms])


def _variants(form: str) -> list[str]:
    """Return a form with and without each of its optional parts that have digits.

    They are in the order in which a regular expression tries them.
    """
    for part in re.finditer(r"\(\?:", form):
        end = _closing(form, part.start())
        inside = form[part.end() : end]
        if form.startswith(")?", end) and r"\d" in inside:
            before, after = form[: part.start()], form[end + 2 :]
            return [*_variants(before + inside + after), *_variants(before + after)]
    return [form]


def _closing(form: str, start: int) -> int:
    """Return where the parenthesis is closed that is opened at the start."""
    depth, place = 1, start
    while depth:
        place += 1
        depth += {"(": 1, ")": -1}.get(form[place], 0)
    return place


def _layout(variant: str) -> tuple[list[int], list[int]]:
    """Return which run of digits each number is in, and by what to divide that to get it.

    Numbers between which there is nothing are in one run.
    """
    places, divisors = dict(ABSENT), dict.fromkeys(WIDTHS, 1)
    place, run, end = 1, list[str](), -1
    for group in re.finditer(r"\(\?P<(\w+)>([^()]*)\)", variant):
        name, digits = group.groups()
        if name not in WIDTHS:
            continue
        if group.start() != end:
            place, run = place + 1, []
        divisors |= {before: divisors[before] * 10 ** WIDTHS[name] for before in run}
        places[name], run, end = place, [*run, name], group.end()
        if r"\." in digits:
            place += 1
            places["fraction"] = place
    return [*places.values()], [*divisors.values()]


def _moments(parts: _Parts) -> _Value:
    """Return the seconds since 1970 of dates, NaN for those that do not exist."""
    year, month, day = (parts.number(name) for name in ("year", "month", "day"))
    century = (year < 69).op("Where", 2000, 1900)
    year = parts.text("year").matches(r"\d\d").op("Where", year + century, year)
    has_name, has_mark, has_zone = (parts.may_have(name) for name in ("name", "mark", "zone"))
    if has_name.any():
        month = month.constant(has_name).op("Where", _named_months(parts), month)
    exists = (month >= 1) & (month <= 12) & (year >= 1) & (day >= 1)
    if has_mark.any():
        pairs = "|".join(rf"{mark}\d+{mark}" for mark in MARKS)
        exists &= parts.matches(rf"\d+(?:{pairs})\d.*") | ~has_mark
    months = year * 12 + month
    first = _first_days(months)
    exists &= day <= _first_days(months + 1) - first
    seconds = (first + day - 1).cast(DOUBLE) * 86400.0
    if has_zone.any():
        seconds -= month.constant(has_zone).op("Where", _offsets(parts), 0.0)
    seconds += parts.has("hour").op("Where", _clock(parts), 0.0)
    return exists.op("Where", seconds, np.nan)


def _named_months(parts: _Parts) -> _Value:
    """Return the months whose names are the last ones in texts, 0 for unknown ones."""
    names = [name[:3] for name in MONTHS]
    found = parts.plain.constant(f"{names[0]} ").op("StringConcat", parts.plain)
    found = found.tokens("|".join(names))
    is_name = found.op("Equal", "").op("Not").cast(UINT8)
    last = found.op("GatherElements", is_name.op("ArgMax", axis=1, select_last_index=1), axis=1)
    # In any case, RE2 takes an ſ for an s; hardmax knows no month that begins with that.
    months = {
        "".join(letters): month
        for month, name in enumerate(names, 1)
        for letters in product(*(letter + letter.upper() for letter in name))
    }
    return _Value(last.graph, lookup(last.graph, last.name, months, 0))


def _first_days(months: _Value) -> _Value:
    """Return the days from 1 January 1970 to the first day of months.

    These are counted from 1 for January of the year 0. In the formula, years begin in March, so
    that 29 February is the last day. Divisions round toward 0, which is right from the year 1 on.
    """
    months -= 3
    year, month = months // 12, months % 12
    return year * 365 + year // 4 - year // 100 + year // 400 + (month * 153 + 2) // 5 - 719468


def _offsets(parts: _Parts) -> _Value:
    """Return by how many seconds the zones of texts are ahead of UTC, double (rows, 1)."""
    zone = parts.plain.op("StringConcat", " +0000").tokens(OFFSET).op("Gather", [0], axis=1)
    numbers = zone.tokens(r"\d\d").cast(INT64)
    hours, minutes = (numbers.op("Gather", place, axis=2) for place in (0, 1))
    sign = zone.matches("-.*").op("Where", -1, 1)
    offsets = ((hours * 3600 + minutes * 60) * sign).cast(DOUBLE)
    return ((hours < 24) & (minutes < 60)).op("Where", offsets, np.nan)


def _clock(parts: _Parts) -> _Value:
    """Return the seconds since midnight of times, NaN for those that do not exist."""
    hour, minute, second = (parts.number(name) for name in ("hour", "minute", "second"))
    # Both parts of a second are cast together, so that it is rounded once.
    exact = second.cast(STRING).op("StringConcat", ".").op("StringConcat", parts.text("fraction"))
    second = exact.cast(DOUBLE)
    has_half = parts.matches(f".*{HALF}")
    is_later = parts.matches(f".*{HALF}".replace("[ap]", "p")).cast(INT64)
    is_hour = (hour < 24) & (has_half.op("Not") | (hour >= 1) & (hour <= 12))
    is_whole = has_half | parts.has("minute") | parts.may_have("zone")
    hour = has_half.op("Where", hour % 12 + is_later * 12, hour)
    exists = is_hour & is_whole & (minute < 60) & (second < 60.0)
    return exists.op("Where", (hour * 3600 + minute * 60).cast(DOUBLE) + second, np.nan)
