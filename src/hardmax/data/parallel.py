"""Process many files in threads, in order, and show progress bars."""

import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from hardmax.plotting.drawers import redraws

__all__ = ["in_threads", "progress_bar"]

Item = TypeVar("Item")
Result = TypeVar("Result")

#: How many items a thread processes at a time.
CHUNK = 64


def in_threads(
    function: Callable[[Sequence[Item]], Result],
    items: Sequence[Item],
    title: str | None,
    size: int = CHUNK,
) -> Generator[Result, None, None]:
    """Yield the results of ``function`` for chunks of ``size`` items, in order.

    ``title`` is that of the progress bar, None for no bar.
    """
    workers = os.cpu_count() or 1
    pool = ThreadPoolExecutor(workers)
    pending: deque[tuple[int, Future[Result]]] = deque()
    try:
        with progress_bar(title, len(items)) as advance:
            for at in range(0, len(items), size):
                chunk = items[at : at + size]
                pending.append((len(chunk), pool.submit(function, chunk)))
                # A bound, so that results cannot pile up.
                if len(pending) > 2 * workers:
                    yield _first(pending, advance)
            while pending:
                yield _first(pending, advance)
    finally:
        # Ctrl-C must not wait for chunks that have not started.
        pool.shutdown(cancel_futures=True)


def _first(pending: "deque[tuple[int, Future[Result]]]", advance: Callable[[int], None]) -> Result:
    """Return the first pending result, and advance the bar."""
    count, future = pending.popleft()
    result = future.result()
    advance(count)
    return result


@contextlib.contextmanager
def progress_bar(title: str | None, total: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that advances a progress bar, shown if stderr is a terminal.

    None as its title shows no bar.
    """
    if title is None or not redraws(sys.stderr):
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=total)
        yield lambda count: bars.advance(task, count)
