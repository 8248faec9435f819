"""What the command lines of the benchmarks share."""

import importlib.util
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable

__all__ = ["are_installed", "parser", "positive"]


def are_installed(wanted: Iterable[str]) -> bool:
    """Return whether packages are installed; if not, print which are missing."""
    missing = [package for package in wanted if importlib.util.find_spec(package) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}; run `make bench`", file=sys.stderr)
    return not missing


def parser(name: str, description: str | None, *, rounds: int, check: str) -> ArgumentParser:
    """Return a parser of the options of a benchmark that is measured in rounds."""
    made = ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    made.add_argument(
        "--rounds", type=positive, default=rounds, help=f"the number of rounds (default: {rounds})"
    )
    made.add_argument("--check", action="store_true", help=f"exit with 1 if {check}")
    made.add_argument(
        "--write", action="store_true", help="write the table to benchmarks/README.md"
    )
    return made


def positive(text: str) -> int:
    """Parse a positive integer from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be an integer of at least 1, got {text!r}")
    return int(text)
