"""Many files at once: in threads, in their order, with a progress bar."""

import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_threads"]

Item = TypeVar("Item")
Result = TypeVar("Result")

#: How many items a thread takes at a time.
CHUNK = 64


def in_threads(
    function: Callable[[Sequence[Item]], Result], items: Sequence[Item], title: str
) -> Iterator[Result]:
    """Yield what a function gives for the items, some at a time, in the items' order."""
    workers = os.cpu_count() or 1
    pool = ThreadPoolExecutor(workers)
    begun: deque[tuple[int, Future[Result]]] = deque()
    try:
        with _bar(title, len(items)) as advance:
            for at in range(0, len(items), CHUNK):
                chunk = items[at : at + CHUNK]
                begun.append((len(chunk), pool.submit(function, chunk)))
                # No more than this, so that results cannot heap up.
                if len(begun) > 2 * workers:
                    yield _first(begun, advance)
            while begun:
                yield _first(begun, advance)
    finally:
        # Ctrl-C must not wait for what nobody has begun.
        pool.shutdown(cancel_futures=True)


def _first(begun: "deque[tuple[int, Future[Result]]]", advance: Callable[[int], None]) -> Result:
    """Return the result that was begun first, and move the bar."""
    count, future = begun.popleft()
    result = future.result()
    advance(count)
    return result


@contextlib.contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give what moves a progress bar, which is on stderr where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=total)
        yield lambda count: bars.advance(task, count)
