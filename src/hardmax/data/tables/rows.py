"""Equal rows of a table."""

from typing import TYPE_CHECKING

import numpy as np

from hardmax.data.tables.cells import coded, has_texts, trimmed
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["equal_rows"]


def equal_rows(table: "pa.Table") -> np.ndarray:
    """Return the group of each row, int64 (rows,): equal rows have equal numbers.

    Strings are compared without surrounding blanks, and columns whose cells cannot be compared,
    such as lists, are left out.
    """
    import pyarrow as pa

    groups = np.zeros(table.num_rows, np.int64)
    count = 1
    for column in table.unify_dictionaries().columns:
        if count == table.num_rows:  # all rows differ already
            break
        try:
            cells = trimmed(column) if has_texts(column.type) else column.combine_chunks()
            codes = coded(cells)[0] + 1
        except (pa.ArrowException, DataError):
            continue
        _, groups = np.unique(groups * (codes.max() + 1) + codes, return_inverse=True)
        count = int(groups.max()) + 1
    return groups
