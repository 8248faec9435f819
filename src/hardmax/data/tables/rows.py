"""Equal rows of a table."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from hardmax.data.tables.cells import coded, has_texts, trimmed
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["copied_rows", "equal_rows"]


def equal_rows(table: "pa.Table") -> np.ndarray:
    """Return the group of each row, int64 (rows,): equal rows have equal numbers.

    Strings are compared without surrounding blanks, and columns whose cells cannot be compared,
    such as lists, are left out.
    """
    groups = np.zeros(table.num_rows, np.int64)
    for codes in _codes(table):
        _, groups = np.unique(groups * (codes.max() + 1) + codes, return_inverse=True)
        if groups.max() + 1 == table.num_rows:  # all rows differ already
            break
    return groups


def copied_rows(table: "pa.Table") -> np.ndarray:
    """Return the group of each row, int64 (rows,), as ``equal_rows`` does, if they are copies.

    If the columns have no more combinations of values than there are rows, rows are equal by
    chance, and each is a group of its own.
    """
    groups = equal_rows(table)
    if len(groups) and groups.max() + 1 < len(groups):
        combinations = math.prod(len(np.unique(codes)) for codes in _codes(table))
        if combinations <= len(groups):
            return np.arange(len(groups))
    return groups


def _codes(table: "pa.Table") -> Iterator[np.ndarray]:
    """Yield the code of each cell, int64 (rows,), of each column whose cells can be compared."""
    import pyarrow as pa

    for column in table.unify_dictionaries().columns:
        try:
            cells = trimmed(column) if has_texts(column.type) else column.combine_chunks()
            yield coded(cells)[0] + 1
        except (pa.ArrowException, DataError):
            continue
