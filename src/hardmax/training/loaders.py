"""Batches of examples that lie in memory, and stretches of an epoch's batches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from hardmax.checks import check_whole
from hardmax.data.sampling import balanced_order, order

__all__ = [
    "Loader",
    "Stretch",
    "first_batch",
    "stretch_bounds",
    "stretches",
]


def stretch_bounds(batch: int, count: int, parts: int) -> tuple[int, int]:
    """Return (start, stop) of the stretch of batches that ``batch`` of ``count`` lies in.

    An epoch is cut into ``parts`` stretches of nearly equal length, or into single batches
    where it has fewer batches than parts. At the end of a stretch a curve gets its point, and
    the host waits for the device.
    """
    parts = min(max(parts, 1), count)
    which = -(-(batch + 1) * parts // count) - 1
    return which * count // parts, (which + 1) * count // parts


class Loader:
    """An epoch's batches of arrays that lie in memory; each sibling says how one is taken.

    ``seed`` makes the order a function of (seed, epoch), counting the epochs from 0 as they
    are begun; without one, every epoch draws its order from the framework's own generator.
    ``batch_size`` is at most ``count``. With ``balanced_by``, the examples' labels, a shuffled
    epoch has equally many of each class. Raises ArgumentError for a batch size below 1.
    """

    #: Whether all examples lie on the device, so that an engine can take many batches at once.
    resident = True

    def __init__(self, count: int, batch_size: int, shuffle: bool):
        self.count = count
        # No larger than the data, because frameworks cut arrays up by 64-bit numbers.
        self.batch_size = min(check_whole("batch size", batch_size, 1), max(count, 1))
        self.shuffle = shuffle
        self.seed: int | None = None
        self.balanced_by: np.ndarray | None = None
        self.epoch = 0

    def __len__(self) -> int:
        """The number of batches, the short last one included."""
        return -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[tuple]:
        return iter(Stretch(self, self.next_order(), 0, self.count))

    def peek(self) -> tuple:
        """Return the first examples, a batch of them, without beginning an epoch."""
        return self.take(slice(0, min(self.batch_size, self.count)))

    def next_order(self) -> Any:
        """Begin an epoch and return its order, int64 of shape (count,); None if unshuffled."""
        if not self.shuffle:
            return None
        seed = self.draw_seed() if self.seed is None else self.seed
        self.epoch += 1
        if self.balanced_by is not None:
            return balanced_order(self.balanced_by, seed, self.epoch - 1)
        return order(self.count, seed, self.epoch - 1)

    def draw_seed(self) -> int:
        """Return a non-negative seed from the framework's own global generator."""
        raise NotImplementedError

    def take(self, rows: Any) -> tuple:
        """Return the batch of the examples ``rows``: a slice, or part of an order."""
        raise NotImplementedError

    def split(self, order: Any) -> Iterable:
        """Cut an order into batches."""
        return [order[at : at + self.batch_size] for at in range(0, len(order), self.batch_size)]


def first_batch(batches: Any) -> tuple:
    """Return the first batch; a Loader of ours does not begin an epoch for it."""
    return batches.peek() if isinstance(batches, Loader) else next(iter(batches))


@dataclass(frozen=True)
class Stretch:
    """Batches in a row: the examples ``order[start:stop]``, or start..stop without an order."""

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


def stretches(loader: Any, parts: int) -> Iterator[Iterable]:
    """Cut the next epoch of ``loader`` into ``parts`` stretches; see ``stretch_bounds``.

    A Loader of ours that is resident gives Stretch objects, which a compiled engine can take
    whole; any other sized iterable gives plain iterators over its batches.
    """
    count = len(loader)
    ours = isinstance(loader, Loader)
    source = loader.next_order() if ours else iter(loader)
    start = 0
    while start < count:
        start, stop = stretch_bounds(start, count, parts)
        if ours:
            size = loader.batch_size
            stretch = Stretch(loader, source, start * size, min(stop * size, loader.count))
            yield stretch if loader.resident else iter(stretch)
        else:
            yield islice(source, stop - start)
        start = stop
