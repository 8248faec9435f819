"""Atomic file writes: every file is written completely or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hardmax.errors import RunError

__all__ = ["open_whole", "write_whole"]


@contextlib.contextmanager
def open_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that is renamed to ``path`` on success and deleted on failure.

    Raises OSError if it cannot be written.
    """
    # A file left over by a killed process starts with the name that it was meant for.
    start = os.fsdecode(os.fsencode(path.name)[:100])
    temporary = path.with_name(f"{start}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically. Raises RunError if that fails."""
    try:
        with open_whole(path) as file:
            file.write(data)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error
