"""Starting several processes that train together, by torchrun."""

import subprocess
import sys

from commands import PROGRAM, run_process

from hardmax.processes.environment import environments

#: What torchrun is, as arguments of Python.
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--no-python", "--nproc-per-node")


def torchrun(count, folder, *arguments, program=PROGRAM, env=None):
    """Run a program, by default the command line, in ``count`` processes; return what they did."""
    command = (sys.executable, *program, *arguments)
    return run_process(folder, *command, program=(*TORCHRUN, str(count)), env=env)


def start(count, *command):
    """Start a command in ``count`` processes, without torchrun; return them by rank."""
    return [
        subprocess.Popen(
            [sys.executable, *command],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for environment in environments(count)
    ]


def ended(processes):
    """Wait for processes; return their exit codes, and what each printed, in the order of ranks."""
    printed = [one.communicate(timeout=120) for one in processes]
    return [one.returncode for one in processes], printed
