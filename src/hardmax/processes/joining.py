"""How processes that are started together find each other."""

import contextlib
import logging
import socket
import time
from collections.abc import Mapping
from typing import TypeAlias

import hardmax
from hardmax.errors import ArgumentError
from hardmax.processes.environment import LOOPBACK, Place
from hardmax.processes.messages import Message, receive, send

__all__ = ["Connections", "accepted", "connected"]

#: The seconds in which all processes must have started, and those after which it is told that some
#: have not.
TIMEOUT, PATIENCE = 300.0, 10.0

log = logging.getLogger(__name__)

#: Connections to other processes by their ranks.
Connections: TypeAlias = dict[int, socket.socket]


def accepted(here: Place) -> tuple[Connections, Connections]:
    """Return the first process's connections to the others, for data and for watching."""
    found: dict[str, Connections] = {"data": {}, "watch": {}}
    deadline = time.monotonic() + TIMEOUT
    until = min(time.monotonic() + PATIENCE, deadline)
    with _server(here) as server:
        while any(len(one) < here.size - 1 for one in found.values()):
            server.settimeout(max(until - time.monotonic(), 0.01))
            try:
                connection, _ = server.accept()
            except TimeoutError:
                _tell_missing(here, found["watch"], is_last=until == deadline)
                until = deadline
            else:
                _admit(here, connection, found)
    return found["data"], found["watch"]


def _server(here: Place) -> socket.socket:
    """Return the socket on which the first process waits for the others."""
    host = LOOPBACK if here.local_size == here.size else ""
    try:
        return socket.create_server((host, here.port), backlog=2 * here.size)
    except OSError as error:
        raise ArgumentError(
            f"cannot wait for the other processes on port {here.port}, one above MASTER_PORT: "
            f"{error.strerror}; choose another MASTER_PORT"
        ) from error


def _tell_missing(here: Place, found: Connections, *, is_last: bool) -> None:
    """Tell which processes did not start yet. Raises ArgumentError if they have had their time."""
    ranks = sorted({*range(1, here.size)} - {*found})
    missing = f"of {here.size} processes, {', '.join(map(str, ranks))}"
    if is_last:
        raise ArgumentError(
            f"{missing} did not start within {TIMEOUT:g} s; start as many as WORLD_SIZE says, all "
            "with the same MASTER_ADDR and MASTER_PORT"
        )
    log.warning("hardmax: %s did not start yet; waiting for them", missing)


def _admit(here: Place, connection: socket.socket, found: Mapping[str, Connections]) -> None:
    """Add a connection to those found, unless it is that of a stranger."""
    greeting = _greeting(connection)
    if greeting is None:
        return
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


def connected(here: Place) -> tuple[Connections, Connections]:
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
