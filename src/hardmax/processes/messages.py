"""Messages between processes: a line of JSON, and arrays."""

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Message", "receive", "send"]

#: The length of the line of JSON, in bytes.
LENGTH = struct.Struct("!I")

#: The most bytes of that line, so that a stranger's message is not taken for one of ours.
MOST = 2**20


class Message(NamedTuple):
    """A message: JSON values by name, and arrays of numbers."""

    values: dict[str, Any]
    arrays: list[np.ndarray]


def send(connection: socket.socket, values: dict[str, Any], arrays: Sequence[np.ndarray]) -> None:
    """Send a message. Raises OSError if the other end is closed."""
    kinds = [(array.dtype.str, array.shape) for array in arrays]
    line = json.dumps([values, kinds]).encode()
    connection.sendall(LENGTH.pack(len(line)) + line)
    for array in arrays:
        if array.size:
            connection.sendall(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def receive(connection: socket.socket) -> Message:
    """Receive a message. Raises EOFError or OSError if the other end is closed.

    Raises ValueError if it is not a message of hardmax.
    """
    (length,) = LENGTH.unpack(_read(connection, LENGTH.size))
    if length > MOST:
        raise ValueError("not a message of hardmax")
    values, kinds = json.loads(_read(connection, length))
    arrays = []
    for kind, shape in kinds:
        array = np.empty(shape, kind)
        if array.size:
            _read_into(connection, array.reshape(-1).view(np.uint8).data)
        arrays.append(array)
    return Message(values, arrays)


def _read(connection: socket.socket, count: int) -> bytearray:
    data = bytearray(count)
    _read_into(connection, memoryview(data))
    return data


def _read_into(connection: socket.socket, buffer: memoryview) -> None:
    """Fill a buffer. Raises EOFError if the other end is closed."""
    while buffer:
        count = connection.recv_into(buffer)
        if not count:
            raise EOFError
        buffer = buffer[count:]
