"""What an exported run is fed with: the cells of a table as they stand in its file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hardmax.data.tables.cells import trimmed
from hardmax.data.tables.encoding import Encoding
from hardmax.export.columns import number_of, takes_numbers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["feeds_of"]


def feeds_of(
    table: "pa.Table", encoding: Encoding, inputs: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Return the cells of a table by the names of the inputs, each of shape (rows,).

    ``inputs`` has the name of the input of each column. Columns that the table lacks count as
    missing.
    """
    feeds = {}
    for code in encoding.columns:
        texts = [""] * table.num_rows
        if code.name in table.column_names:
            texts = trimmed(table[code.name]).fill_null("").to_pylist()
        is_number = takes_numbers(code, encoding.missing)
        cells = np.array([*map(number_of, texts)]) if is_number else np.array(texts, object)
        feeds[inputs[code.name]] = cells
    return feeds
