"""What users are told about the columns of a table."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hardmax.checks import listed, shortened
from hardmax.data.row_encoding import Unseen
from hardmax.data.tables.cells import has_texts, missing_texts
from hardmax.data.tables.columns import Column
from hardmax.data.tables.encoding import Encoding

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["of_odd_cells", "of_training", "of_unseen"]

#: The most columns with a notice each.
MAX_COLUMNS = 5

PLURALS = {"number": "numbers", "boolean": "booleans", "date": "dates", "category": "categories"}


def of_training(
    name: str, table: "pa.Table", encoding: Encoding, left_out: Mapping[str, str]
) -> list[str]:
    """Return notices on the columns in use, those left out, and the texts for missing values."""
    kinds = [code.kind for code in encoding.columns]
    used = ", ".join(
        f"{kinds.count(kind)} {many if kinds.count(kind) > 1 else kind}"
        for kind, many in PLURALS.items()
        if kind in kinds
    )
    out = listed(f"{shortened(column) or '(no name)'} ({why})" for column, why in left_out.items())
    left = f"; left out: {out}" if left_out else ""
    columns = "column is" if len(kinds) == 1 else "columns are"
    notices = [f"{name}: {len(kinds)} {columns} used ({used}){left}"]
    notices += _placeholders(name, encoding)
    arrays = [table[code.name] for code in encoding.columns]
    found = {
        text: None
        for array in arrays
        if has_texts(array.type)
        for text in missing_texts(array, encoding.missing)
    }
    if found:
        notices.append(
            f"{name}: cells with {listed(map(repr, found))} count as missing; --missing names "
            "other texts"
        )
    return notices


def _placeholders(name: str, encoding: Encoding) -> list[str]:
    return _few(
        [
            f"{name}, column {shortened(code.name)}: {shortened(code.placeholder)!r} counts as "
            f"missing, because all other cells are {PLURALS[code.kind]}"
            for code in encoding.columns
            if code.placeholder is not None
        ]
    )


def of_odd_cells(
    name: str, table: "pa.Table", columns: Sequence[Column], used: np.ndarray
) -> list[str]:
    """Return notices on cells in the rows ``used``, int64, that are not of the column's kind."""
    notices = []
    for column in columns:
        odd = column.odd_among(used)
        if len(odd):
            cell = shortened(str(table[column.name][int(odd[0])].as_py()))
            notices.append(
                f"{name}, column {shortened(column.name)}: {len(odd)} of the rows have cells, such "
                f"as {cell!r} in row {odd[0] + 1}, that are not allowed in a {column.kind} column; "
                "they count as missing"
            )
    return _few(notices)


def of_unseen(name: str, unseen: Unseen) -> str:
    """Return a notice on categories that were not in the training rows."""
    return (
        f"{name}, column {shortened(unseen.column)}: {unseen.count} of the rows have categories, "
        f"such as {shortened(unseen.text)!r}, that were not in the training rows; these are "
        "encoded as all zeros"
    )


def _few(notices: Sequence[str]) -> list[str]:
    """Return the first notices, and how many more columns there are."""
    more = len(notices) - MAX_COLUMNS
    return [*notices[:MAX_COLUMNS], *([f"{more} more columns have such cells"] if more > 0 else [])]
