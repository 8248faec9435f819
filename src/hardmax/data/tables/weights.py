"""The weights of a table's rows: the column that has them."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hardmax.checks import shortened
from hardmax.data.options import Reading
from hardmax.data.tables.features import missing_of, rule_column
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_weights"]


def read_weights(
    path: Path, table: "pa.Table", rows: np.ndarray, reading: Reading
) -> tuple[np.ndarray | None, list[str]]:
    """Return the weights of ``rows``, int64, of a table, and notices.

    The weights are float64 of the shape of ``rows``, or None without a column of weights; a table
    to evaluate may lack it. Raises DataError for a missing weight, one that is no finite number or
    negative, with its row, counted from 1, and if all weights are 0.
    """
    name = reading.weight
    if name is None:
        return None, []
    quoted = repr(shortened(name))
    if reading.classes is not None and name not in table.column_names:
        return None, [f"{path} has no column {quoted}; all its rows count equally"]
    column = rule_column(
        path,
        table,
        name,
        rows,
        missing=missing_of(reading),
        kinds=("number",),
        rule="weights must be numbers",
    )
    weights = column.values[rows]
    bad = rows[~(weights >= 0)]
    if len(bad):
        value = table[name][int(bad[0])].as_py()
        cell = "nothing" if value in (None, "") else shortened(str(value))
        raise DataError(
            f"{path}, column {quoted}, row {bad[0] + 1}: the weight of a row must be a number that "
            f"is not negative, got {cell}; use 0 to leave a row out"
        )
    if not weights.any():
        raise DataError(f"{path}: all weights in column {quoted} are 0; some must be above 0")
    count = int((weights == 0).sum())
    left_out = "1 row of weight 0 is" if count == 1 else f"{count} rows of weight 0 are"
    return weights, [f"{path}: {left_out} left out"] if count else []
