"""A client that has many requests in flight, each on a connection of its own."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle

import uvloop

__all__ = ["Load", "Request", "encoded", "send"]

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

#: The most seconds that an answer may take.
TIMEOUT = 60


@dataclass(frozen=True)
class Request:
    """The bytes of an HTTP request, and the status and content that its answer has to have."""

    content: bytes
    is_right: Callable[[int, bytes], bool]


@dataclass
class Load:
    """What a number of requests took: the seconds of each, and of all together.

    ``wrong`` are the answers that are not right.
    """

    seconds: list[float]
    total: float
    wrong: list[tuple[int, bytes]]

    @property
    def rate(self) -> float:
        """The requests per second."""
        return len(self.seconds) / self.total


def encoded(path: str, body: bytes, content_type: str, **headers: str) -> bytes:
    """Return a POST request."""
    lines = [f"POST {path} HTTP/1.1", "host: localhost", f"content-type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def send(port: int, requests: Sequence[Request], count: int, clients: int) -> Load:
    """Send ``count`` requests to localhost, the given ones in turn, ``clients`` at a time."""
    return uvloop.run(_send(port, requests, count, clients))


async def _send(port: int, requests: Sequence[Request], count: int, clients: int) -> Load:
    load = Load([], 0.0, [])
    waiting = cycle(requests)
    left = iter(range(count))
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(clients)]
    start = time.perf_counter()

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in left:
            request = next(waiting)
            sent = time.perf_counter()
            writer.write(request.content)
            async with asyncio.timeout(TIMEOUT):
                status, content = await read_answer(reader)
            load.seconds.append(time.perf_counter() - sent)
            if not request.is_right(status, content):
                load.wrong.append((status, content))
        writer.close()

    await asyncio.gather(*(ask(*connection) for connection in connections))
    load.total = time.perf_counter() - start
    return load


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the status and the content of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    content = await reader.readexactly(int(length[1])) if length else b""
    return int(head.split(b" ", 2)[1]), content
