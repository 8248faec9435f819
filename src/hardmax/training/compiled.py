"""What engines share that compile a whole chunk of batches."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from hardmax.data.images.augmentation import Augmentation
from hardmax.evaluation.totals import Steps
from hardmax.training.loaders import Chunk, Sliced

__all__ = ["BatchPlan", "Cache", "Compiling", "Span", "joined_steps"]

T = TypeVar("T")
Item = TypeVar("Item", bound=Sliced)


class BatchPlan(NamedTuple):
    """What compiled code must know of a loader: it serves all chunks with an equal plan.

    ``size``: examples per batch; ``examples``: examples per epoch; ``are_images``: whether the
    inputs are bytes, to be scaled to [0, 1]; ``augmentation``: how the last array changes them.
    """

    size: int
    examples: int
    are_images: bool
    augmentation: Augmentation | None

    @classmethod
    def of(cls, chunk: Chunk[Item]) -> "BatchPlan":
        """Return the plan of a chunk's batches."""
        loader = chunk.loader
        return cls(loader.batch_size, loader.count, loader.are_images, loader.applied)


class Span(NamedTuple, Generic[T]):
    """Where a chunk lies in its epoch, as integers or as a framework's scalars.

    ``start``: its first example; ``whole``: its number of whole batches; ``has_rest``: whether the
    epoch's short last batch follows them.
    """

    start: T
    whole: T
    has_rest: T


def span(chunk: Chunk[Item]) -> Span[int]:
    """Return where a chunk lies in its epoch."""
    whole, rest = divmod(chunk.stop - chunk.start, chunk.loader.batch_size)
    return Span(chunk.start, whole, rest > 0)


class Compiling(Protocol):
    """What counts the seconds that compiling takes."""

    compile_seconds: float


class Cache(Generic[T]):
    """Compiled code by key; the least recently used is dropped beyond ``size`` entries."""

    def __init__(self, size: int | None = None):
        self.size = size
        self.entries: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T], trainer: Compiling | None = None) -> T:
        """Return the entry of a key, made if it is missing.

        Adds the seconds that making it took to ``trainer.compile_seconds``.
        """
        if key not in self.entries:
            start = time.perf_counter()
            self.entries[key] = make()
            if trainer is not None:
                trainer.compile_seconds += time.perf_counter() - start
            if self.size is not None and len(self.entries) > self.size:
                self.entries.popitem(last=False)
        self.entries.move_to_end(key)
        return self.entries[key]


def joined_steps(results: Iterable[tuple[Iterable[ArrayLike], int]], decides: bool) -> Steps:
    """Fetch the results of batches, and return their steps.

    Each result is (losses, numbers of correct predictions, numbers of labels) on the device, of
    which the first ``count`` have a meaning; ``decides`` is whether the model makes predictions.
    """
    fetched = [
        [np.atleast_1d(np.asarray(one))[:count] for one in result] for result, count in results
    ]
    return Steps.joined(fetched, decides)
