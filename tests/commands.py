"""Running the command line, in the process of the tests or in one of its own."""

import contextlib
import io
import os
import subprocess
import sys
from itertools import pairwise

import pytest

from hardmax.cli.main import main
from hardmax.frameworks import FRAMEWORKS

#: The arguments of Python that run the command line, before those of the command.
PROGRAM = ("-c", "from hardmax.cli.main import main; main()")


def run_process(folder, *arguments, env=None, program=PROGRAM, **options):
    """Run a command in a process of its own and return the completed process.

    ``env`` adds to the environment; a value of None removes a variable.
    """
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        cwd=folder,
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=900,  # only a guard: other processes may keep the cores busy
        **options,
    )


def run(folder, *arguments, framework, env=None):
    """Run a command in this process, which has one framework; return the same as run_process.

    A command for another framework runs in its own process, because two in one disturb each other.
    """
    arguments = [*map(str, arguments)]
    if chosen(arguments) in {*FRAMEWORKS} - {framework}:
        return run_process(folder, *arguments, env=env)
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["hardmax", *arguments])
        for name, value in (env or {}).items():
            patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main()
    return subprocess.CompletedProcess(arguments, ended.value.code or 0, written(out), written(err))


def chosen(arguments):
    """Return the framework that a command's arguments name, or None."""
    return dict(pairwise(arguments)).get("--framework")


def written(stream):
    """Return what was written to a stream, as text."""
    stream.flush()
    return stream.buffer.getvalue().decode()
