"""What the commands share: arguments that many take, and how they speak."""

import sys
from typing import Annotated, Any

import typer

from hardmax.checks import plain

__all__ = ["INTERRUPTED", "Framework", "Json", "RunFolder", "print_json", "remark"]

#: The exit code of a command that Ctrl-C ended.
INTERRUPTED = 130

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]
RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")]
Framework = Annotated[
    str | None,
    typer.Option(help="torch, jax, tensorflow or mxnet.  [default: that of the training]"),
]


def remark(message: str) -> None:
    """Say something on stderr, on one line."""
    print(plain(f"hardmax: {message}"), file=sys.stderr)


def print_json(value: Any) -> None:
    """Print a value as strict JSON, on one line of stdout."""
    from hardmax.run import dumps

    print(dumps(value))
