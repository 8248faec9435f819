"""Table cells: as text without those that stand for a missing value, and parsed as a kind."""

import re
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hardmax.checks import shortened
from hardmax.data.tables.arrow import need_pyarrow
from hardmax.data.tables.dates import ORDERS, STYLES_OF_DATES, dates, times_of_day
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "BOOLEANS",
    "KIND_OF",
    "LARGEST",
    "NUMBER",
    "PADDED",
    "PARSERS",
    "SEPARATORS",
    "STYLES",
    "USUAL_MISSING",
    "Parsed",
    "coded",
    "floats",
    "formatted",
    "has_texts",
    "missing_texts",
    "texts",
    "trimmed",
]

#: The texts that usually stand for a missing value, in lowercase.
USUAL_MISSING = (
    *("na", "n/a", "#n/a", "#na", "n.a.", "<na>", "nan", "-nan", "null", "#null!", "none", "nil"),
    *("#div/0!", "#value!", "#ref!", "#name?", "#num!", "?", "-", "--", "---", "*", "**", "***"),
    *(".", ".."),
)

#: Matches numbers; also infinity, so that the error can name it.
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(?i:inf|infinity)$"

#: Matches a currency: a sign, such as ``€`` or ``US$``, or one of the most traded ones' codes.
CURRENCY = (
    r"(?:[A-Z]{0,2}\p{Sc}|kr|USD|EUR|JPY|GBP|CNY|AUD|CAD|CHF|HKD|SGD|SEK|KRW|NOK|NZD|INR|MXN|TWD|ZAR"
    r"|BRL|DKK|PLN|THB|ILS|IDR|CZK|AED|TRY|HUF|RUB)"
)

#: The separators of thousands in any style; a number has one of them alone.
SEPARATORS = ("'", "’", " ", "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}")

#: Matches a number as people write it, with given groups of thousands and a given decimal mark:
#: perhaps with a currency before or behind it, or a percent sign behind it.
FORMATTED = (
    r"^(?:[+\-−]?{currency}?\s?|{currency}\s?[+\-−])"
    r"(?:(?:[1-9]\d{{0,2}}(?:{groups})|\d+)(?:\{mark}\d*)?"
    r"|\{mark}\d+)\s?(?:{currency}|%)?$"
)

#: The styles of numbers as people write them, such as ``$1,234.5`` or ``1.234,5 €``, by their
#: separator of thousands and decimal mark.
STYLES = {"point": (",", "."), "comma": (".", ",")}

#: Matches whole numbers with superfluous zeros, as codes have them.
PADDED = r"^0\d+$"

#: The spellings of booleans in lowercase, true and false, by style.
BOOLEANS = {
    "boolean": ("true", "false"),
    "yes/no": ("yes", "no"),
    "y/n": ("y", "n"),
    "t/f": ("t", "f"),
    "on/off": ("on", "off"),
    "1/0": ("1", "0"),
}

#: The squares of much larger numbers overflow float64.
LARGEST = 1e150


class Parsed(NamedTuple):
    """Cells parsed as a kind: ``values``, float64 (rows,), NaN where a cell has none.

    ``matches``, bool (rows,), are the cells that are missing or of the kind.
    """

    values: np.ndarray
    matches: np.ndarray


def has_texts(kind: "pa.DataType") -> bool:
    """Return whether a column type is one of the string types."""
    types = need_pyarrow().types
    return any(
        test(kind) for test in (types.is_string, types.is_large_string, types.is_string_view)
    )


def trimmed(array: "pa.ChunkedArray") -> "pa.Array":
    """Return a column's cells as strings without surrounding whitespace; NaN is null.

    Raises DataError for a type that cannot be converted to strings.
    """
    pa = need_pyarrow()
    import pyarrow.compute as pc

    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    try:
        if pa.types.is_floating(whole.type):
            whole = pc.if_else(pc.is_nan(whole), pa.scalar(None, whole.type), whole)
        return pc.utf8_trim_whitespace(pc.cast(whole, pa.string()))
    except (pa.ArrowException, TypeError) as error:
        kind = shortened(str(array.type))
        raise DataError(f"cells of type {kind} cannot be read as text") from error


def texts(array: "pa.ChunkedArray", missing: Collection[str] = USUAL_MISSING) -> "pa.Array":
    """Return a column's cells as trimmed strings; empty ones and those in ``missing`` are null.

    ``missing`` are texts in lowercase, which stand for themselves in any case. Raises DataError
    for a type that cannot be converted to strings.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = trimmed(array)
    is_missing = pc.is_in(pc.utf8_lower(plain), pa.array(["", *missing], pa.string()))
    return pc.if_else(is_missing, pa.scalar(None, pa.string()), plain)


def missing_texts(array: "pa.ChunkedArray", missing: Collection[str]) -> list[str]:
    """Return the distinct texts in a column of strings that ``texts`` counts as missing."""
    import pyarrow.compute as pc

    plain = trimmed(array)
    is_kept = pc.or_(pc.is_valid(texts(array, missing)), pc.equal(plain, ""))
    found: list[str] = pc.unique(plain.filter(pc.invert(is_kept)).drop_null()).to_pylist()
    return found


def coded(array: "pa.Array") -> tuple[np.ndarray, "pa.Array"]:
    """Return each cell's index in the distinct values, int64 (rows,), and those; -1 is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(array)
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1)
    return codes.to_numpy(zero_copy_only=False), encoded.dictionary


def floats(array: "pa.Array | pa.ChunkedArray") -> np.ndarray:
    """Return cells as float64, with NaN for missing ones."""
    pa = need_pyarrow()
    import pyarrow.compute as pc

    return np.array(pc.cast(array, pa.float64(), safe=False))


def _as_booleans(style: str, plain: "pa.Array") -> Parsed:
    import pyarrow as pa
    import pyarrow.compute as pc

    lower = pc.utf8_lower(plain)
    is_boolean = pc.is_in(lower, pa.array([*BOOLEANS[style], None]))
    is_true = pc.equal(_where(is_boolean, lower), BOOLEANS[style][0])
    return Parsed(floats(is_true), _or_missing(is_boolean))


def _as_numbers(plain: "pa.Array") -> Parsed:
    import pyarrow as pa
    import pyarrow.compute as pc

    is_number = pc.match_substring_regex(plain, NUMBER)
    return Parsed(floats(_where(is_number, plain).cast(pa.float64())), _or_missing(is_number))


def formatted(style: str) -> str:
    """Return the regular expression of the numbers of one of STYLES."""
    thousands, mark = STYLES[style]
    marks = (thousands, *SEPARATORS)
    groups = "|".join(rf"(?:{re.escape(one)}\d{{3}})+" for one in marks)
    return FORMATTED.format(groups=groups, mark=mark, currency=CURRENCY)


def _as_formatted(style: str, plain: "pa.Array") -> Parsed:
    """Parse numbers of one of STYLES; those in parentheses are negative, as accountants write."""
    import pyarrow as pa
    import pyarrow.compute as pc

    _, mark = STYLES[style]
    signed = pc.replace_substring_regex(plain, r"^\((.*)\)$", r"-\1")
    is_number = pc.match_substring_regex(signed, formatted(style))
    known = pc.replace_substring_regex(_where(is_number, signed), "−", "-")
    digits = pc.replace_substring_regex(known, rf"[^\d\-\{mark}]+", "")
    numbers = pc.replace_substring(digits, mark, ".").cast(pa.float64())
    return Parsed(floats(numbers), _or_missing(is_number))


def _as_seconds(read: Callable[["pa.Array"], np.ndarray], plain: "pa.Array") -> Parsed:
    values = read(plain)
    return Parsed(values, ~np.isnan(values) | np.asarray(plain.is_null()))


def _where(mask: "pa.Array", plain: "pa.Array") -> "pa.Array":
    """Return the strings where the mask is true, null elsewhere."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(mask, plain, pa.scalar(None, pa.string()))


def _or_missing(mask: "pa.Array") -> np.ndarray:
    """Return a mask as bool (rows,), true where it is null."""
    import pyarrow.compute as pc

    return np.asarray(pc.fill_null(mask, True))


#: How strings are parsed, in the order in which that is tried, by kind or by a style of a kind.
PARSERS: dict[str, Callable[["pa.Array"], Parsed]] = {
    "number": _as_numbers,
    **{style: partial(_as_booleans, style) for style in BOOLEANS},
    "date": partial(_as_seconds, partial(dates, "date")),
    **{style: partial(_as_formatted, style) for style in STYLES},
    **{style: partial(_as_seconds, partial(dates, style)) for style in ORDERS},
    "time of day": partial(_as_seconds, times_of_day),
}

#: The kind that each of PARSERS gives.
KIND_OF = {
    **dict.fromkeys(("number", *STYLES), "number"),
    **dict.fromkeys(BOOLEANS, "boolean"),
    **dict.fromkeys(STYLES_OF_DATES, "date"),
    "time of day": "time of day",
}
