"""The bytes of a file, read block by block."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hardmax.data.tables.arrow import need_pyarrow

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Buffer

__all__ = ["BLOCK", "Source"]

#: The bytes that are read at a time.
BLOCK = 2**20


@dataclass(frozen=True)
class Source:
    """The bytes from ``start`` to ``end``; they can be read more than once.

    They are those of the file ``content``, or of bytes in memory.
    """

    content: Path | bytes
    start: int
    end: int

    @classmethod
    def of(cls, content: Path | bytes) -> "Source":
        """Return all bytes of a file, or in memory."""
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        return cls(content, 0, size)

    def __len__(self) -> int:
        """Return the number of bytes."""
        return self.end - self.start

    def part(self, start: int, end: int | None = None) -> "Source":
        """Return the bytes from ``start`` on, up to ``end`` if that is given."""
        stop = self.end if end is None else min(self.start + end, self.end)
        return Source(self.content, min(self.start + start, stop), stop)

    def open(self) -> BinaryIO:
        """Open the bytes as a file."""
        if isinstance(self.content, bytes):
            return io.BytesIO(self.content[self.start : self.end])
        return io.BufferedReader(_Section(self.content, self.start, len(self)), BLOCK)

    def stream(self) -> "pa.NativeFile":
        """Open the bytes for pyarrow, whose threads need not wait for Python then."""
        pa = need_pyarrow()
        if isinstance(self.content, bytes):
            return pa.BufferReader(pa.py_buffer(self.content).slice(self.start, len(self)))
        return pa.OSFile(os.fsencode(self.content)).get_stream(self.start, len(self))

    def read(self) -> bytes:
        """Return the bytes."""
        return b"".join(self.blocks())

    def blocks(self, size: int | None = None) -> Iterator[bytes]:
        """Yield the bytes, at most ``size`` at a time, by default BLOCK."""
        with self.open() as file:
            while block := file.read(size or BLOCK):
                yield block

    def count(self, byte: bytes) -> int:
        """Return how often a byte occurs."""
        return sum(block.count(byte) for block in self.blocks())


class _Section(io.RawIOBase):
    """A number of bytes of a file, as a file."""

    def __init__(self, path: Path, start: int, count: int):
        self.file = path.open("rb", buffering=0)
        self.file.seek(start)
        self.left = count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer") -> int:
        count = self.file.readinto(memoryview(buffer)[: self.left])
        self.left -= count
        return count

    def close(self) -> None:
        self.file.close()
        super().close()
