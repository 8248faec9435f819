"""Servers in processes of their own."""

import contextlib
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import commands

#: The line that says where a server can be reached.
ADDRESS = re.compile(r"\bhttp://\S+:\d+")


class Server(NamedTuple):
    """A server that runs: its address, which ends in a slash, its process, and the file of its log.

    ``lines`` are what it has printed until it could be reached.
    """

    address: str
    process: subprocess.Popen
    log: Path
    lines: list


@contextlib.contextmanager
def serving(folder, *arguments):
    """Yield a server, started in a folder on a free port.

    At the end SIGTERM must end it, if it still runs.
    """
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".log", delete=False) as file:
        log = Path(file.name)
        process = subprocess.Popen(
            [sys.executable, *commands.PROGRAM, "serve", *map(str, arguments), "--port", "0"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )
    try:
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if found := ADDRESS.search(line):
                break
        else:
            raise AssertionError(f"the server ended before it could be reached: {log.read_text()}")
        yield Server(f"{found[0]}/", process, log, lines)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0, log.read_text()
    finally:
        process.kill()
        process.communicate()
