"""Ends all processes of a training once one of them has ended without the others."""

import contextlib
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Mapping

from hardmax.checks import plain
from hardmax.files import discard_unfinished
from hardmax.processes.environment import Place
from hardmax.processes.messages import receive, send

__all__ = ["Watch"]

#: The seconds in which the first process may tell the same error itself.
GRACE = 1.0

#: The seconds in which the end of another process is noticed, for which an error may be the cause.
NOTICED = 3.0


class Watch:
    """Watches the other processes over connections by rank; of any but the first, only that one.

    One that ends without having said so has died: its end is told on one line of stderr, by the
    first process that is left, to which ``advice`` is added, and all others end.
    """

    def __init__(self, place: Place, connections: Mapping[int, socket.socket]):
        self.place, self.advice = place, ""
        self.connections = dict(connections)
        self.problem = ""
        self.is_ending = threading.Event()
        threading.Thread(target=self._run, name="hardmax watch", daemon=True).start()

    def fail(self, problem: str) -> None:
        """Say that this process ends because of a problem, which it tells itself if it is first."""
        self.problem = problem or "an error"
        self.end()
        if not self.place.is_first:
            self.await_others()

    def end(self) -> None:
        """Say that this process ends."""
        if self.is_ending.is_set():
            return
        self.is_ending.set()
        for connection in [*self.connections.values()]:
            with contextlib.suppress(OSError):
                send(connection, {"end": self.problem}, [])

    def await_others(self) -> None:
        """Wait until this process is ended, if the end of another one is the cause of an error."""
        time.sleep(NOTICED)

    def _run(self) -> None:
        while self.connections:
            ready, _, _ = select.select([*self.connections.values()], [], [])
            for rank, connection in [*self.connections.items()]:
                if connection in ready:
                    self._hear(rank, connection)

    def _hear(self, rank: int, connection: socket.socket) -> None:
        """Receive that another process ends, or that it has ended."""
        try:
            problem: str | None = receive(connection).values["end"]
        except (EOFError, OSError):
            problem = None
        del self.connections[rank]
        if problem == "" or (problem is None and self.is_ending.is_set()):
            return
        teller = 1 if rank == 0 else 0
        if problem is None and self.place.rank == teller:
            self._tell(f"process {rank} of {self.place.size} ended unexpectedly")
        elif problem is not None and self.place.is_first and not self.is_ending.wait(GRACE):
            self._tell(f"process {rank} of {self.place.size}: {problem}")
        if not (self.place.is_first and self.is_ending.is_set()):
            self._exit(2 if self.place.is_first and problem is not None else 1)

    def _tell(self, line: str) -> None:
        # Not print: the main thread may hold the lock of the stream, and never come back.
        text = plain(f"hardmax: {line}; the training is stopped{self.advice}") + "\n"
        with contextlib.suppress(OSError):
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, text.encode())

    def _exit(self, code: int) -> None:
        """End this process at once, as its main thread may wait for one that is gone."""
        self.problem = "another process has ended"
        self.end()
        discard_unfinished()
        os._exit(code)
