"""The group of the processes of a training: what they exchange on the host."""

import atexit
import contextlib
import logging
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TypeAlias

import numpy as np

import hardmax
from hardmax.errors import ArgumentError, HardmaxError
from hardmax.processes.environment import LOOPBACK, Place, place
from hardmax.processes.messages import Message, receive, send
from hardmax.processes.watch import Watch

__all__ = ["Group", "group"]

#: The seconds in which all processes must have started, and those after which it is told that some
#: have not.
TIMEOUT, PATIENCE = 300.0, 10.0

log = logging.getLogger(__name__)

Arrays: TypeAlias = list[np.ndarray]
Connections: TypeAlias = dict[int, socket.socket]


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
    data, watched = _accepted(here) if here.is_first else _connected(here)
    watch = Watch(here, watched)

    def end() -> None:
        error = getattr(sys, "last_value", None)
        if error is not None:
            watch.problem = f"{type(error).__name__}: {error}"
        watch.end()

    atexit.register(end)
    return Group(here, data, watch)


def _accepted(here: Place) -> tuple[Connections, Connections]:
    """Return the first process's connections to the others, for data and for watching."""
    host = LOOPBACK if here.local_size == here.size else ""
    try:
        server = socket.create_server((host, here.port), backlog=2 * here.size)
    except OSError as error:
        raise ArgumentError(
            f"cannot wait for the other processes on port {here.port}, one above MASTER_PORT: "
            f"{error.strerror}; choose another MASTER_PORT"
        ) from error
    found: dict[str, Connections] = {"data": {}, "watch": {}}
    deadline = time.monotonic() + TIMEOUT
    until = min(time.monotonic() + PATIENCE, deadline)
    with server:
        while any(len(one) < here.size - 1 for one in found.values()):
            server.settimeout(max(until - time.monotonic(), 0.01))
            try:
                connection, _ = server.accept()
            except TimeoutError:
                ranks = {*range(1, here.size)} - {*found["watch"]}
                missing = f"of {here.size} processes, {', '.join(map(str, sorted(ranks)))}"
                if until < deadline:
                    log.warning("hardmax: %s did not start yet; waiting for them", missing)
                    until = deadline
                    continue
                raise ArgumentError(
                    f"{missing} did not start within {TIMEOUT:g} s; start as many as WORLD_SIZE "
                    "says, all with the same MASTER_ADDR and MASTER_PORT"
                ) from None
            greeting = _greeting(connection)
            if greeting is None:
                continue
            rank, known = greeting.values["rank"], found[greeting.values["channel"]]
            if rank in known:
                raise ArgumentError(
                    f"two processes have RANK={rank}; give each of the {here.size} one of its own"
                )
            with contextlib.suppress(OSError):  # it is noticed by those that watch
                send(connection, {"version": hardmax.__version__, "size": here.size}, [])
            # Another tells that it has another WORLD_SIZE.
            if rank < here.size:
                known[rank] = connection
    return found["data"], found["watch"]


def _greeting(connection: socket.socket) -> Message | None:
    """Return the first message of a process; None of a stranger."""
    connection.settimeout(10)
    try:
        greeting = receive(connection)
        rank, channel = greeting.values["rank"], greeting.values["channel"]
        is_known = isinstance(rank, int) and rank > 0 and channel in ("data", "watch")
    except (EOFError, OSError, ValueError, LookupError, TypeError, MemoryError, RecursionError):
        is_known = False
    if not is_known:
        connection.close()
        return None
    _prepare(connection)
    return greeting


def _connected(here: Place) -> tuple[Connections, Connections]:
    """Return the connections of another process to the first, for data and for watching."""
    deadline = time.monotonic() + TIMEOUT
    connections = []
    for channel in ("data", "watch"):
        connection = _connection(here, deadline)
        # The first process may be busy with others.
        connection.settimeout(max(deadline - time.monotonic(), 10))
        try:
            send(connection, {"rank": here.rank, "channel": channel}, [])
            values = receive(connection).values
            first = values["version"], values["size"]
        except (EOFError, OSError, ValueError, LookupError, TypeError) as error:
            connection.close()
            raise ArgumentError(
                f"what {here} reaches at {here.address}, port {here.port}, one above MASTER_PORT, "
                "is not process 0; start all with the same MASTER_ADDR and MASTER_PORT"
            ) from error
        mine = (hardmax.__version__, here.size)
        if first != mine:
            raise ArgumentError(
                f"{here} has hardmax {mine[0]} and WORLD_SIZE={mine[1]}, and process 0 has hardmax "
                f"{first[0]} and WORLD_SIZE={first[1]}; start all processes alike"
            )
        _prepare(connection)
        connections.append({0: connection})
        deadline = min(deadline, time.monotonic() + PATIENCE)  # the first process has started
    return connections[0], connections[1]


def _connection(here: Place, deadline: float) -> socket.socket:
    """Return a connection to the first process, once it has started."""
    while True:
        problem = "no answer"
        try:
            connection = socket.create_connection((here.address, here.port), timeout=10)
            # A port of this machine that nobody waits on may be that of the connection itself.
            if connection.getsockname() != connection.getpeername():
                return connection
            connection.close()
        except OSError as error:
            problem = error.strerror or str(error)
        if time.monotonic() > deadline:
            raise ArgumentError(
                f"{here} cannot reach process 0 at {here.address}, port {here.port}, one above "
                f"MASTER_PORT: {problem}; start all with the same MASTER_ADDR and MASTER_PORT"
            )
        time.sleep(0.1)


def _prepare(connection: socket.socket) -> None:
    """Let a connection wait for messages without end, and send small ones at once."""
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
