"""Where this process stands among those of a training, by what torchrun sets."""

import os
import socket
from typing import NamedTuple

from hardmax.errors import ArgumentError

__all__ = ["LOOPBACK", "Place", "environments", "free_port", "place"]

#: What torchrun and its kin set for each process.
REQUIRED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")

#: The address at which processes of one machine reach each other.
LOOPBACK = "127.0.0.1"

#: The most processes.
MOST = 2**20


class Place(NamedTuple):
    """The ``rank`` of a process among ``size`` of them.

    ``local_rank`` is its rank among those on its machine, ``local_size`` their number. ``address``
    is the machine of the first process, and ``port`` that on which it waits for the others.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    address: str = "localhost"
    port: int = 0

    def __str__(self) -> str:
        return f"process {self.rank} of {self.size}"

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0


def place() -> Place:
    """Return the place of this process; alone, unless the environment says otherwise.

    The port is the one above ``MASTER_PORT``, on which the framework or torchrun itself waits.
    Raises ArgumentError if what the environment says is incomplete or impossible.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1":
        return Place()
    missing = [name for name in REQUIRED if name not in os.environ]
    if missing:
        raise ArgumentError(
            f"WORLD_SIZE={os.environ['WORLD_SIZE']} asks for several processes, but "
            f"{', '.join(missing)} is not set; start them with torchrun, or unset WORLD_SIZE"
        )
    size = _whole("WORLD_SIZE", 1)
    rank, port = _whole("RANK", 0, size - 1), _whole("MASTER_PORT", 1, 2**16 - 2)
    local_rank = _whole("LOCAL_RANK", 0) if "LOCAL_RANK" in os.environ else 0
    local_size = _whole("LOCAL_WORLD_SIZE", 1) if "LOCAL_WORLD_SIZE" in os.environ else 1
    # The name of a machine may stand for any of its addresses; all are reached by this one.
    address = LOOPBACK if local_size == size else os.environ["MASTER_ADDR"]
    return Place(rank, size, local_rank, local_size, address, port + 1)


def environments(count: int) -> list[dict[str, str]]:
    """Return the environments of ``count`` processes to start together on this machine."""
    if count == 1:
        return [dict(os.environ)]
    shared = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": _free_pair()}
    of_each = [{"RANK": rank, "LOCAL_RANK": rank} for rank in range(count)]
    return [
        {
            **os.environ,
            "MASTER_ADDR": LOOPBACK,
            **{name: str(number) for name, number in (shared | own).items()},
        }
        for own in of_each
    ]


def free_port() -> int:
    """Return a port of this machine that nobody waits on."""
    with socket.create_server(("", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _free_pair() -> int:
    """Return a port of this machine that is free, as is the one above it."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind((LOOPBACK, 0))
            port: int = first.getsockname()[1]
            try:
                second.bind((LOOPBACK, port + 1))
            except (OSError, OverflowError):
                continue
            return port


def _whole(name: str, least: int, most: int = MOST) -> int:
    """Return an environment variable as an integer. Raises ArgumentError if it is none."""
    text = os.environ[name]
    if text.isascii() and text.isdecimal() and int(text) in range(least, most + 1):
        return int(text)
    raise ArgumentError(
        f"the environment variable {name} must be a whole number from {least} to {most}, got "
        f"{text!r}; start the processes with torchrun"
    )
