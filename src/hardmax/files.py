"""Files: reading regular ones only, and writing each completely or not at all."""

import contextlib
import io
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hardmax.errors import DataError, RunError

__all__ = ["open_regular", "open_whole", "write_whole"]


def open_regular(path: Path, max_bytes: int | None = None) -> io.BufferedReader:
    """Open a regular file, of at most ``max_bytes`` if given, to read its bytes.

    Raises DataError if it is anything else, such as a folder, a device or a named pipe, if it is
    larger, or if it cannot be read.
    """
    try:
        # Without O_NONBLOCK, a named pipe waits for a process that writes into it.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    status = os.fstat(handle)
    if stat.S_ISREG(status.st_mode) and (max_bytes is None or status.st_size <= max_bytes):
        return os.fdopen(handle, "rb")
    os.close(handle)
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise DataError(f"cannot read {path}: it is {kind}")
    raise DataError(f"{path} has {status.st_size} bytes; at most {max_bytes} are allowed")


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
