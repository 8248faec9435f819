"""Table columns: the kind of each, and its values as a NumPy array."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from hardmax.data.tables.files import need_pyarrow
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KINDS", "Column", "canonical", "coded", "guess_column", "has_texts", "read_as", "texts"]

KINDS = ("number", "boolean", "date", "category")

#: Cell texts that stand for a missing value.
MISSING = ("", "NA", "N/A", "#N/A", "null", "NULL", "None", "?")

#: Matches numbers; also NaN and infinity, so that the error can name them.
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(?i:inf|infinity|nan)$"

#: Matches ISO 8601 dates with an optional time and time zone.
DATE = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$"

#: The squares of much larger numbers overflow float64.
LARGEST = 1e150


@dataclass(frozen=True, eq=False)
class Column:
    """A column's values, of shape (rows,). ``kind`` is one of KINDS.

    Numbers, booleans (0 or 1) and dates (seconds since 1970 in UTC) are float64; NaN is missing.
    Categories are int64, indices into ``levels``; -1 is missing.
    """

    name: str
    kind: str
    values: np.ndarray
    levels: tuple[str, ...] = ()

    @property
    def missing(self) -> np.ndarray:
        """A mask of the missing values, bool (rows,)."""
        return self.values < 0 if self.kind == "category" else np.isnan(self.values)


def guess_column(name: str, array: "pa.ChunkedArray") -> Column | None:
    """Return a column of the kind that matches all of its cells.

    Returns None if all cells are empty, or if their type is not supported. Raises DataError for a
    number that is NaN, infinite or beyond 1e150; the message has its row, counted from 1.
    """
    pa = need_pyarrow()
    is_category = pa.types.is_dictionary(array.type)
    if not (is_category or has_texts(array.type)):
        return _typed(name, array) if array.null_count < len(array) else None
    plain = texts(array)
    if plain.null_count == len(plain):
        return None
    return _as(name, plain, "category") if is_category else _of_texts(name, plain)


def read_as(name: str, array: "pa.ChunkedArray", kind: str) -> Column:
    """Return a column of the given ``kind``.

    Raises DataError for the same numbers as ``guess_column``, and if a cell or the column's type
    is not of that kind.
    """
    pa = need_pyarrow()
    if array.null_count == len(array):
        return _empty(name, kind, len(array))
    if kind == "category" or pa.types.is_dictionary(array.type) or has_texts(array.type):
        try:
            plain = texts(array)
        except DataError as error:
            raise DataError(f"column {name!r}: {error}") from error
        if plain.null_count == len(plain):
            return _empty(name, kind, len(array))
        return _as(name, plain, kind)
    column = _typed(name, array)
    if column is None or column.kind != kind:
        raise DataError(
            f"column {name!r} has type {array.type}, but it was a {kind} column in training"
        )
    return column


def _empty(name: str, kind: str, rows: int) -> Column:
    """Return a column whose values are all missing."""
    return Column(name, kind, np.full(rows, -1 if kind == "category" else np.nan))


def _typed(name: str, array: "pa.ChunkedArray") -> Column | None:
    """Return a column whose type determines its kind; None for other types."""
    pa = need_pyarrow()
    if pa.types.is_boolean(array.type):
        return Column(name, "boolean", _floats(array))
    if _is_number(array.type):
        return Column(name, "number", _checked(name, array))
    if pa.types.is_date(array.type) or pa.types.is_timestamp(array.type):
        return Column(name, "date", _seconds(array))
    return None


def texts(array: "pa.ChunkedArray") -> "pa.Array":
    """Return a column's cells as strings without surrounding whitespace; missing ones are null.

    Raises DataError for a type that cannot be converted to strings.
    """
    pa = need_pyarrow()
    import pyarrow.compute as pc

    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    try:
        if pa.types.is_floating(whole.type):
            whole = pc.if_else(pc.is_nan(whole), pa.scalar(None, whole.type), whole)
        plain = pc.utf8_trim_whitespace(pc.cast(whole, pa.string()))
    except (pa.ArrowException, TypeError) as error:
        raise DataError(f"cells of type {array.type} cannot be read as text") from error
    return pc.if_else(pc.is_in(plain, pa.array(MISSING)), pa.scalar(None, pa.string()), plain)


def has_texts(kind: "pa.DataType") -> bool:
    """Return whether a column type is one of the string types."""
    types = need_pyarrow().types
    tests = (types.is_string, types.is_large_string, types.is_string_view)
    return any(test(kind) for test in tests)


def _is_number(kind: "pa.DataType") -> bool:
    pa = need_pyarrow()
    return any(
        test(kind) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    )


def _floats(array: "pa.ChunkedArray") -> np.ndarray:
    """Return cells as float64, with NaN for missing ones."""
    pa = need_pyarrow()
    import pyarrow.compute as pc

    return np.array(pc.cast(array, pa.float64(), safe=False))


def _seconds(array: "pa.ChunkedArray") -> np.ndarray:
    pa = need_pyarrow()
    import pyarrow.compute as pc

    zone = array.type.tz if pa.types.is_timestamp(array.type) else None
    micros = pc.cast(pc.cast(array, pa.timestamp("us", zone), safe=False), pa.int64())
    return _floats(micros) / 1e6


def _checked(name: str, array: "pa.ChunkedArray") -> np.ndarray:
    """Return numbers as float64. Raises DataError if one is NaN, infinite or too large."""
    values = _floats(array)
    with np.errstate(invalid="ignore"):
        invalid = ~(np.abs(values) <= LARGEST) & ~np.asarray(array.is_null())
    if invalid.any():
        row = int(invalid.argmax())
        raise DataError(
            f"column {name!r}, row {row + 1}: {values[row]} is not allowed; numbers must be "
            "finite and at most 1e150; leave a cell without a value empty"
        )
    return values


def _of_texts(name: str, plain: "pa.Array") -> Column:
    """Return a column of strings, not all missing, of the kind that matches all of them."""
    for kind, parse in PARSERS.items():
        values = parse(name, plain)
        if isinstance(values, np.ndarray):
            return Column(name, kind, values)
    return _as(name, plain, "category")


def _as(name: str, plain: "pa.Array", kind: str) -> Column:
    """Return a column of strings as ``kind``. Raises DataError if one is not of that kind."""
    if kind == "category":
        codes, levels = coded(plain)
        return Column(name, "category", codes, tuple(levels.to_pylist()))
    values = PARSERS[kind](name, plain)
    if isinstance(values, _Mismatch):
        row = int(np.flatnonzero(~values.matches)[0])
        raise DataError(
            f"column {name!r}, row {row + 1}: {plain[row].as_py()!r} is not a {kind}, but the "
            f"column was a {kind} column in training"
        )
    return Column(name, kind, values)


def coded(array: "pa.Array") -> tuple[np.ndarray, "pa.Array"]:
    """Return each cell's index in the distinct values, int64 (rows,), and those; -1 is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(array)
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1)
    return codes.to_numpy(zero_copy_only=False), encoded.dictionary


def canonical(plain: "pa.Array") -> "pa.Array":
    """Return labels spelled the same for every file format and writer.

    If all are numbers, integers lose their decimals; if all are booleans, they become lowercase.
    """
    import pyarrow.compute as pc

    if isinstance(_as_booleans("", plain), np.ndarray):
        return pc.utf8_lower(plain)
    if _mismatch(plain, NUMBER) is None:
        return pc.replace_substring_regex(plain, r"^([+-]?\d+)\.0*$", r"\1")
    return plain


class _Mismatch(NamedTuple):
    """Which cells are of a kind or missing, bool (rows,); not all are."""

    matches: np.ndarray


#: The values, float64 (rows,), or which cells are not of the kind.
_Parsed: TypeAlias = np.ndarray | _Mismatch


def _as_booleans(name: str, plain: "pa.Array") -> _Parsed:
    import pyarrow as pa
    import pyarrow.compute as pc

    lower = pc.utf8_lower(plain)
    mismatch = _unless_all(pc.is_in(lower, pa.array(["true", "false", None])))
    return mismatch or _floats(pc.equal(lower, "true"))


def _as_numbers(name: str, plain: "pa.Array") -> _Parsed:
    import pyarrow as pa
    import pyarrow.compute as pc

    return _mismatch(plain, NUMBER) or _checked(name, pc.cast(plain, pa.float64()))


def _as_dates(name: str, plain: "pa.Array") -> _Parsed:
    mismatch = _mismatch(plain, DATE)
    if mismatch is not None:
        return mismatch
    codes, levels = coded(plain)
    seconds = np.array([*map(_since_1970, levels.to_pylist()), np.nan])
    return _unless_all(~np.isnan(seconds[codes]) | (codes < 0)) or seconds[codes]


def _mismatch(plain: "pa.Array", pattern: str) -> _Mismatch | None:
    """Return which strings are missing or match a pattern; None if all do."""
    import pyarrow.compute as pc

    return _unless_all(pc.fill_null(pc.match_substring_regex(plain, pattern), True))


def _unless_all(matches: "pa.Array | np.ndarray") -> _Mismatch | None:
    mask = np.asarray(matches)
    return None if mask.all() else _Mismatch(mask)


def _since_1970(text: str) -> float:
    """Return a date's seconds since 1970, in UTC unless it has a zone; NaN if it is invalid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return np.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


#: The kinds that strings are parsed as, in this order.
PARSERS = {"boolean": _as_booleans, "number": _as_numbers, "date": _as_dates}
