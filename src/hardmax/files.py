"""Files: reading regular ones only, writing each completely or not at all, and cleaning up."""

import contextlib
import errno
import io
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hardmax.errors import DataError, HardmaxError, RunError

__all__ = [
    "discard_unfinished",
    "is_hidden",
    "is_in_use",
    "locked",
    "open_regular",
    "open_whole",
    "sweep",
    "temporary_name",
    "unfinished",
    "write_whole",
]

#: The mark in the names of temporary files and folders, and the pattern of those names.
MARK = ".hardmax-"
TEMPORARY = re.compile(rf"{re.escape(MARK)}[0-9a-f]{{16}}$")

#: The temporary files and folders that this process has not yet renamed or deleted.
_unfinished: set[Path] = set()

#: In seconds; a temporary file is not in use for a moment after it has been created.
MIN_AGE = 60


def open_regular(
    path: Path, max_bytes: int | None = None, error: type[HardmaxError] = DataError
) -> io.BufferedReader:
    """Open a regular file, of at most ``max_bytes`` if given, to read its bytes.

    Raises ``error`` if it is anything else, such as a folder, a device or a named pipe, if it is
    larger, or if it cannot be read.
    """
    try:
        # Without O_NONBLOCK, a named pipe waits for a process that writes into it.
        handle = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
    except OSError as reason:
        raise error(f"cannot read {path}: {reason.strerror}") from reason
    status = os.fstat(handle)
    if stat.S_ISREG(status.st_mode) and (max_bytes is None or status.st_size <= max_bytes):
        return os.fdopen(handle, "rb")
    os.close(handle)
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise error(f"cannot read {path}: it is {kind}")
    raise error(f"{path} has {status.st_size} bytes; at most {max_bytes} are allowed")


def read_regular(
    path: Path, max_bytes: int | None = None, error: type[HardmaxError] = DataError
) -> bytes:
    """Return the content of a regular file. Raises ``error`` as ``open_regular`` does."""
    try:
        with open_regular(path, max_bytes, error) as file:
            return file.read()
    except OSError as reason:
        raise error(f"cannot read {path}: {reason.strerror}") from reason


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden by its name, or is one that macOS adds to archives.

    ``__MACOSX`` has a file ``._NAME``, with attributes, for each file in an archive.
    """
    return name.startswith(".") or name == "__MACOSX"


def temporary_name(start: str = "") -> str:
    """Return a new name for a temporary file or folder, which ``sweep`` recognizes."""
    return f"{start}{MARK}{secrets.token_hex(8)}"


@contextlib.contextmanager
def unfinished(path: Path) -> Iterator[None]:
    """Have ``discard_unfinished`` delete a temporary file or folder until the block ends.

    The block has to create it, since a signal may end the process right after that.
    """
    _unfinished.add(path)
    try:
        yield
    finally:
        _unfinished.discard(path)


def discard_unfinished() -> None:
    """Delete the temporary files and folders of this process, before it ends."""
    for path in [*_unfinished]:
        with contextlib.suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Mark a file or folder as in use while the block or process runs.

    ``sweep`` then does not delete it. Yields False if another process uses it.
    """
    if sys.platform == "win32":  # it has no such locks
        yield True
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        yield _lock(handle) is not False
    finally:
        os.close(handle)


def is_in_use(path: Path) -> bool:
    """Return whether another process, or part of this one, has ``locked`` a file or folder.

    Raises OSError if it cannot be opened.
    """
    with locked(path) as is_free:
        return not is_free


def sweep(folder: Path) -> None:
    """Delete the temporary files and folders that killed processes have left in a folder.

    Only those that belong to this user, are older than MIN_AGE seconds and are not in use; none
    on Windows.
    """
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if TEMPORARY.search(entry.name):
                with contextlib.suppress(OSError):
                    _delete_unused(entry)


def _delete_unused(entry: os.DirEntry[str]) -> None:
    status = entry.stat(follow_symlinks=False)
    if status.st_uid != os.getuid() or time.time() - status.st_mtime < MIN_AGE:
        return
    handle = os.open(entry, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        if not _lock(handle):
            return
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry, ignore_errors=True)
        else:
            os.unlink(entry)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool | None:
    """Lock a file or folder until it is closed.

    Returns False if that is not possible, and None if the file system has no locks.
    """
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextlib.contextmanager
def open_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that is renamed to ``path`` on success and deleted on failure.

    Files left behind in its folder by killed processes are deleted. Raises OSError if it cannot be
    written, or if ``path`` is a folder, a device or anything else that is no regular file.
    """
    if not path.name or path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    sweep(path.parent)
    temporary = path.with_name(temporary_name(os.fsdecode(os.fsencode(path.name)[:100])))
    with unfinished(temporary):
        try:
            with temporary.open("xb") as file, locked(temporary):
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
