"""Servers that run in a process of their own."""

import contextlib
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.serving.cases import HARDMAX, Case

__all__ = ["hardmax_server", "litserve_server"]

#: The most seconds until a server answers.
START = 120


@contextlib.contextmanager
def hardmax_server(*arguments: object) -> Iterator[tuple[int, int]]:
    """Serve runs with these arguments; yield the port and the number of the process."""
    command = [HARDMAX, "serve", *map(str, arguments), "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://[\d.]+:(\d+)", line):
                yield int(found[1]), process.pid
                break
        else:
            raise RuntimeError("the server did not start")
    finally:
        process.terminate()
        process.wait(START)


@contextlib.contextmanager
def litserve_server(case: Case, batch: int) -> Iterator[tuple[int, int]]:
    """Serve the ONNX file with LitServe; yield the port and the number of the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.serving.with_litserve"]
    process = subprocess.Popen(
        [*command, str(case.model), str(port), str(batch)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    try:
        _wait_for(port)
        yield port, process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait(START)


def _wait_for(port: int) -> None:
    """Wait until a server is healthy."""
    last = time.monotonic() + START
    while time.monotonic() < last:
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError("the server did not start")
