"""Dates and times of day in an ONNX graph, compared with what hardmax reads."""

import datetime
import re
from itertools import product

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardmax.data.tables.dates import (
    FORMS,
    MARKS,
    MONTHS,
    STYLES_OF_DATES,
    TIME,
    dates,
    times_of_day,
)
from hardmax.export.dates import add_seconds
from hardmax.export.graph import DOUBLE, STRING, Graph

PARSERS = (*STYLES_OF_DATES, "time of day")
ALL_FORMS = (*(form for forms in FORMS.values() for form in forms), TIME)

#: Numbers that exist, for numbers in forms.
EXISTING = {
    "month": "(?:0[1-9]|1[0-2])",
    "day": r"(?:0[1-9]|[12]\d|3[01])",
    "hour": r"(?:[01]\d|2[0-3])",
    "minute": r"[0-5]\d",
    "second": r"[0-5]\d",
}


@pytest.fixture(scope="module")
def sessions():
    found, options = {}, ort.SessionOptions()
    options.intra_op_num_threads = 1
    for parser in PARSERS:
        graph = Graph()
        cells = graph.input("cells", STRING, "rows")
        graph.output("seconds", add_seconds(graph, cells, parser), DOUBLE, "rows")
        model = graph.model("test", {})
        onnx.checker.check_model(model, full_check=True)
        found[parser] = ort.InferenceSession(model.SerializeToString(), options)
    return found


def run(session, cells):
    return session.run(None, {"cells": np.array(cells, object)})[0]


def read(parser, cells):
    plain = pa.array([cell or None for cell in cells], pa.string())
    return times_of_day(plain) if parser == "time of day" else dates(parser, plain)


def check(sessions, cells):
    """Compare every parser, and return how many cells one of them could read."""
    known = np.zeros(len(cells), bool)
    for parser, session in sessions.items():
        expected = read(parser, cells)
        found = run(session, cells)
        wrong = np.flatnonzero(~((found == expected) | (np.isnan(found) & np.isnan(expected))))
        assert not len(wrong), [(parser, cells[i], found[i], expected[i]) for i in wrong[:5]]
        known |= ~np.isnan(found)
    return known.sum()


NAMES = (*MONTHS, *(name[:3] for name in MONTHS), "sept")
CLOCKS = (
    *("", "T9:05", " 23:59", ", 0:00", ",12:30 am", " 12:30:15PM", " 8 p.m.", "t08 a.m"),
    *(" 1:02:03.5", " 01:02:03.123456789 Pm", " 24:00", " 0:30 am", " 13:00pm", " 8", " 9:60"),
    *(" 9:05:60", " 9:5", " 10:15Z", " 10:15:30.", "T"),
)
ZONES = ("", "Z", "z", "+01:00", "-0530", "+2359", "+24:00", "+25:00", "-00:60", "+01", " Z")
ISO_CLOCKS = (
    *("T10", " 23", "T24", "T1015", "T10:15", "T10:60", " 10:15:30", "T101530", "T101560"),
    *("T10:15:30.25", "T101530.25", "T23:59:59.999999999", "t00:00:00.1", ""),
)
DAYS = ("2024-02-29", "2023-02-29", "20240131", "20240132", "2024-01", "2024-00", "0001-01-01")


def by_hand():
    """Return cells of every form, each with and without its optional parts."""
    for day, clock, zone in product((*DAYS, "0000-12-31", "9999-12-31"), ISO_CLOCKS, ZONES):
        yield day + clock + zone
    days = ("1/2", "31/12", "12/31", "30/2", "29/2", "0/1", "1/0", "13/13", "07/04", "32/1")
    marks = ("/", "-", ".", ". ", " ", "")
    for day, year, first, clock in product(days, ("2024", "23", "68", "69", "00"), marks, CLOCKS):
        start = day.replace("/", first)
        second = marks[len(start) % 6] if clock == " 8" else first
        yield f"{start}{second}{year}{clock}"
        yield f"{year}{second}{start}{clock}"
    for name, change in product((*NAMES, "juny", "augu", "mon"), (str, str.upper, str.title)):
        name = change(name)
        for number, ordinal in product(("1", "29", "31", "00"), ("", "st", "TH", "th of")):
            day = number + ordinal
            yield from (f"{day} {name} 2023", f"{day}{name}24", f"{name} {day}, 2023")
            yield from (f"Mon, {day}-{name}.-24 8:05 pm", f"fri {name}. {day}/24, 23:59:59.5")
        yield from (f"{name} 2024", f"{name}.,-1974", f"{name}-74", f"{name} '68", f"{name}'69")
        yield from (f"2024 {name}", f"2024{name}.5", f"2024-{name}-05", f"2024/{name} 31 9:05")
        yield from (f"2024 {name}T1:30", f"2024 {name}T1", f"2024 {name} 8 pm", f"24 {name} 5")
    for name, clock in product(("February", "dec"), CLOCKS):
        yield from (f"5 {name} 2024{clock}", f"{name} 29, 23{clock}", f"2024 {name} 3{clock}")
        yield f"2024 {name}{clock}"
    for hour, clock in product(("", "0", "9", "12", "23", "24", "99"), (*CLOCKS, "am", " P.M")):
        yield hour + clock.lstrip(", Tt")
        yield f"{hour}:{clock.lstrip(', Tt')}"
        yield f"{hour}:59:07.000001 {clock.lstrip(', Tt')}"
    for start in ("mo", "tue.", "wed,", "sunmar ", "Sat. ", "fri, the "):
        yield f"{start} 4 Jul 2024"


ODD = (
    *("", "x", "January", "5 Jan", "1 2 3 4 5 6 7 8 9", "2024", "-", "12", "99999999", "20241"),
    *("1" * 400, "9" * 19 + "-01-01", "1.5e3", "日本 2024-01-01", "2024-01-01\n", "é"),
    # A long s and the sign for kelvin, which match letters of regular expressions in any case.
    *("5 auguſt 2020", "5 ſept 2020", "1ſt jan 2020", "ſat 4 jul 2020", "sun\u212a 5 jul 2020"),
    *("２０２４-01-01", "2024\u00a001 01", "2024-01-01T10:15:30.1234567890"),
)


def test_cells_written_by_hand(sessions):
    assert check(sessions, [*by_hand(), *ODD]) > 5000


def test_the_rest_of_the_batch_changes_nothing(sessions):
    cells = [*[*by_hand()][::200], *ODD]
    for session in sessions.values():
        together = run(session, cells)
        np.testing.assert_array_equal([run(session, [cell])[0] for cell in cells], together)
        assert np.isnan(run(session, ["", "", ""])).all()


def test_a_long_text_is_no_date_and_needs_little_memory(sessions):
    """Its numbers alone, for each of the rows, would be 10^9 texts."""
    cells = ["1 " * 100_000 + "1"] + ["2024-01-31", "1/1/2024", "8:00"] * 3_000
    assert check(sessions, cells) == 9_000


@pytest.mark.parametrize(
    ("parser", "form"),
    [
        *[("date", f"{day}{clock}") for day in ("%Y-%m-%d", "%Y%m%d") for clock in ("", "T%H%z")],
        *[("date", f"%Y-%m-%d{clock}") for clock in (" %H:%M%z", "T%H:%M:%S", "T%H:%M:%S.%f%z")],
        *[("date", f"%Y%m%d{clock}") for clock in ("T%H%M%z", "T%H%M%S", "T%H%M%S.%f%z")],
        *[("date", form) for form in ("%Y-%m", "%Y/%m", "%B %Y", "%b-%y", "%b '%y", "%Y %b")],
        *[("date", form) for form in ("%A, %d %B %Y %I:%M %p", "%d%b%y %H:%M", "%a. %b %d, %Y")],
        *[("date", form) for form in ("%Y.%m.%d, %H:%M:%S.%f", "%Y %B %d %I%p", "%Y/%m/%dT%H:%M")],
        *[("day-first", form) for form in ("%d/%m/%y", "%d. %m. %Y %H:%M", "%d-%m-%Y %I %p")],
        *[("month-first", form) for form in ("%m/%d/%y", "%m.%d.%Y, %I:%M:%S%p", "%m %d %YT%H:%M")],
        *[("time of day", form) for form in ("%H:%M", "%I:%M:%S.%f %p", "%I%p", "%H:%M:%S")],
    ],
)
def test_what_datetime_writes_is_read_back(sessions, parser, form):
    """Python's own parser tells which of the moment is in the text."""
    rng = np.random.default_rng(0)
    day, zone = datetime.datetime(1969, 1, 1), datetime.timezone(datetime.timedelta(minutes=-210))
    most = 100 * 365 * 86400 - 1
    cells = [
        (day + datetime.timedelta(seconds=int(second), microseconds=int(micro)))
        .replace(tzinfo=zone)
        .strftime(form)
        for second, micro in rng.integers(0, [[most, 10**6]], (200, 2))
    ]
    if parser == "time of day":
        day = datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC)
    else:
        day = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    moments = [datetime.datetime.strptime(cell, form) for cell in cells]
    moments = [moment.replace(tzinfo=moment.tzinfo or datetime.UTC) for moment in moments]
    expected = [(moment - day).total_seconds() for moment in moments]
    np.testing.assert_allclose(run(sessions[parser], cells), expected, rtol=0, atol=1e-6)


def like(form):
    """Return texts of a form, about half of them with numbers that exist and marks that agree."""
    existing = form.replace("|".join(MARKS), "[/-]")
    for name, digits in EXISTING.items():
        existing = re.sub(rf"(?<=\?P<{name}>)\\d\\d\??", digits.replace("\\", r"\\"), existing)
    return st.one_of(
        *(st.from_regex(re.compile(one, re.A | re.I), fullmatch=True) for one in (form, existing))
    )


@st.composite
def almost(draw, texts):
    """Return texts in which a character is missing, another one, or there twice."""
    text = draw(texts)
    place = draw(st.integers(0, len(text) - 1))
    other = draw(st.sampled_from(["", *LETTERS, text[place] * 2]))
    return text[:place] + other + text[place + 1 :]


@pytest.mark.parametrize("form", ALL_FORMS)
def test_every_form_is_known(sessions, form):
    """Also a form that is added to hardmax and not thought of here."""
    found = 0

    @settings(max_examples=5)
    @given(st.lists(like(form), min_size=30, max_size=30))
    def compare(cells):
        nonlocal found
        found += check(sessions, cells)

    compare()
    assert found > 0


LETTERS = "0123456789/-.:,+ TZapmsthndof'é"
of_any_form = st.one_of(*map(like, ALL_FORMS))
any_text = st.one_of(of_any_form, almost(of_any_form), st.text(LETTERS, max_size=25))


@settings(max_examples=30)
@given(cells=st.lists(any_text, min_size=1, max_size=20))
def test_any_texts(sessions, cells):
    check(sessions, cells)
