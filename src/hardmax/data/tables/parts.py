"""The rows of a table file, part by part."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Parts", "in_parts", "whole"]


@dataclass(frozen=True)
class Parts:
    """A table whose rows are read part by part, more than once if need be.

    ``batches`` reads them in order; ``count``, their number, is None if they have to be read to be
    counted.
    """

    schema: "pa.Schema"
    batches: Callable[[], Iterator["pa.RecordBatch"]]
    count: int | None = None

    def head(self, count: int) -> "pa.Table":
        """Return the first rows, at least ``count`` of them if there are as many."""
        import pyarrow as pa

        rows, batches = 0, []
        for batch in self.batches():
            batches.append(batch)
            rows += batch.num_rows
            if rows >= count:
                break
        return pa.Table.from_batches(batches, self.schema)

    def table(self) -> "pa.Table":
        """Return all rows."""
        import pyarrow as pa

        return pa.Table.from_batches(self.batches(), self.schema)

    def counted(self) -> int:
        """Return the number of rows."""
        return sum(batch.num_rows for batch in self.batches()) if self.count is None else self.count


def whole(table: "pa.Table") -> Parts:
    """Return a table that has been read as the parts of itself."""
    return Parts(table.schema, lambda: iter(table.to_batches()), table.num_rows)


def in_parts(batches: Iterable["pa.RecordBatch"], size: int) -> Iterator["pa.Table"]:
    """Yield rows as tables of ``size`` rows, of which the last one may have fewer."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count >= size:
            table = pa.Table.from_batches(waiting)
            full = count - count % size
            for at in range(0, full, size):
                yield table.slice(at, size)
            waiting, count = table.slice(full).to_batches(), count - full
    if count:
        yield pa.Table.from_batches(waiting)
