"""The values of a table's columns in words: a few typical ones, and the rows that have them."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from hardmax.data.row_encoding import ColumnValues, EncodedColumn

__all__ = ["MISSING", "Grid", "cells", "grid", "groups"]

#: What a missing value is called.
MISSING = "(missing)"

#: The most values in a grid, without the missing one.
MOST = 11

#: The quantiles of numbers that a grid has, so that rare extremes do not stretch it.
QUANTILES = np.linspace(0.05, 0.95, MOST)

DAY = 86400


class Grid(NamedTuple):
    """Values of a column, in words and as a column."""

    texts: list[str]
    column: ColumnValues


def grid(code: EncodedColumn, column: ColumnValues) -> Grid | None:
    """Return values to compare predictions for; None if there are none, as in a column of text.

    Of many numbers they are quantiles, of many categories the most frequent; the last one is
    missing, if some are.
    """
    if code.kind == "text":
        return None
    known = column.values[~column.missing]
    if code.kind == "category":
        counts = np.bincount(known, minlength=len(column.levels))
        levels = [
            level
            for level in np.argsort(-counts, kind="stable").tolist()
            if counts[level] and column.levels[level] in code.levels
        ][:MOST]
        texts, values, nothing = _names(column, levels), np.array(levels, np.int64), -1.0
    else:
        values = np.unique(known)
        if len(values) > MOST:
            values = np.unique(np.quantile(known, QUANTILES, method="nearest"))
        texts, nothing = [*map(_writer(code.kind, values), values)], np.nan
    if column.missing.any():
        texts, values = [*texts, MISSING], np.append(values, nothing).astype(values.dtype)
    return Grid(texts, ColumnValues(values, column.levels)) if texts else None


def cells(code: EncodedColumn, column: ColumnValues) -> list[str]:
    """Return the values of a column in words."""
    if code.kind in ("category", "text"):
        return [MISSING if value < 0 else column.levels[value] for value in column.values]
    write = _writer(code.kind, column.values[~column.missing])
    return [MISSING if np.isnan(value) else write(value) for value in column.values]


def groups(code: EncodedColumn, column: ColumnValues) -> Iterator[tuple[str, np.ndarray]]:
    """Yield groups of rows, in words and as a mask, bool (rows,).

    They are the rows of each category, those of each quarter of the numbers, and those in which
    the value is missing.
    """
    missing = column.missing
    if code.kind == "category":
        levels = np.unique(column.values[~missing])
        for level, name in zip(levels, _names(column, levels.tolist()), strict=True):
            yield name, column.values == level
    elif code.kind != "text":
        yield from _quarters(code.kind, column.values, column.values[~missing])
    if missing.any():
        yield MISSING, missing


def _quarters(kind: str, values: np.ndarray, known: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the rows with each value or, if these are more than four, in each quarter of them."""
    distinct = np.unique(known)
    write = _writer(kind, distinct)
    if len(distinct) <= 4:
        for value in distinct:
            yield write(value), values == value
        return
    inner = np.quantile(known, [0.25, 0.5, 0.75], method="inverted_cdf")
    edges = np.unique([distinct[0], *inner, distinct[-1]])
    for number, (low, high) in enumerate(pairwise(edges)):
        if number == 0:
            yield f"{write(low)} to {write(high)}", (values >= low) & (values <= high)
        else:
            yield f"above {write(low)} to {write(high)}", (values > low) & (values <= high)


def _names(column: ColumnValues, levels: Sequence[int]) -> list[str]:
    return [column.levels[level] for level in levels]


def _writer(kind: str, values: np.ndarray) -> Callable[[float], str]:
    """Return the function that writes values of a kind; ``values`` decide how precisely."""
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    if kind == "date":
        unit = "D" if (values % DAY == 0).all() else "m"
        return lambda value: str(np.datetime64(int(value), "s").astype(f"datetime64[{unit}]"))
    if kind == "time of day":
        return lambda value: f"{int(value) // 3600:02}:{int(value) // 60 % 60:02}"
    return lambda value: f"{value:.6g}"
