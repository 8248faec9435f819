"""How a column of strings is read: guessed from its distinct texts, or of a kind that is given."""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hardmax.checks import shortened
from hardmax.data.tables.cells import BOOLEANS, KIND_OF, PADDED, PARSERS, SEPARATORS, STYLES, Parsed
from hardmax.data.tables.dates import ORDERS, STYLES_OF_DATES
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Manner", "Texts", "given_kind", "given_manner", "guess_manner"]

#: Numbers, dates and times may have a few other cells, which count as missing: at most this
#: fraction of the known cells, if there are at least this many.
MAX_ODD, MIN_KNOWN = 0.05, 20

NUMBERS = ("number", *STYLES)

#: The parsers of columns in which other texts can stand for missing values.
WITH_ODD = tuple(name for name, kind in KIND_OF.items() if kind != "boolean")

#: The parsers that a kind given by the user allows.
GIVEN: dict[str, tuple[str, ...]] = {
    "number": NUMBERS,
    "boolean": (*BOOLEANS,),
    "date": STYLES_OF_DATES,
    **{order: (order,) for order in ORDERS},
    "time": ("time of day",),
}


class Manner(NamedTuple):
    """How texts are read: by one of PARSERS, with a ``placeholder`` for missing values."""

    parser: str
    placeholder: str | None = None


class Texts:
    """The distinct texts of a column, ``levels``, and how often training has each.

    ``counts``, int64 (levels,), are the cells in training rows; ``known`` is their sum.
    """

    def __init__(self, levels: "pa.Array", counts: np.ndarray) -> None:
        self.levels = levels
        self.counts = counts
        self.known = int(counts.sum())
        self._parsed: dict[str, Parsed] = {}

    def parsed(self, parser: str) -> Parsed:
        """Return the levels as one of PARSERS reads them."""
        if parser not in self._parsed:
            self._parsed[parser] = PARSERS[parser](self.levels)
        return self._parsed[parser]

    def odd(self, parser: str) -> np.ndarray:
        """Return the levels of training cells that a parser cannot read, int64."""
        return np.flatnonzero(~self.parsed(parser).matches & (self.counts > 0))

    def odd_cells(self, parser: str) -> int:
        """Return the number of training cells that a parser cannot read."""
        return int(self.counts[self.odd(parser)].sum())

    @cached_property
    def have_digits(self) -> bool:
        """Whether at least half of the cells have digits, as numbers, dates and times do."""
        # Infinity is found, too, so that it can be refused.
        return 2 * int(self.counts[self._match(r"\d|^[+-]?(?i:inf)")].sum()) >= self.known

    @cached_property
    def are_codes(self) -> bool:
        """Whether at least half are numbers, all of them whole, some with superfluous zeros."""
        trained = self.counts > 0
        if not (self._match(PADDED) & trained).any():
            return False
        is_number = self.parsed("number").matches
        is_whole = self._match(r"^\d+$")
        most = 2 * int(self.counts[is_number].sum()) >= self.known
        return most and bool((is_whole | ~is_number)[trained].all())

    @cached_property
    def have_units(self) -> bool:
        """Whether numbers have several units, such as dollars and euros, or percents and none."""
        import pyarrow.compute as pc

        is_number = np.logical_or.reduce([self.parsed(style).matches for style in STYLES])
        is_zero = self._match(r"^0+([.,]0*)?$")
        numbers = self.levels.filter(is_number & (self.counts > 0) & ~is_zero)
        others = rf"[\d\s.,()+\-−{''.join(SEPARATORS)}]+"
        units = pc.unique(pc.replace_substring_regex(numbers, others, ""))
        found = {*units.to_pylist()}
        return len(found if "%" in found else found - {""}) > 1

    def _match(self, pattern: str) -> np.ndarray:
        """Return which levels match a regular expression, bool (levels,)."""
        import pyarrow.compute as pc

        return np.asarray(pc.match_substring_regex(self.levels, pattern))


def guess_manner(name: str, texts: Texts) -> Manner | None:
    """Return how a column is read; None if its texts are categories.

    Raises DataError for dates that can be read day first and month first.
    """
    for parser in _candidates(texts):
        if not texts.odd(parser).size:
            return Manner(_in_order(name, texts, parser, 0))
    parsers = [parser for parser in _candidates(texts) if parser in WITH_ODD]
    for parser in parsers:
        placeholder = _placeholder(texts, parser)
        if placeholder is not None:
            count = texts.odd_cells(parser)
            return Manner(_in_order(name, texts, parser, count), placeholder)
    most = int(MAX_ODD * texts.known)
    best = min(parsers, key=texts.odd_cells, default=None)
    if best is not None and texts.known >= MIN_KNOWN and texts.odd_cells(best) <= most:
        return Manner(_in_order(name, texts, best, most))
    return None


def given_manner(name: str, texts: Texts, kind: str) -> Manner:
    """Return how a column is read as a kind that the user gave.

    Of several styles it is the one that reads most cells. Raises DataError if none reads any, and
    for dates that can be read day first and month first.
    """
    best = min(GIVEN[kind], key=texts.odd_cells)
    count = texts.odd_cells(best)
    if count and count == texts.known:
        example = shortened(texts.levels[int(texts.counts.argmax())].as_py())
        column = shortened(name)
        raise DataError(
            f"column {column!r}: no cell that is trained on fits --as {column}={kind}; one of them "
            f"is {example!r}; choose another kind"
        )
    return Manner(_in_order(name, texts, best, count) if kind == "date" else best)


def given_kind(kind: str) -> str:
    """Return the kind of a column for which the user gave a kind."""
    return KIND_OF[GIVEN[kind][0]] if kind in GIVEN else kind


def _candidates(texts: Texts) -> Iterator[str]:
    """Yield the parsers that may read a column, in order."""
    for parser in PARSERS:
        is_boolean = KIND_OF[parser] == "boolean"
        is_code = parser in NUMBERS and texts.are_codes
        is_mixed = parser in STYLES and texts.have_units
        if is_boolean or (texts.have_digits and not is_code and not is_mixed):
            yield parser


def _placeholder(texts: Texts, parser: str) -> str | None:
    """Return the one text that a parser cannot read, if it is in fewer than half of the cells.

    No number is a placeholder, nor a text of the same kind in another style.
    """
    odd = texts.odd(parser)
    if len(odd) != 1 or 2 * texts.odd_cells(parser) >= texts.known:
        return None
    kinds = ("number", KIND_OF[parser])
    if any(texts.parsed(other).matches[odd[0]] for other in KIND_OF if KIND_OF[other] in kinds):
        return None
    return str(texts.levels[int(odd[0])].as_py())


def _in_order(name: str, texts: Texts, parser: str, most: int) -> str:
    """Return the parser, of dates the one for the order of day and month.

    It is ambiguous if at most ``most`` cells do not fit each of them, except that dates with points
    are day first everywhere.
    """
    import pyarrow.compute as pc

    if parser not in ORDERS or any(texts.odd_cells(order) > most for order in ORDERS):
        return parser
    read = texts.levels.filter(texts.parsed(parser).matches & (texts.counts > 0))
    if pc.all(pc.match_substring_regex(read, r"^\d+\.")).as_py():
        return "day-first"
    first, second = (texts.parsed(order).values for order in ORDERS)
    is_read = np.isfinite(first + second) & (texts.counts > 0)
    # Of 01/01/2019 and 02/01/2019, the second shows what is at stake.
    example = texts.levels[int((is_read * (1 + (first != second))).argmax())].as_py()
    column = shortened(name)
    raise DataError(
        f"column {column!r}: dates such as {example!r} can be read day first and month first; add "
        f"--as {column}=day-first or --as {column}=month-first, or write them as 2020-01-31"
    )
