"""Equal rows of a table."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hardmax.data.equality import copies_of, key_of
from hardmax.data.tables.cells import coded, has_texts, trimmed
from hardmax.data.tables.columns import Column
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["copied_rows", "equal_rows", "keys_and_copies", "row_keys"]

#: A column may be an identifier if the fraction of its cells that repeat another is at most this.
MAX_REPEATED = 0.01

#: This many of the cells of a column tell whether it has fractions, which identifiers never have.
SOME = 100
FRACTION = re.compile(r"\d[.,]\d")

#: The odd factors of the 64-bit finalizer by D. Stafford, which is in Java's SplittableRandom.
FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def equal_rows(table: "pa.Table") -> np.ndarray:
    """Return the group of each row, int64 (rows,): equal rows have equal numbers.

    Strings are compared without surrounding blanks, and columns whose cells cannot be compared,
    such as lists, are left out.
    """
    groups = np.zeros(table.num_rows, np.int64)
    for _, codes, _ in _coded(table):
        groups = _divided(groups, codes)
        if _all_differ(groups):
            break
    return groups


def copied_rows(
    table: "pa.Table", labels: np.ndarray, is_identifier: Callable[[str], bool]
) -> np.ndarray:
    """Return the group of each row, int64 (rows,): copies of one another have equal numbers.

    Rows are compared as by ``equal_rows``, but without columns that are identifiers: with them no
    row has a copy. Whether equal rows are copies decides ``copies_of``, also by their ``labels``,
    integers (rows,). ``is_identifier`` is only asked about columns nearly all of whose cells
    differ, if other columns leave that open.
    """
    groups = np.zeros(table.num_rows, np.int64)
    distinct, open_columns = [], []
    for name, codes, cells in _coded(table):
        if codes.max(initial=0) >= (1 - MAX_REPEATED) * len(codes) and not _has_fractions(cells):
            open_columns.append(name)
            continue
        distinct.append(_distinct(codes))
        groups = _divided(groups, codes)
        if _all_differ(groups):
            return groups
    used = [name for name in open_columns if not is_identifier(name)]
    for _, codes, _ in _coded(table.select(used)):
        distinct.append(_distinct(codes))
        groups = _divided(groups, codes)
    return copies_of(groups, labels, distinct) if distinct else np.arange(table.num_rows)


def _distinct(codes: np.ndarray) -> int:
    """Return how many different cells a column has, a missing one among them."""
    return int(codes.max(initial=0)) + bool((codes == 0).any())


def _divided(groups: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return groups that are divided by codes, both int64 (rows,)."""
    found: np.ndarray = np.unique(groups * (codes.max(initial=0) + 1) + codes, return_inverse=True)[
        1
    ]
    return found


def _all_differ(groups: np.ndarray) -> bool:
    return bool(groups.max(initial=-1) + 1 == len(groups))


def _has_fractions(cells: "pa.Array") -> bool:
    """Return whether most of the first cells are numbers with a decimal mark between digits."""
    some = map(str, cells.slice(0, SOME).to_pylist())
    return sum(FRACTION.search(cell) is not None for cell in some) * 2 > min(SOME, len(cells))


def _coded(table: "pa.Table") -> Iterator[tuple[str, np.ndarray, "pa.Array"]]:
    """Yield the name of each column whose cells can be compared, and these as codes.

    Codes are int64 (rows,), 0 if a cell is missing; the distinct cells come in their order.
    """
    import pyarrow as pa

    table = table.unify_dictionaries()
    for name in table.column_names:
        column = table[name]
        try:
            cells = trimmed(column) if has_texts(column.type) else column.combine_chunks()
            codes, distinct = coded(cells)
            yield name, codes + 1, distinct
        except (pa.ArrowException, DataError):
            continue


def row_keys(columns: Sequence[Column]) -> np.ndarray:
    """Return a number for the values of each row, uint64 (rows,): equal rows have equal numbers.

    So have those of other tables whose columns were read as the same kinds. Two different rows have
    the same number with a probability of 2^-64.
    """
    keys = np.zeros(len(columns[0].values), np.uint64)
    for column in columns:
        keys = _mixed(keys + _bits(column))
    return keys


def keys_and_copies(
    columns: Sequence[Column], rows: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys of ``rows``, int64, as ``row_keys`` does, and the groups of copies.

    Both have the shape (rows,), like the integers ``labels``. Copies are those of ``copies_of``.
    """
    keys = row_keys(columns)[rows]
    distinct = (len(np.unique(column.values[rows])) for column in columns)
    return keys, copies_of(keys, labels, distinct)


def _bits(column: Column) -> np.ndarray:
    """Return the values of a column as uint64 (rows,); equal values have equal bits."""
    if column.kind == "category":
        levels = [key_of(level.encode()) for level in column.levels]
        bits: np.ndarray = np.array([*levels, 0], np.uint64)[column.values]
        return bits
    values = np.where(column.missing, np.nan, column.values + 0.0)  # -0.0 becomes 0.0
    return _mixed(values.view(np.uint64))


def _mixed(keys: np.ndarray) -> np.ndarray:
    """Return numbers, uint64, all of whose bits depend on all bits of ``keys``."""
    for factor, shift in zip(FACTORS, (30, 27), strict=True):
        keys = (keys ^ (keys >> np.uint64(shift))) * np.uint64(factor)
    mixed: np.ndarray = keys ^ (keys >> np.uint64(31))
    return mixed
