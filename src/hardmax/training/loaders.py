"""Batches of examples in memory, and chunks of an epoch's batches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from hardmax.checks import check_whole
from hardmax.data.sampling import balanced_order, order

__all__ = [
    "Chunk",
    "Loader",
    "chunk_bounds",
    "chunks",
    "first_batch",
]


def chunk_bounds(batch: int, count: int, parts: int) -> tuple[int, int]:
    """Return (start, stop) of the chunk that contains batch number ``batch`` of ``count``.

    An epoch is split into ``parts`` chunks of nearly equal length, or into single batches if it
    has fewer batches than parts. After each chunk, each curve gets a point and the host waits for
    the device.
    """
    parts = min(max(parts, 1), count)
    index = -(-(batch + 1) * parts // count) - 1
    return index * count // parts, (index + 1) * count // parts


class Loader:
    """Batches of arrays in memory; each backend defines ``take``. Each iteration is an epoch.

    With a ``seed``, the order is a function of (seed, epoch), where the first epoch is 0; without
    one, every epoch draws its order from the framework's generator. ``batch_size`` is reduced to
    ``count`` if it is larger. With ``balanced_by``, the examples' labels, a shuffled epoch has
    equally many examples of each class. Raises ArgumentError for a batch size below 1.
    """

    #: Whether all examples are on the device, so that an engine can process a chunk in one call.
    resident = True

    def __init__(self, count: int, batch_size: int, shuffle: bool):
        self.count = count
        # Capped at the data's size, because frameworks index arrays with 64-bit integers.
        self.batch_size = min(check_whole("batch size", batch_size, 1), max(count, 1))
        self.shuffle = shuffle
        self.seed: int | None = None
        self.balanced_by: np.ndarray | None = None
        self.epoch = 0

    def __len__(self) -> int:
        """The number of batches, including a smaller last one."""
        return -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[tuple]:
        return iter(Chunk(self, self.next_order(), 0, self.count))

    def peek(self) -> tuple:
        """Return the first batch in unshuffled order, without starting an epoch."""
        return self.take(slice(0, min(self.batch_size, self.count)))

    def next_order(self) -> Any:
        """Start an epoch and return its order, int64 of shape (count,); None if unshuffled."""
        if not self.shuffle:
            return None
        seed = self.draw_seed() if self.seed is None else self.seed
        self.epoch += 1
        if self.balanced_by is not None:
            return balanced_order(self.balanced_by, seed, self.epoch - 1)
        return order(self.count, seed, self.epoch - 1)

    def draw_seed(self) -> int:
        """Return a non-negative seed from the framework's global generator."""
        raise NotImplementedError

    def take(self, rows: Any) -> tuple:
        """Return the batch of the examples ``rows``: a slice, or part of an order."""
        raise NotImplementedError

    def split(self, order: Any) -> Iterable:
        """Split an order into batches."""
        return [order[at : at + self.batch_size] for at in range(0, len(order), self.batch_size)]


def first_batch(batches: Any) -> tuple:
    """Return the first batch; of a Loader, without starting an epoch."""
    return batches.peek() if isinstance(batches, Loader) else next(iter(batches))


@dataclass(frozen=True)
class Chunk:
    """Consecutive batches: the examples ``order[start:stop]``; ``start:stop`` if order is None."""

    loader: Loader
    order: Any
    start: int
    stop: int

    def __iter__(self) -> Iterator[tuple]:
        if self.order is not None:
            return map(self.loader.take, self.loader.split(self.order[self.start : self.stop]))
        bounds = range(self.start, self.stop, self.loader.batch_size)
        rows = (slice(at, min(at + self.loader.batch_size, self.stop)) for at in bounds)
        return map(self.loader.take, rows)


def chunks(loader: Any, parts: int) -> Iterator[Iterable]:
    """Split the next epoch of ``loader`` into ``parts`` chunks; see ``chunk_bounds``.

    A resident Loader yields Chunk objects, which a compiled engine can process in one call; any
    other sized iterable yields plain iterators over its batches.
    """
    count = len(loader)
    is_loader = isinstance(loader, Loader)
    source = loader.next_order() if is_loader else iter(loader)
    start = 0
    while start < count:
        start, stop = chunk_bounds(start, count, parts)
        if is_loader:
            size = loader.batch_size
            chunk = Chunk(loader, source, start * size, min(stop * size, loader.count))
            yield chunk if loader.resident else iter(chunk)
        else:
            yield islice(source, stop - start)
        start = stop
