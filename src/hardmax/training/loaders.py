"""Batches of examples in memory, and chunks of an epoch's batches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from hardmax.checks import check_whole
from hardmax.data.images.augmentation import Augmentation
from hardmax.data.sampling import balanced_order, order
from hardmax.errors import ArgumentError
from hardmax.processes.group import Group
from hardmax.training.contracts import Batches
from hardmax.training.weights import labels_of

__all__ = [
    "Chunk",
    "Loader",
    "Shares",
    "TensorLoader",
    "batch_count",
    "chunk_bounds",
    "chunks",
    "epoch_order",
    "first_batch",
]


class Sliced(Protocol):
    """An array that is split by slices."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Self: ...


Tensor = TypeVar("Tensor")
Rows = TypeVar("Rows", bound=Sliced)
Item = TypeVar("Item", bound=Sliced)


def chunk_bounds(batch: int, count: int, parts: int) -> tuple[int, int]:
    """Return (start, stop) of the chunk that contains batch number ``batch`` of ``count``.

    An epoch is split into ``parts`` chunks of nearly equal length, or into single batches if it
    has fewer batches than parts. After each chunk, each curve gets a point and the host waits for
    the device.
    """
    parts = min(max(parts, 1), count)
    index = -(-(batch + 1) * parts // count) - 1
    return index * count // parts, (index + 1) * count // parts


def epoch_order(
    count: int, seed: int, epoch: int, balanced_by: np.ndarray | None = None
) -> np.ndarray:
    """Return an epoch's order of ``count`` examples, int64 of shape (count,).

    With ``balanced_by``, their labels, it has equally many examples of each class.
    """
    if balanced_by is not None:
        return balanced_order(balanced_by, seed, epoch)
    return order(count, seed, epoch)


class Loader(Generic[Tensor, Rows]):
    """Batches of tensors (inputs..., labels); a subclass defines ``take``. Each pass is an epoch.

    With a ``seed``, the order is a function of (seed, epoch), where the first epoch is 0; without
    one, every epoch draws its order from the framework's generator. ``batch_size`` is reduced to
    ``count`` if it is larger. With ``balanced_by``, the examples' labels, a shuffled epoch has
    equally many examples of each class. With an ``augmentation``, the images of a shuffled epoch
    are changed at random. ``is_weighted`` is whether the labels in the batches have weights, as
    ``weights.weighted_labels`` returns them. Raises ArgumentError for a batch size below 1.
    """

    def __init__(self, count: int, batch_size: int, shuffle: bool):
        self.count = count
        # Capped at the data's size, because frameworks index arrays with 64-bit integers.
        self.batch_size = min(check_whole("batch size", batch_size, 1), max(count, 1))
        self.shuffle = shuffle
        self.seed: int | None = None
        self.balanced_by: np.ndarray | None = None
        self.augmentation: Augmentation | None = None
        self.is_weighted = False
        self.epoch = 0

    def __len__(self) -> int:
        """The number of batches, including a smaller last one."""
        return -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        return self.batches(self.next_order(), 0, self.count)

    def batches(self, order: Rows | None, start: int, stop: int) -> Iterator[tuple[Tensor, ...]]:
        """Return the batches of ``order[start:stop]``; of ``start:stop`` if the order is None."""
        if order is not None:
            return map(self.take, self.split(order[start:stop]))
        bounds = range(start, stop, self.batch_size)
        return (self.take(slice(at, min(at + self.batch_size, stop))) for at in bounds)

    def peek(self) -> tuple[Tensor, ...]:
        """Return the first batch in unshuffled order, without starting an epoch.

        Its images are not augmented, but have the size of those that are.
        """
        if self.augmentation is not None and self.augmentation.resizes:
            self.change(self.augmentation.unchanged(self.count))
        return self.take(slice(0, min(self.batch_size, self.count)))

    def next_order(self) -> Rows | None:
        """Start an epoch and return its order, as ``take`` receives it; None if unshuffled."""
        if not self.shuffle:
            return None
        seed = self.draw_seed() if self.seed is None else self.seed
        self.epoch += 1
        if self.augmentation is not None:
            self.change(self.augmentation.draw(self.count, seed, self.epoch - 1))
        return self.rows(epoch_order(self.count, seed, self.epoch - 1, self.balanced_by))

    @property
    def labels(self) -> object:
        """The labels of all examples, an array."""
        raise NotImplementedError

    def to(self, device: Any) -> None:
        """Move all batches to a device of the framework."""
        raise NotImplementedError

    def draw_seed(self) -> int:
        """Return a non-negative seed from the framework's global generator."""
        raise NotImplementedError

    def rows(self, order: np.ndarray) -> Rows:
        """Return an order, int64 of shape (count,), as ``take`` receives it."""
        raise NotImplementedError

    def change(self, changes: np.ndarray) -> None:
        """Change the images from now on as ``Augmentation.draw`` says, float32 (count, 12)."""
        raise NotImplementedError

    def take(self, rows: slice | Rows) -> tuple[Tensor, ...]:
        """Return the batch of the examples ``rows``: a slice, or part of an order."""
        raise NotImplementedError

    def split(self, order: Rows) -> Iterable[Rows]:
        """Split an order into batches."""
        return [order[at : at + self.batch_size] for at in range(0, len(order), self.batch_size)]


class TensorLoader(Loader[Item, Item]):
    """Batches of tensors that are all on the device, as are the orders.

    With ``are_images`` the first tensor is uint8, and is returned as float32 in [0, 1].
    ``changes`` is empty, or has the tensor of the images' changes.
    """

    def __init__(
        self, tensors: Sequence[Item], batch_size: int, shuffle: bool, are_images: bool = False
    ):
        super().__init__(len(tensors[0]), batch_size, shuffle)
        self.tensors = tuple(tensors)
        self.are_images = are_images
        self.changes: tuple[Item, ...] = ()

    @property
    def labels(self) -> Item:
        """The labels of all examples, the last tensor, without their weights."""
        labels: Item = labels_of(self.tensors[-1]) if self.is_weighted else self.tensors[-1]
        return labels

    @property
    def applied(self) -> Augmentation | None:
        """The augmentation of the batches; None before the first epoch."""
        return self.augmentation if self.changes else None

    @property
    def arrays(self) -> tuple[Item, ...]:
        """The tensors, and that of the changes, if there are any."""
        return (*self.tensors, *self.changes)

    def weigh(self, labels: np.ndarray) -> None:
        """Give the examples labels with weights, as ``weights.weighted_labels`` returns them."""
        self.tensors = (*self.tensors[:-1], self.floats(labels))
        self.is_weighted = True

    def change(self, changes: np.ndarray) -> None:
        """Change the images from now on as ``Augmentation.draw`` says, float32 (count, 12)."""
        self.changes = (self.floats(changes),)

    def floats(self, array: np.ndarray) -> Item:
        """Return a float32 array as a tensor; each backend defines it."""
        raise NotImplementedError


@dataclass(frozen=True)
class Chunk(Generic[Item]):
    """Consecutive batches: the examples ``order[start:stop]``; ``start:stop`` if order is None."""

    loader: TensorLoader[Item]
    order: Item | None
    start: int
    stop: int

    def __iter__(self) -> Iterator[tuple[Item, ...]]:
        return self.loader.batches(self.order, self.start, self.stop)


@dataclass(frozen=True)
class Shares(Generic[Tensor, Rows]):
    """This process's shares of consecutive batches, each with the size of its whole batch.

    The examples of the batches are as in a Chunk; see ``Group.share``.
    """

    loader: Loader[Tensor, Rows]
    order: Rows | None
    start: int
    stop: int
    group: Group

    def __iter__(self) -> Iterator[tuple[tuple[Tensor, ...], int]]:
        for at in range(self.start, self.stop, self.loader.batch_size):
            whole = min(self.loader.batch_size, self.stop - at)
            share = self.group.share(whole)
            rows = slice(at + share.start, at + share.stop)
            yield self.loader.take(rows if self.order is None else self.order[rows]), whole


def first_batch(batches: Batches[Tensor]) -> Sequence[Tensor]:
    """Return the first batch; of a Loader, without starting an epoch."""
    return batches.peek() if isinstance(batches, Loader) else next(iter(batches))


def batch_count(batches: Batches[Tensor] | None, name: str) -> int:
    """Return the number of batches per epoch, 0 for None. Raises ArgumentError if unknown."""
    if batches is None:
        return 0
    try:
        return len(batches)
    except TypeError:
        raise ArgumentError(
            f"{name} must return batches with a length that can be iterated again, got "
            f"{type(batches).__name__}; use get_tensorloader() or a list"
        ) from None


def chunks(
    loader: Batches[Tensor],
    parts: int,
    first: int = 0,
    piece_end: Callable[[int], int] | None = None,
    group: Group = Group(),  # noqa: B008 (of one process)
) -> Iterator[Any]:
    """Split the next epoch of ``loader`` into ``parts`` chunks; see ``chunk_bounds``.

    A TensorLoader yields Chunk objects, which a compiled engine can process in one call; any other
    sized iterable yields plain iterators over its batches. Those of a Loader start with batch
    ``first``, and are divided into pieces: one that starts with a batch ends before ``piece_end``
    of it, or earlier. With a ``group`` of several processes, the chunks of a Loader are Shares.
    """
    bounds = _bounds(len(loader), parts, first, piece_end)
    if not isinstance(loader, Loader):
        batches = iter(loader)
        yield from (islice(batches, stop - start) for start, stop in bounds)
        return
    order, size = loader.next_order(), loader.batch_size
    for start, stop in bounds:
        chunk = (order, start * size, min(stop * size, loader.count))
        if group.size > 1:
            yield Shares(loader, *chunk, group)
            continue
        yield Chunk(loader, *chunk) if isinstance(loader, TensorLoader) else loader.batches(*chunk)


def _bounds(
    count: int, parts: int, stop: int, piece_end: Callable[[int], int] | None
) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of each chunk, or piece of one, of ``count`` batches from ``stop`` on."""
    while stop < count:
        start, stop = stop, chunk_bounds(stop, count, parts)[1]
        if piece_end is not None:
            stop = min(stop, piece_end(start))
        yield start, stop
