"""The one place where files are written: whole or not at all."""

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
    """Give a file to write, which gets its name at the end of the block, or is gone.

    Raises OSError where it cannot be written.
    """
    # What a process that was killed leaves behind goes by the name of what it was to become.
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
    """Write a file, whole or not at all. Raises RunError where that fails."""
    try:
        with open_whole(path) as file:
            file.write(data)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error
