"""The contents of table files, which may be compressed."""

import bz2
import contextlib
import gzip
import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, NamedTuple, cast

from hardmax.checks import listed, shortened
from hardmax.data.tables.arrow import need_pyarrow
from hardmax.data.tables.source import BLOCK
from hardmax.errors import DataError
from hardmax.files import is_hidden, open_regular, unfinished

__all__ = ["COMPRESSIONS", "Contents", "ending", "open_contents", "temporary_file"]

#: The most bytes of a compressed table, and of any table once it is decompressed.
MAX_BYTES = 2**31 - 1

#: The bytes of a compressed file that are checked before the others are decompressed.
START = 2**25

#: The endings of files that are read part by part.
IN_PARTS = (".parquet", ".feather", ".arrow")


class Contents(NamedTuple):
    """A table's file, and the ``ending`` of its name, both without compression.

    ``path`` is where the ``file`` is, which is open for reading and may be sought.
    """

    path: Path
    file: BinaryIO
    ending: str


def ending(name: str) -> str:
    """Return the ending of a file name in lowercase, without that of a compression.

    It is ``.zip`` for an archive whose name does not say what is in it.
    """
    path = PurePosixPath(name.lower())
    inner = PurePosixPath(path.stem).suffix if path.suffix in COMPRESSIONS else ""
    return inner or path.suffix


@contextlib.contextmanager
def open_contents(path: Path, check: Callable[[str, Path], None]) -> Iterator[Contents]:
    """Open a table file; decompress it to a temporary one, depending on the ending of its name.

    ``check`` gets the ending and the path of a decompressed file when only its start is there.
    Raises DataError if the file cannot be read: because it is no regular file, is
    damaged or encrypted, or has more than MAX_BYTES bytes, unless its ending is in IN_PARTS; and
    for a zip archive of anything but one file.
    """
    unpack = COMPRESSIONS.get(path.suffix.lower())
    max_bytes = None if path.suffix.lower() in IN_PARTS else MAX_BYTES
    with open_regular(path, max_bytes) as file:
        if unpack is None:
            yield Contents(path, file, ending(path.name))
            return
        with temporary_file() as copy:
            try:
                with unpack(path, file) as (unpacked, name), copy.open("wb") as whole:
                    whole.write(unpacked.read(START))
                    whole.flush()
                    check(ending(name), copy)
                    _copy_rest(path, unpacked, whole)
            except DAMAGED as error:
                raise DataError(f"cannot read {path}: {' '.join(str(error).split())}") from error
            with copy.open("rb") as whole:
                yield Contents(copy, whole, ending(name))


def _copy_rest(path: Path, file: IO[bytes], copy: IO[bytes]) -> None:
    """Copy what is left of a file. Raises DataError if the copy has more than MAX_BYTES then."""
    while block := file.read(BLOCK):
        copy.write(block)
        if copy.tell() > MAX_BYTES:
            raise DataError(
                f"{path} has more than {MAX_BYTES} bytes, which is the limit for a table"
            )


@contextlib.contextmanager
def temporary_file() -> Iterator[Path]:
    """Yield the path of a file to write, which is deleted when the block ends."""
    with tempfile.TemporaryDirectory(prefix="hardmax-") as folder, unfinished(Path(folder)):
        yield Path(folder, "data")


#: What the readers of compressed files raise for a damaged or an encrypted one.
DAMAGED = (
    EOFError,
    NotImplementedError,
    RuntimeError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)

Unpacked = contextlib.AbstractContextManager[tuple[BinaryIO, str]]


def _with(open_file: Callable[..., Any]) -> Callable[[Path, BinaryIO], Unpacked]:
    """Return the function that unpacks files as one of the standard library's modules does."""

    @contextlib.contextmanager
    def unpack(path: Path, file: BinaryIO) -> Iterator[tuple[BinaryIO, str]]:
        with open_file(file) as unpacked:
            yield unpacked, path.stem

    return unpack


@contextlib.contextmanager
def _zstd(path: Path, file: BinaryIO) -> Iterator[tuple[BinaryIO, str]]:
    pa = need_pyarrow()
    with pa.CompressedInputStream(pa.PythonFile(file), "zstd") as unpacked:
        yield unpacked, path.stem


def _is_added(name: str) -> bool:
    """Return whether a file in an archive was added by a file manager."""
    path = PurePosixPath(name)
    return any(map(is_hidden, path.parts)) or path.name == "Thumbs.db"


@contextlib.contextmanager
def _zip(path: Path, file: BinaryIO) -> Iterator[tuple[BinaryIO, str]]:
    with zipfile.ZipFile(file) as archive:
        names = [
            info.filename
            for info in archive.infolist()
            if not info.is_dir() and not _is_added(info.filename)
        ]
        if len(names) != 1:
            found = f"it has {listed(map(shortened, names))}" if names else "it is empty"
            raise DataError(f"{path} must be an archive of one table; {found}")
        with archive.open(names[0]) as unpacked:
            yield cast(BinaryIO, unpacked), names[0]


#: How files with the endings of compressed ones are unpacked.
COMPRESSIONS: dict[str, Callable[[Path, BinaryIO], Unpacked]] = {
    ".gz": _with(gzip.open),
    ".bz2": _with(bz2.open),
    ".xz": _with(lzma.open),
    ".zst": _zstd,
    ".zip": _zip,
}
