"""What an exported run is fed with: the pixels of images, or the cells of a table."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hardmax.data.tables.cells import trimmed
from hardmax.data.tables.encoding import Encoding
from hardmax.data.tables.features import of_encoding
from hardmax.export.columns import takes_numbers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["feeds_of"]


def feeds_of(
    table: "pa.Table", path: Path, encoding: Encoding, inputs: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Return the cells of a table by the names of the inputs, each of shape (rows,).

    ``inputs`` has the name of the input of each column. Columns that the table lacks count as
    missing. Raises DataError, which names the file, if it has none of them, or if one has another
    type than in training.
    """
    columns, _ = of_encoding(path, table, encoding, strict=False)
    feeds = {}
    for code, column in zip(encoding.columns, columns, strict=True):
        name = inputs[code.name]
        if takes_numbers(code):
            feeds[name] = column.values
        elif code.name in table.column_names:
            cells = trimmed(table[code.name])
            feeds[name] = np.array(cells.fill_null("").to_pylist(), object)
        else:
            feeds[name] = np.array([""] * table.num_rows, object)
    return feeds
