"""Starting several processes that train together, by torchrun."""

import os
import socket
import subprocess
import sys

from commands import PROGRAM, run_process

#: What torchrun is, as arguments of Python.
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--no-python", "--nproc-per-node")


def torchrun(count, folder, *arguments, program=PROGRAM, env=None):
    """Run a program, by default the command line, in ``count`` processes; return what they did."""
    command = (sys.executable, *program, *arguments)
    return run_process(folder, *command, program=(*TORCHRUN, str(count)), env=env)


def free_port():
    """Return a port that is free, and so is the one above it."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def start(count, *command, env=None):
    """Start a command in ``count`` processes, without torchrun; return them by rank."""
    shared = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    return [
        subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, **shared, **(env or {}), "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]


def ended(processes):
    """Wait for processes; return their exit codes, and what each printed, in the order of ranks."""
    printed = [one.communicate(timeout=120) for one in processes]
    return [one.returncode for one in processes], printed
