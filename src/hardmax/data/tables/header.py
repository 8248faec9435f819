"""The header of a text table: whether its first row has the names of the columns or is data."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hardmax.data.tables.cells import PARSERS, STYLES, texts

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["has_values", "looks_like_data"]

#: The rows whose cells the names are compared with.
ROWS = 1000


def has_values(names: Sequence[str]) -> bool:
    """Return whether there are numbers or dates among the cells of a row."""
    import pyarrow as pa

    return bool(_is_value(texts(pa.array(names, pa.string()))).any())


def looks_like_data(table: "pa.Table", known: Collection[str | None] = ()) -> bool:
    """Return whether the column names of a table of strings look like one of its rows.

    A word above numbers is a name, and so are ``0,1,2`` or ``2019,2020,2021``. Words that all occur
    in their own columns are data, and so are numbers in no order, or in the range of their columns.
    None of them is if a word, or more than half of them, are among the ``known`` names of columns.
    """
    import pyarrow as pa

    names = texts(pa.array(table.column_names, pa.string()))
    sample = table.slice(0, ROWS)
    is_value = _is_value(names)
    words = np.flatnonzero(np.asarray(names.is_valid()) & ~is_value)
    if {names[int(place)].as_py() for place in words} & {*known}:
        return False
    if 2 * len({*table.column_names} & {*known}) > table.num_columns:
        return False
    new_words = 0
    for place in words:
        cells = texts(sample[int(place)]).drop_null()
        if len(cells) and _is_value(cells).all():
            return False
        new_words += names[int(place)].as_py() not in {*cells.to_pylist()}
    if len(words) and not new_words:
        return True
    return _are_data(names, sample, np.flatnonzero(is_value))


def _is_value(cells: "pa.Array") -> np.ndarray:
    """Return which strings are numbers or dates, bool (cells,)."""
    mask: np.ndarray = ~np.isnan(_values(cells))
    return mask


def _are_data(names: "pa.Array", sample: "pa.Table", places: np.ndarray) -> bool:
    """Return whether names that are numbers or dates, at ``places``, look like values."""
    values = _values(names.take(places))
    steps = np.diff(values)
    is_counting = (steps > 0).all() and len({*steps}) <= 1 and not (values % 1).any()
    if is_counting:
        return False
    within = [
        _within(value, texts(sample[int(place)]))
        for value, place in zip(values, places, strict=True)
    ]
    is_ordered = (steps > 0).all() or (steps < 0).all()
    return all(within) if is_ordered else 2 * sum(within) >= len(within)


def _values(cells: "pa.Array") -> np.ndarray:
    """Return strings as numbers, dates as seconds, float64 (cells,); NaN for others."""
    values = np.full(len(cells), np.nan)
    for parser in ("number", "date", *STYLES):
        values = np.where(np.isnan(values), PARSERS[parser](cells).values, values)
    return values


def _within(value: float, cells: "pa.Array") -> bool:
    """Return whether a number is in the range of a column's numbers."""
    values = _values(cells)
    known = values[~np.isnan(values)]
    return len(known) > 0 and bool(known.min() <= value <= known.max())
