"""Learning the encoding of a table's columns from the training rows."""

from collections.abc import Collection, Sequence

import numpy as np

from hardmax.checks import listed, shortened
from hardmax.data.tables.cells import USUAL_MISSING
from hardmax.data.tables.columns import Column
from hardmax.data.tables.encoding import ColumnCode, Encoding
from hardmax.data.tables.identifiers import why_identifier
from hardmax.data.tables.ngrams import LEAST_ROWS, choose_ngrams, most_ngrams
from hardmax.errors import DataError

__all__ = ["learn"]

#: A column of strings is categorical if it has at most this many distinct values, each in at least
#: this many rows on average; otherwise it is text.
MAX_LEVELS, ROWS_PER_LEVEL = 256, 2

#: The most distinct values of a column that the user calls categorical.
MAX_GIVEN_LEVELS = 4096

DAY = 86_400.0

#: The cycles of a date, in seconds: year, week and day.
CYCLES = (365.2425 * DAY, 7 * DAY, DAY)


def learn(
    columns: Sequence[Column],
    rows: np.ndarray,
    missing: Sequence[str] = USUAL_MISSING,
    keep: Collection[str] = (),
) -> tuple[Encoding, dict[str, str]]:
    """Learn the encoding of columns from ``rows``; also return why columns are left out.

    ``rows`` are integers; ``missing`` are the texts that stood for missing values; the columns in
    ``keep`` are used even if they are constant or identifiers. Raises DataError if no column is
    left, or if one of ``keep`` has nothing to learn from.
    """
    texts = {column.name for column in columns if _is_text(column, rows)}
    most = most_ngrams(max((len(column.values) for column in columns), default=0), len(texts))
    codes, left_out = [], {}
    for column in columns:
        is_kept = column.name in keep or column.given is not None
        why = None if is_kept else _why_useless(column, rows)
        code = why or _learn(column, rows, most if column.name in texts else None)
        if isinstance(code, str):
            if column.name in keep:
                raise DataError(f"column {shortened(column.name)!r} cannot be kept: it is {code}")
            left_out[column.name] = code
        else:
            codes.append(code)
    if not codes:
        reasons = listed(f"{shortened(name)}: {why}" for name, why in left_out.items())
        raise DataError(f"no column is left to learn from ({reasons or 'none has known values'})")
    return Encoding(tuple(codes), tuple(missing)), left_out


def _known(column: Column, rows: np.ndarray) -> np.ndarray:
    """Return the values of a column in ``rows`` that are not missing."""
    known: np.ndarray = column.values[rows][~column.missing[rows]]
    return known


def _is_text(column: Column, rows: np.ndarray) -> bool:
    """Return whether a column of strings has too many distinct ones to be categorical.

    The user may have given it one kind or the other.
    """
    if column.kind != "category" or column.given is not None:
        return column.given == "text"
    known = _known(column, rows)
    return len(np.unique(known)) > min(MAX_LEVELS, len(known) // ROWS_PER_LEVEL)


def _why_useless(column: Column, rows: np.ndarray) -> str | None:
    """Return why a column is of no use to learn from, or None."""
    known = _known(column, rows)
    if len(known) and known.min() == known.max() and len(known) == len(rows):
        return "constant"
    return why_identifier(column, known)


def _learn(column: Column, rows: np.ndarray, most: int | None) -> ColumnCode | str:
    """Return the encoding of a column, or why it has none.

    A text has at most ``most`` n-grams; other columns have None. A column that has no known value
    in ``rows``, or a text whose n-grams are all rare, has no encoding.
    """
    known = _known(column, rows)
    some_missing = len(known) < len(rows)
    if not len(known):
        return "empty"
    if most is not None:
        return _learn_text(column, known, most, some_missing)
    if column.kind == "category":
        levels = tuple(sorted(column.levels[code] for code in np.unique(known)))
        if len(levels) > MAX_GIVEN_LEVELS:
            raise DataError(
                f"column {shortened(column.name)!r} has {len(levels)} distinct values; at most "
                f"{MAX_GIVEN_LEVELS} categories are allowed; leave out --as, and it is text"
            )
        return ColumnCode(column.name, "category", levels=levels, missing=some_missing)
    cycles: tuple[float, ...] = ()
    if column.kind == "date":
        cycles = CYCLES if (known % DAY).any() else CYCLES[:2]
    elif column.kind == "time of day":
        cycles = (DAY,)
    return ColumnCode(
        name=column.name,
        kind=column.kind,
        center=float(np.median(known)),
        scale=_spread(known),
        cycles=cycles,
        missing=some_missing,
        style=column.style,
        placeholder=column.placeholder,
        odd=len(column.odd_among(rows)) > 0,
    )


def _spread(known: np.ndarray) -> float:
    """Return the distance of the quartiles; if it is 0, half of the range; if that is 0, 1."""
    low, high = np.quantile(known, [0.25, 0.75])
    return float(high - low) or float(known.max() - known.min()) / 2 or 1.0


def _learn_text(
    column: Column, known: np.ndarray, most: int, some_missing: bool
) -> ColumnCode | str:
    """Return the encoding of a column of texts, or why it has none."""
    codes, counts = np.unique(known, return_counts=True)
    ngrams = choose_ngrams([column.levels[code] for code in codes], counts, most)
    if not len(ngrams.hashes):
        return f"text ({len(codes)} distinct values, no part of which is in {LEAST_ROWS} rows)"
    return ColumnCode(
        column.name,
        "text",
        scale=ngrams.length,
        hashes=tuple(ngrams.hashes.tolist()),
        weights=tuple(ngrams.weights.tolist()),
        missing=some_missing,
    )
