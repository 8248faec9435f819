"""Gathers requests that are in progress, so that their examples are computed together."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from time import monotonic, perf_counter
from typing import NamedTuple

import numpy as np

from hardmax.checks import shortened
from hardmax.serving.errors import RequestError
from hardmax.serving.limits import Limits
from hardmax.serving.model import ServedModel

__all__ = ["Batcher", "OnBatch"]

Tensors = dict[str, np.ndarray]

#: An example counts as one more for each of so many characters in its texts, whose n-grams take
#: some 400 times their memory.
CHARACTERS = 2**11

#: The most characters of a text.
MAX_TEXT = 2**17

#: Receives the name of the model, the number of examples and the seconds of each batch.
OnBatch = Callable[[str, int, float], None]


class Batcher:
    """Computes the examples of requests with a ``model``, batch by batch in a thread of its own.

    A batch has the examples that have queued while the last one was computed, at most
    ``limits.batch``; a request with more takes several, in turn with the others. A batch waits at
    most ``limits.wait`` seconds, and only while there are requests on their way. An example with
    long texts counts as several. ``on_batch`` is called after each batch. All methods are for the
    thread of the event loop.
    """

    def __init__(self, model: ServedModel, limits: Limits, on_batch: OnBatch | None = None):
        self.model = model
        self._size = min(limits.batch, model.largest_batch)
        self._wait = limits.wait
        self._on_batch = on_batch
        self._thread = ThreadPoolExecutor(1, "hardmax-batches")
        self._queue: deque[_Request] = deque()
        self._arriving = 0
        self._is_busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._idle: asyncio.Future[None] | None = None

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """Say that a request is on its way, until the block ends; ``compute`` comes after it."""
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1
            self._start_soon()

    async def compute(self, feeds: Tensors) -> Tensors:
        """Return the outputs of the model for the examples of a request.

        Its examples are dropped if it is cancelled. Raises RequestError if there are none, or for a
        text of more than MAX_TEXT characters.
        """
        sizes = _sizes(feeds)
        if not len(sizes):
            raise RequestError("the request has no examples; give at least one")
        request = _Request(feeds, sizes, asyncio.get_running_loop().create_future())
        self._queue.append(request)
        self._start_soon()
        return await request.outputs

    async def close(self) -> None:
        """Wait until all requests are done, also those on their way, and end the thread."""
        # A request of many images is on its way again after a part of them.
        while self._is_busy or self._queue or self._arriving:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle
        self._thread.shutdown(wait=False)

    def _start_soon(self) -> None:
        """Start a batch when all requests that the event loop has read by now have been seen."""
        asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        """Start a batch, unless one is being computed or there is reason to wait."""
        if self._is_busy:
            return
        while self._queue and self._queue[0].outputs.done():
            self._queue.popleft()  # it was cancelled
        if not self._queue:
            if self._idle and not self._arriving and not self._idle.done():
                self._idle.set_result(None)
            return
        left = self._queue[0].since + self._wait - monotonic()
        queued = sum(request.size for request in self._queue)
        if self._arriving and left > 0 and queued < self._size:
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(left, self._stop_waiting)
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._compute(self._take())

    def _stop_waiting(self) -> None:
        self._timer = None
        self._start()

    def _take(self) -> list["_Part"]:
        """Return the examples of the next batch."""
        parts: list[_Part] = []
        room = self._size
        while self._queue and room > 0:
            request = self._queue.popleft()
            if request.outputs.done():  # it was cancelled, or one of its batches failed
                continue
            part = request.take(room, at_least=not parts)
            if part is None:
                self._queue.appendleft(request)
                break
            parts.append(part)
            room -= part.size
            if request.size:
                self._queue.append(request)
        return parts

    def _compute(self, parts: Sequence["_Part"]) -> None:
        def finish(computed: "asyncio.Future[tuple[list[Tensors | Exception], float]]") -> None:
            self._is_busy = False
            results, seconds = computed.result()
            for part, result in zip(parts, results, strict=True):
                part.request.add(result)
            if self._on_batch is not None:
                self._on_batch(self.model.name, sum(part.number for part in parts), seconds)
            self._start()

        self._is_busy = True
        feeds = [part.feeds for part in parts]
        loop = asyncio.get_running_loop()
        loop.run_in_executor(self._thread, _timed, self.model, feeds).add_done_callback(finish)


class _Request:
    """The examples of a request; ``size`` is what those that are in no batch yet count as."""

    def __init__(
        self, feeds: Tensors, sizes: np.ndarray, outputs: "asyncio.Future[Tensors]"
    ) -> None:
        self.outputs = outputs
        self.since = monotonic()
        self._feeds = feeds
        self._ends = np.cumsum(sizes)
        self._taken = 0
        self._found: list[Tensors] = []

    @property
    def size(self) -> int:
        return int(self._ends[-1]) - self._size_of_taken

    @property
    def _size_of_taken(self) -> int:
        return int(self._ends[self._taken - 1]) if self._taken else 0

    def take(self, most: int, *, at_least: bool) -> "_Part | None":
        """Return the next examples that count as ``most`` or less; None if that is none.

        With ``at_least``, one is returned in any case.
        """
        start, before = self._taken, self._size_of_taken
        stop = int(np.searchsorted(self._ends, before + most, side="right"))
        stop = max(stop, start + at_least)
        if stop == start:
            return None
        self._taken = stop
        feeds = {name: values[start:stop] for name, values in self._feeds.items()}
        return _Part(self, feeds, stop - start, self._size_of_taken - before)

    def add(self, result: Tensors | Exception) -> None:
        """Add the outputs of the examples that were taken, or why there are none."""
        if self.outputs.done():
            return
        if isinstance(result, Exception):
            self.outputs.set_exception(result)
            return
        self._found.append(result)
        if not self.size:
            self.outputs.set_result(_joined(self._found))


class _Part(NamedTuple):
    """Some examples of a request: how many, and what they count as."""

    request: _Request
    feeds: Tensors
    number: int
    size: int


def _sizes(feeds: Tensors) -> np.ndarray:
    """Return what each example counts as, int64 (examples,).

    Raises RequestError for a text of more than MAX_TEXT characters.
    """
    texts = {name: values for name, values in feeds.items() if values.dtype == object}
    sizes = np.ones(len(next(iter(feeds.values()))), np.int64)
    characters = np.zeros_like(sizes)
    for name, values in texts.items():
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        if lengths.max(initial=0) > MAX_TEXT:
            raise RequestError(
                f"column {shortened(name)!r}, row {lengths.argmax() + 1} has {lengths.max()} "
                f"characters; at most {MAX_TEXT} are allowed",
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            )
        characters += lengths
    return sizes + characters // CHARACTERS


def _timed(model: ServedModel, feeds: Sequence[Tensors]) -> tuple[list[Tensors | Exception], float]:
    """Return the outputs for each of several feeds, or an exception, and the seconds it took."""
    start = perf_counter()
    results = _computed(model, feeds)
    return results, perf_counter() - start


def _computed(model: ServedModel, feeds: Sequence[Tensors]) -> list[Tensors | Exception]:
    """Return the outputs for each of several feeds; if they fail together, each alone."""
    try:
        outputs = model.compute(_joined(feeds))
    except Exception as error:
        if len(feeds) == 1:
            return [error]
        return [result for one in feeds for result in _computed(model, [one])]
    ends = np.cumsum([len(next(iter(one.values()))) for one in feeds])[:-1]
    parts = {name: np.split(values, ends) for name, values in outputs.items()}
    return [{name: parts[name][place] for name in parts} for place in range(len(feeds))]


def _joined(tensors: Sequence[Tensors]) -> Tensors:
    """Return the tensors of several groups of examples as those of all."""
    first = tensors[0]
    if len(tensors) == 1:
        return first
    return {name: np.concatenate([one[name] for one in tensors]) for name in first}
