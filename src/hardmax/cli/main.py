"""The entry point of the command line: the commands and their exit codes."""

import io
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from hardmax import __version__
from hardmax.cli.calibrate import calibrate
from hardmax.cli.compare import compare
from hardmax.cli.data import data
from hardmax.cli.evaluate import evaluate
from hardmax.cli.explain import explain
from hardmax.cli.export import export
from hardmax.cli.models import models
from hardmax.cli.options import INTERRUPTED, notice
from hardmax.cli.parity import parity
from hardmax.cli.predict import predict
from hardmax.cli.runs import runs
from hardmax.cli.serve import serve
from hardmax.cli.train import train
from hardmax.errors import ArgumentError, HardmaxError
from hardmax.files import discard_unfinished
from hardmax.processes.environment import place

if TYPE_CHECKING:
    from hardmax.processes.group import Group

__all__ = ["main"]

#: The commands that several processes can run together.
SHARED = ("train", "evaluate")

app = typer.Typer(
    help="Train, evaluate and use classifiers of images and tables.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for command in (
    train,
    evaluate,
    explain,
    calibrate,
    predict,
    export,
    serve,
    compare,
    runs,
    parity,
    data,
    models,
):
    app.command()(command)


def main() -> None:
    """Run the command line; every error is one line on stderr and exit code 2."""
    # TensorFlow logs to stderr unless this is set before it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # By default PyTorch's threads busy-wait for each other; on cores shared with other processes
    # that makes a step many times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    for name in ("SIGTERM", "SIGHUP"):  # Windows lacks the latter
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)
    # A file name that the encoding lacks must not keep a message from being printed.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code, problem, group = 2, "", None
    try:
        group = _joined()
        code = app(prog_name="hardmax", standalone_mode=False)
    except HardmaxError as error:
        problem = str(error)
    except KeyboardInterrupt:
        code, problem = INTERRUPTED, "interrupted"
    except BrokenPipeError:
        # The reader closed the pipe; keep Python from flushing the rest at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except MemoryError as error:
        problem = f"out of memory: {error}; use less data or a smaller network"
    except OSError as error:
        problem = f"{error.filename or 'input/output error'}: {error.strerror}"
    except Exception as error:
        # Usage errors format themselves; anything else is a bug.
        if not hasattr(error, "format_message"):
            raise
        problem = error.format_message()
    problem = " ".join(problem.split())
    if problem:
        notice(problem)
    if code and group is not None:
        group.fail(problem or "interrupted")
    sys.exit(code)


def _joined() -> "Group | None":
    """Join the other processes, if there are any, of which only the first one prints."""
    here = place()
    if here.size == 1:
        return None
    from hardmax.processes.group import group

    joined = group()
    if not here.is_first:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (until the end)
    return joined


def _terminate(number: int, frame: FrameType | None) -> None:
    """End the process as the signal does by default, but leave no unfinished files behind."""
    discard_unfinished()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _print_version(requested: bool) -> None:
    if requested:
        print(f"hardmax {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Print the help without a command, and define the options that belong to none."""
    command = context.invoked_subcommand
    if command is None:
        print(context.get_help())
    elif command not in SHARED and place().size > 1:
        raise ArgumentError(
            f"{command} runs in one process, and {place().size} were started; start it without "
            "torchrun"
        )
