"""Dates and times of day as people write them, as seconds."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "FORMS",
    "HALF",
    "MARKS",
    "MONTHS",
    "OFFSET",
    "ORDERS",
    "STYLES_OF_DATES",
    "TIME",
    "dates",
    "times_of_day",
]

#: The styles of dates in which only numbers tell the day and the month.
ORDERS = {"day-first": ("day", "month"), "month-first": ("month", "day")}

STYLES_OF_DATES = ("date", *ORDERS)

MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)

#: What may stand between the numbers of a date, twice the same, as regular expressions.
MARKS = ("/", "-", r"\. ", r"\.", " ")

#: AM or PM after a time of day, and the hours and minutes that a zone is ahead of UTC.
HALF, OFFSET = r" ?(?P<half>[ap])\.?m\.?", r"[+-]\d\d:?\d\d"

TIME = (
    r"(?P<hour>\d\d?)(?::(?P<minute>\d\d)(?::(?P<second>\d\d(?:\.\d{1,9})?))?)?"
    rf"(?:{HALF})?"
)
LATER = rf"(?:(?:,? |T){TIME})?"
WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,? )?"
NAME = rf"(?P<name>{'|'.join(MONTHS)}|sept|{'|'.join(name[:3] for name in MONTHS)})"
MARK, AGAIN = (rf"(?P<{name}>{'|'.join(MARKS)})" for name in ("mark", "again"))
YEAR, DAY = r"(?P<year>\d{4}|\d\d)", r"(?P<day>\d\d?)"

SECOND, ZONE = r"(?P<second>\d\d(?:\.\d{1,9})?)", rf"(?P<zone>Z|{OFFSET})?"
ISO = (
    r"(?P<year>\d{4})-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:[T ](?P<hour>\d\d)"
    rf"(?::(?P<minute>\d\d)(?::{SECOND})?)?{ZONE})?)?",
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?:T(?P<hour>\d\d)"
    rf"(?:(?P<minute>\d\d)(?:{SECOND})?)?{ZONE})?",
)

#: The ways to write a date, by style; those of ``date`` need no order.
FORMS = {
    "date": (
        *ISO,
        rf"(?P<year>\d{{4}}){MARK}(?P<month>\d\d?){AGAIN}{DAY}{LATER}",
        r"(?P<year>\d{4})/(?P<month>\d\d?)",
        rf"{WEEKDAY}{DAY}(?:st|nd|rd|th)?(?: of)?[ ./-]*{NAME}\.?,?[ /-]*{YEAR}{LATER}",
        rf"{WEEKDAY}{NAME}\.?[ /-]*{DAY}(?:st|nd|rd|th)?(?:, ?|[ /-]){YEAR}{LATER}",
        rf"{NAME}\.?,?[ /-]*(?P<year>\d{{4}})",
        rf"{NAME}(?:-| ?')(?P<year>\d\d)",
        rf"(?P<year>\d{{4}})[ /-]*{NAME}\.?(?:[ /-]*{DAY})?{LATER}",
    ),
    **{
        style: (rf"(?P<{first}>\d\d?){MARK}(?P<{second}>\d\d?){AGAIN}{YEAR}{LATER}",)
        for style, (first, second) in ORDERS.items()
    },
}


class _Parts:
    """The named groups of texts that matched a form."""

    def __init__(self, matched: "pa.StructArray") -> None:
        self._matched = matched
        self.names = {field.name for field in matched.type}

    def text(self, name: str) -> "pa.Array":
        """Return the lowercase texts of a group, empty where there is none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if name not in self.names:
            return pa.array([""] * len(self._matched), pa.string())
        return pc.utf8_lower(pc.fill_null(self._matched.field(name), ""))

    def has(self, name: str) -> np.ndarray:
        """Return where a group is not empty, bool (texts,)."""
        import pyarrow.compute as pc

        return np.asarray(pc.not_equal(self.text(name), ""))

    def numbers(self, name: str, default: int = 0) -> np.ndarray:
        """Return the numbers in a group, float64 (texts,), and the default where it is empty."""
        import pyarrow as pa
        import pyarrow.compute as pc

        text = self.text(name)
        known = pc.if_else(pc.equal(text, ""), str(default), text)
        return np.asarray(known.cast(pa.float64()))


def dates(style: str, plain: "pa.Array") -> np.ndarray:
    """Return texts as seconds since 1970, float64 (cells,); NaN for those not of the style.

    The time is in UTC unless the text has a zone. Years of two digits are from 1969 to 2068, as in
    POSIX.
    """
    return _read(plain, FORMS[style], _moments)


def times_of_day(plain: "pa.Array") -> np.ndarray:
    """Return texts as seconds since midnight, float64 (cells,); NaN for those that are no time."""
    return _read(plain, (TIME,), _clock)


def _read(
    plain: "pa.Array", forms: Sequence[str], convert: Callable[[_Parts], np.ndarray]
) -> np.ndarray:
    """Return texts converted by the first form that they match, NaN if there is none."""
    import pyarrow.compute as pc

    values = np.full(len(plain), np.nan)
    # Matching is much quicker than extracting, and most texts are no dates.
    shape = re.sub(r"\?P<\w+>", "?:", "|".join(forms))
    looks_right = pc.match_substring_regex(plain, f"(?i)^(?:{shape})$")
    rest = np.flatnonzero(np.asarray(pc.fill_null(looks_right, False)))
    for form in forms if len(rest) else ():
        matched = pc.extract_regex(plain.take(rest), f"(?i)^(?:{form})$")
        is_new = np.asarray(matched.is_valid())
        if is_new.any():
            values[rest[is_new]] = convert(_Parts(matched.filter(is_new)))
            rest = rest[np.isnan(values[rest])]
    return values


def _moments(parts: _Parts) -> np.ndarray:
    """Return the seconds since 1970 of dates, NaN for those that do not exist."""
    import pyarrow as pa
    import pyarrow.compute as pc

    month = parts.numbers("month", 1)
    if "name" in parts.names:
        start = pc.utf8_slice_codeunits(parts.text("name"), 0, 3)
        places = pc.index_in(start, pa.array([name[:3] for name in MONTHS]))
        month = np.asarray(pc.fill_null(places, -1)) + 1.0
    year = parts.numbers("year")
    is_short = np.asarray(pc.less(pc.utf8_length(parts.text("year")), 4))
    year = year + is_short * np.where(year < 69, 2000, 1900)
    day = parts.numbers("day", 1)
    exists = (month >= 1) & (month <= 12) & (year >= 1) & (day >= 1)
    exists &= np.asarray(pc.equal(parts.text("mark"), parts.text("again")))
    months = ((year - 1970) * 12 + month - 1).astype("int64").astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1).astype("int64")
    exists &= days.astype("datetime64[M]") == months
    seconds = days.astype("int64") * 86400.0 - _offsets(parts)
    seconds += np.where(parts.has("hour"), _clock(parts), 0)
    return np.where(exists, seconds, np.nan)


def _offsets(parts: _Parts) -> np.ndarray:
    """Return by how many seconds the zones of dates are ahead of UTC, float64 (texts,)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    zone = pc.replace_substring(pc.replace_substring(parts.text("zone"), "z", ""), ":", "")
    known = pc.if_else(pc.equal(zone, ""), "+0000", zone)
    hours, minutes = (
        np.asarray(pc.utf8_slice_codeunits(known, start, start + 2).cast(pa.float64()))
        for start in (1, 3)
    )
    sign = np.where(np.asarray(pc.starts_with(known, "-")), -1, 1)
    offsets: np.ndarray = sign * (3600 * hours + 60 * minutes)
    return np.where((hours < 24) & (minutes < 60), offsets, np.nan)


def _clock(parts: _Parts) -> np.ndarray:
    """Return the seconds since midnight of times, NaN for those that do not exist.

    Only ISO 8601 has hours alone, which need AM or PM elsewhere.
    """
    import pyarrow.compute as pc

    hour, minute, second = (parts.numbers(name) for name in ("hour", "minute", "second"))
    has_half = parts.has("half")
    is_later = np.asarray(pc.equal(parts.text("half"), "p"))
    is_hour = np.where(has_half, (hour >= 1) & (hour <= 12), hour < 24)
    is_whole = has_half | parts.has("minute") | ("zone" in parts.names)
    hour = np.where(has_half, hour % 12 + 12 * is_later, hour)
    exists = is_hour & is_whole & (minute < 60) & (second < 60)
    return np.where(exists, 3600 * hour + 60 * minute + second, np.nan)
