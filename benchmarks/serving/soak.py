"""Sends ``hardmax serve`` good and bad requests: ``python -m benchmarks.serving.soak``.

One in ten is malformed, too large or cut off. Every answer has to be right, bad requests get a
status of 400 to 499, and no memory may be lost.
"""

import argparse
import asyncio
import contextlib
import io
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import uvloop
from PIL import Image

from benchmarks.options import are_installed, positive
from benchmarks.serving.cases import (
    Case,
    image_case,
    of_plain,
    of_tensors,
    right,
    small_case,
)
from benchmarks.serving.client import Request, encoded, read_answer
from benchmarks.serving.servers import hardmax_server
from benchmarks.tables import environment, show_progress

PACKAGES = ("hardmax", "onnxruntime", "starlette", "uvicorn")

#: The clients, how many requests a connection is used for, and the part of bad ones.
CLIENTS, REUSED, BAD = 32, 50, 0.1

#: The first requests, after which memory is measured, and by how much it may then grow.
FIRST, GROWTH = 1000, 0.05

#: The largest body of the server, in MB.
MAX_BODY = 1


def main() -> int:
    taken = argparse.ArgumentParser(prog="python -m benchmarks.serving.soak", description=__doc__)
    taken.add_argument(
        "--requests", type=positive, default=100_000, help="how many (default: 100000)"
    )
    taken.add_argument("--seed", type=int, default=0, help="of the order (default: 0)")
    options = taken.parse_args()
    if not are_installed(PACKAGES):
        return 2
    with tempfile.TemporaryDirectory() as folder:
        show_progress("training")
        cases = small_case(Path(folder)), image_case(Path(folder))
        runs = [case.run for case in cases]
        with hardmax_server(*runs, "--max-body", MAX_BODY) as (port, process):
            soak = Soak(port, good_requests(*cases), bad_requests(*cases), options.seed)
            soak.send(FIRST)
            first = memory(process)
            soak.send(options.requests - FIRST)
            last = memory(process)
    show_progress("")
    print(f"{environment(PACKAGES)}; {options.requests} requests, {CLIENTS} clients.")
    counts = ", ".join(f"{status}: {count}" for status, count in sorted(soak.statuses.items()))
    print(f"answers by status: {counts}; cut off: {soak.cut_off}")
    print(f"wrong answers: {len(soak.wrong)}", *soak.wrong[:3])
    print(f"memory: {first / 1024:.1f} MiB after {FIRST} requests, {last / 1024:.1f} at the end")
    return int(bool(soak.wrong) or last > first * (1 + GROWTH))


def memory(process: int) -> int:
    """Return the resident memory of a process in KiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def good_requests(table: Case, images: Case) -> list[Request]:
    """Return requests of all kinds with right answers."""
    of_rows = table.requests("/predict?model=cells", of_plain)
    of_pixels = images.requests("/v2/models/digits/infer", of_tensors)
    return [*of_rows, *of_pixels, *files(images)]


def files(images: Case) -> list[Request]:
    """Return requests with PNG files."""

    def request(pixels: np.ndarray, expected: np.ndarray) -> Request:
        content = encoded("/predict?model=digits", png(pixels), "image/png")
        return Request(content, right(of_plain, expected))

    pixels = [feeds["images"][0, ..., 0] for feeds in images.feeds]
    return [*map(request, pixels, images.expected())]


def png(pixels: np.ndarray) -> bytes:
    """Return an image as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def bad_requests(table: Case, images: Case) -> list[bytes]:
    """Return requests that are malformed, too large, or do not fit the runs."""
    kind, path = "application/json", "/predict?model=cells"
    infer = "/v2/models/digits/infer"
    row = table.body(table.rows[0])
    assert isinstance(row, dict)
    some_columns = dict([*row.items()][:-1])
    pixels = images.body(images.rows[0])
    assert isinstance(pixels, dict)
    (tensor,) = pixels["inputs"]
    wrong_shape = {"inputs": [tensor | {"shape": [1, 9, 9, 1]}]}
    bomb = png(np.zeros((9000, 9000), np.uint8))
    return [
        encoded(path, b"{not JSON", kind),
        encoded(path, json.dumps(some_columns).encode(), kind),
        encoded(path, json.dumps(row | dict.fromkeys(row, "many")).encode(), kind),
        encoded(path, b"x" * (MAX_BODY * 2**20 + 1), kind),
        encoded("/predict", json.dumps(row).encode(), kind),
        encoded("/predict?model=unknown", json.dumps(row).encode(), kind),
        encoded("/predict?model=digits", b"no image", "image/png"),
        encoded("/predict?model=digits", bomb, "image/png"),
        encoded(infer, json.dumps(wrong_shape).encode(), kind),
        encoded(infer, b"[]", kind),
        encoded(infer, b"{}", "application/octet-stream", Inference_Header_Content_Length="9999"),
        encoded("/nowhere", b"", kind),
    ]


class Soak:
    """Sends requests, and counts the answers by ``statuses``; ``wrong`` are those not right."""

    def __init__(self, port: int, good: Sequence[Request], bad: Sequence[bytes], seed: int):
        self.port, self.good, self.bad = port, good, bad
        self.random = random.Random(seed)
        self.statuses: Counter[int] = Counter()
        self.wrong: list[tuple[bytes, int, bytes]] = []
        self.cut_off = self.left = 0

    def send(self, count: int) -> None:
        """Send ``count`` requests."""
        self.left = count
        uvloop.run(self._send())

    async def _send(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(CLIENTS)))

    async def _client(self) -> None:
        while self.left > 0:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            for _ in range(REUSED):
                if self.left <= 0 or not await self._ask(reader, writer):
                    break
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Send a request; return whether the connection can be used for another."""
        self.left -= 1
        if self.left % 1000 == 0:
            show_progress(f"{self.left} requests left")
        if self.random.random() >= BAD:
            request = self.random.choice(self.good)
            writer.write(request.content)
            return await self._receive(request, reader)
        if self.random.random() < 0.3:
            content = self.random.choice(self.good).content
            writer.write(content[: self.random.randrange(1, len(content))])
            await writer.drain()
            self.cut_off += 1
            return False
        content = self.random.choice(self.bad)
        writer.write(content)
        return await self._receive(Request(content, _is_refused), reader)

    async def _receive(self, request: Request, reader: asyncio.StreamReader) -> bool:
        try:
            async with asyncio.timeout(60):
                status, content = await read_answer(reader)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.wrong.append((request.content[:300], 0, repr(error).encode()))
            return False
        self.statuses[status] += 1
        if not request.is_right(status, content):
            self.wrong.append((request.content[:300], status, content[:300]))
        return status == 200 or status == 404


def _is_refused(status: int, content: bytes) -> bool:
    with contextlib.suppress(ValueError):
        return 400 <= status < 500 and bool(json.loads(content)["error"])
    return False


if __name__ == "__main__":
    sys.exit(main())
