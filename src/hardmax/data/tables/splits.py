"""How the rows of a table are split: by class, by group or by time, with copies on one side."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from hardmax.checks import shortened
from hardmax.data.datasets import Examples, taken
from hardmax.data.options import Reading
from hardmax.data.splitting import split_groups, split_rows, split_times
from hardmax.data.tables.cells import coded, texts
from hardmax.data.tables.features import rule_column
from hardmax.data.tables.labels import check_column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Rows", "split_columns"]

#: The kinds of columns whose values have an order in time.
ORDERED = ("date", "number")


@dataclass(frozen=True, eq=False)
class Rows(Examples):
    """Row numbers of a table, in place of the rows until these are encoded as vectors.

    ``places`` are the numbers and ``labels`` the classes; all arrays are integers (rows,), but
    ``weights`` and ``times``, float64. Rows of one of ``copies`` are equal; those of one of
    ``wholes``, if there are any, must not be divided; and those with the highest ``times``, if
    there are any, are split off first. ``split_by`` is that in words.
    """

    places: np.ndarray
    labels: np.ndarray
    copies: np.ndarray
    weights: np.ndarray | None = None
    wholes: np.ndarray | None = None
    times: np.ndarray | None = None
    split_by: str = ""

    words = ("row", "rows")

    def take(self, rows: np.ndarray | slice) -> Self:
        """Return the rows at these positions."""
        return replace(
            self,
            places=self.places[rows],
            labels=self.labels[rows],
            copies=self.copies[rows],
            weights=taken(self.weights, rows),
            wholes=taken(self.wholes, rows),
            times=taken(self.times, rows),
        )

    @property
    def is_split_at_random(self) -> bool:  # type: ignore[override]
        """Whether a seed decides the split."""
        return self.times is None

    @property
    def groups(self) -> np.ndarray:
        """The copies."""
        return self.copies

    def split(self, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the rest and of about ``fraction`` of the rows, int64."""
        if self.times is not None:
            return split_times(self.times, fraction)
        if self.wholes is not None:
            return split_groups(self.labels, fraction, seed, self.wholes)
        return split_rows(self.labels, fraction, seed, self.copies)


def split_columns(
    path: Path, table: "pa.Table", rows: Rows, reading: Reading, missing: Collection[str]
) -> tuple[Rows, list[str]]:
    """Return rows that are split by the columns that ``reading`` names, and notices about that.

    ``missing`` are texts that stand for a missing value. Rows without a group are groups of their
    own, and rows without a time come first. Raises DataError for a column that is not there or
    cannot be used.
    """
    name = reading.group or reading.time
    if name is None:
        return rows, []
    quoted = repr(shortened(name))
    if reading.group is not None:
        check_column(path, table.column_names, name)
        codes, _ = coded(texts(table[name], missing))
        codes = np.where(codes < 0, codes.max() + 1 + np.arange(len(codes)), codes)[rows.places]
        by = f"with all rows of the same {quoted} on one side"
        return replace(rows, wholes=_connected(codes, rows.copies), split_by=by), []
    column = rule_column(
        path,
        table,
        name,
        rows.places,
        missing=missing,
        given=reading.kinds.get(name),
        kinds=ORDERED,
        rule="time must be a date or a number",
    )
    values = column.values[rows.places]
    count = int(np.isnan(values).sum())
    notices = [f"{path}: {count} rows have no {quoted}; they come first"] if count else []
    times = np.where(np.isnan(values), -np.inf, values)
    return replace(rows, times=times, split_by=f"the last ones by {quoted}"), notices


def _connected(*groupings: np.ndarray) -> np.ndarray:
    """Return the smallest groups, int64 (rows,), that divide no group of several groupings."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows = np.arange(len(groupings[0]))
    ends, size = [], len(rows)  # each row is connected with a node for each of its groups
    for codes in groupings:
        _, places = np.unique(codes, return_inverse=True)
        ends.append(size + places)
        size += int(places.max()) + 1
    edges = (np.tile(rows, len(ends)), np.concatenate(ends))
    graph = coo_matrix((np.ones(len(edges[0]), bool), edges), (size, size))
    _, found = connected_components(graph, directed=False)
    groups: np.ndarray = found[: len(rows)].astype(np.int64)
    return groups
