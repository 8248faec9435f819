"""The command line: its commands, and how each of them ends."""

import io
import os
import sys
from typing import Annotated

import typer

from hardmax import __version__
from hardmax.cli.calibrate import calibrate
from hardmax.cli.compare import compare
from hardmax.cli.data import data
from hardmax.cli.evaluate import evaluate
from hardmax.cli.models import models
from hardmax.cli.options import remark
from hardmax.cli.predict import predict
from hardmax.cli.train import train
from hardmax.errors import HardmaxError

__all__ = ["main"]

app = typer.Typer(
    help="Train classifiers, judge them, and use them.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (train, evaluate, calibrate, predict, compare, data, models):
    app.command()(command)


def main() -> None:
    """Run the command line; every error is one line on stderr and exit code 2."""
    # TensorFlow tells of itself on stderr unless it is asked not to before it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # PyTorch's threads wait for each other by keeping their cores busy, also where a core is not
    # theirs alone, and a step then takes many times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # What a file is called must not decide whether it can be spoken of.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(prog_name="hardmax", standalone_mode=False)
    except HardmaxError as error:
        code = _fail(str(error))
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except MemoryError as error:
        code = _fail(f"out of memory: {error}; use smaller data or a smaller network")
    except OSError as error:
        code = _fail(f"{error.filename or 'cannot go on'}: {error.strerror}")
    except Exception as error:
        # Usage errors know how to tell themselves; anything else is a defect of ours.
        if not hasattr(error, "format_message"):
            raise
        code = _fail(error.format_message())
    sys.exit(code)


def _fail(message: str) -> int:
    remark(" ".join(message.split()))
    return 2


def _version(wanted: bool) -> None:
    if wanted:
        print(f"hardmax {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that belong to no command."""
