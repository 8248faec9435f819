"""The group of the processes of a training: what they exchange on the host."""

import atexit
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TypeAlias

import numpy as np

from hardmax.errors import HardmaxError
from hardmax.processes.environment import Place, place
from hardmax.processes.joining import Connections, accepted, connected
from hardmax.processes.messages import receive, send
from hardmax.processes.watch import Watch

__all__ = ["Group", "group"]

Arrays: TypeAlias = list[np.ndarray]


class Group:
    """The processes of a training, of which this one has a ``place``; by default it is alone.

    Each method but ``share`` is called by all of them, in the same order, and returns the same in
    all. ``connections`` are those to the other processes by rank: the first process has one to
    each, and the others one to the first.
    """

    def __init__(
        self,
        place: Place = Place(),  # noqa: B008 (it is immutable)
        connections: Connections | None = None,
        watch: Watch | None = None,
    ):
        self.place, self.connections, self.watch = place, connections or {}, watch

    @property
    def size(self) -> int:
        """The number of processes."""
        return self.place.size

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.place.is_first

    def share(self, count: int) -> slice:
        """Return this process's part of ``count`` consecutive examples, which may be empty.

        The parts of all processes, in the order of their ranks, are all of the examples, and differ
        by one at most.
        """
        rank, size = self.place.rank, self.size
        return slice(count * rank // size, count * (rank + 1) // size)

    def sum(self, *arrays: np.ndarray) -> Arrays:
        """Return the sums of the processes' arrays, of equal shapes, float64 and added by rank."""

        def summed(parts: Sequence[Arrays]) -> Arrays:
            wide = ([array.astype(np.float64) for array in part] for part in parts)
            return [np.sum(column, axis=0) for column in zip(*wide, strict=True)]

        return self._exchange("sum", [*map(np.asarray, arrays)], summed)

    def gather(self, array: np.ndarray) -> np.ndarray:
        """Return the processes' arrays in the order of their ranks, joined along the first axis.

        Those of length 0 may have any further axes.
        """

        def joined(parts: Sequence[Arrays]) -> Arrays:
            arrays = [part[0] for part in parts]
            return [np.concatenate([one for one in arrays if len(one)] or arrays[:1])]

        return self._exchange("gather", [array], joined)[0]

    def from_first(self, *arrays: np.ndarray) -> Arrays:
        """Return the arrays of the first process; those of the others are not looked at."""
        mine = [*map(np.asarray, arrays)] if self.is_first else []
        return self._exchange("from_first", mine, lambda parts: parts[0])

    def wait(self) -> None:
        """Wait until all processes have come here."""
        self._exchange("wait", [], lambda _: [])

    def _exchange(
        self, name: str, mine: Arrays, combine: Callable[[Sequence[Arrays]], Arrays]
    ) -> Arrays:
        """Return what the first process makes of the arrays of all, in the order of their ranks."""
        if self.size == 1:
            return combine([mine])
        with self.guarded():
            if not self.is_first:
                with self._present(0):
                    send(self.connections[0], {"call": name}, mine)
                    return receive(self.connections[0]).arrays
            parts = [mine]
            for rank in range(1, self.size):
                with self._present(rank):
                    values, arrays = receive(self.connections[rank])
                if values["call"] != name:
                    raise HardmaxError(
                        f"the processes do not do the same: process {rank} of {self.size} calls "
                        f"{values['call']}, and process 0 {name}; call fit, evaluate and scores in "
                        "all of them, with the same arguments"
                    )
                parts.append(arrays)
            result = combine(parts)
            for rank in range(1, self.size):
                with self._present(rank):
                    send(self.connections[rank], {}, result)
            return result

    @contextlib.contextmanager
    def _present(self, rank: int) -> Iterator[None]:
        """Raise HardmaxError if another process has ended without an error, as if all was done."""
        try:
            yield
        except (EOFError, OSError) as error:
            if self.watch is not None:
                self.watch.await_others()
            raise HardmaxError(
                f"process {rank} of {self.size} has ended, and the others are not done; call fit, "
                "evaluate and scores in all of them, with the same arguments"
            ) from error

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Let an error that comes from the end of another process end this one without more words.

        Of any other error only the telling is delayed.
        """
        try:
            yield
        except Exception as error:
            if self.watch is not None and not isinstance(error, HardmaxError):
                self.watch.await_others()
            raise

    def advise(self, advice: str) -> None:
        """Set what is said once a process has died, after a semicolon, about going on."""
        if self.watch is not None:
            self.watch.advice = f"; {advice}" if advice else ""

    def fail(self, problem: str) -> None:
        """Say to the other processes that this one ends because of a problem.

        Any but the first waits for the first process to tell it, and to end it.
        """
        if self.watch is not None:
            self.watch.fail(problem)


@cache
def group() -> Group:
    """Return the group of this process, which the first call joins if there are several.

    Raises ArgumentError if the environment says something impossible, or if not all processes
    start within TIMEOUT.
    """
    here = place()
    if here.size == 1:
        return Group()
    data, watched = accepted(here) if here.is_first else connected(here)
    watch = Watch(here, watched)

    def end() -> None:
        error = getattr(sys, "last_value", None)
        if error is not None:
            watch.problem = f"{type(error).__name__}: {error}"
        watch.end()

    atexit.register(end)
    return Group(here, data, watch)
