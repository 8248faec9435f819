"""Text tables of any encoding, as UTF-8."""

import codecs
import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from hardmax.data.tables.contents import temporary_file
from hardmax.data.tables.source import BLOCK, Source
from hardmax.errors import DataError

__all__ = ["Text", "as_utf8", "is_utf8", "marked_encoding"]

#: Byte order marks, longer ones first, with the encodings they stand for.
MARKS = {
    codecs.BOM_UTF8: "UTF-8",
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}

#: Latin-1 as the web defines it.
LATIN1 = "windows-1252"

#: The part of the bytes at odd (or even) places that are 0 in UTF-16 without a byte order mark.
MOSTLY = 0.4


class Text(NamedTuple):
    """A text table: its ``data``, UTF-8 without a byte order mark, and the file's ``encoding``."""

    data: Source
    encoding: str


def marked_encoding(start: bytes) -> str | None:
    """Return the encoding that the first bytes of a file give away, None without a sign of one.

    Those are a byte order mark or, in UTF-16, the zeros in every other byte.
    """
    for mark, name in MARKS.items():
        if start.startswith(mark):
            return name
    sample = start[: 2 * BLOCK]
    if b"\0" in sample:
        for byte, name in ((1, "UTF-16-LE"), (0, "UTF-16-BE")):
            zeros = sample[byte::2].count(0), sample[1 - byte :: 2].count(0)
            if zeros[0] > MOSTLY * len(sample) / 2 and not zeros[1]:
                return name
    return None


@contextlib.contextmanager
def as_utf8(path: Path, data: Source, encoding: str | None = None) -> Iterator[Text]:
    """Yield a text table as UTF-8. One that shows no encoding and is not UTF-8 has the given one.

    Without one, it is taken for LATIN1. Raises DataError if it is not text in that encoding.
    """
    name = marked_encoding(data.part(0, 2 * BLOCK).read())
    if name in (None, "UTF-8"):
        if data.part(0, len(codecs.BOM_UTF8)).read() == codecs.BOM_UTF8:
            data = data.part(len(codecs.BOM_UTF8))
        if is_utf8(data.blocks()):
            yield Text(data, "UTF-8")
            return
        name = encoding or _latin1(path, data)
    with contextlib.ExitStack() as stack:
        try:
            copy = _copy(stack, data, name)
        except UnicodeError as error:
            known = "UTF-8 nor Latin-1" if name == LATIN1 else name
            neither = "neither" if name == LATIN1 else "not"
            raise DataError(
                f"{path} is {neither} {known} text; name its encoding with --text-encoding NAME, "
                "or save it as UTF-8"
            ) from error
        yield Text(copy, "Latin-1" if name == LATIN1 else name)


def _copy(stack: contextlib.ExitStack, data: Source, encoding: str) -> Source:
    """Return a text as UTF-8: of a file in a file that the stack deletes, else in memory."""
    blocks = _encoded(data, encoding)
    if isinstance(data.content, bytes):
        return Source.of(b"".join(blocks))
    copy = stack.enter_context(temporary_file())
    with copy.open("wb") as file:
        file.writelines(blocks)
    return Source.of(copy)


def _decoded(data: Source, encoding: str, errors: str = "strict") -> Iterator[str]:
    """Yield the text of a file block by block."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for block in data.blocks():
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _encoded(data: Source, encoding: str) -> Iterator[bytes]:
    """Yield a file as UTF-8 without a byte order mark, block by block."""
    texts = filter(None, _decoded(data, encoding))
    yield next(texts, "").removeprefix("\ufeff").encode()
    yield from (text.encode() for text in texts)


def _latin1(path: Path, data: Source) -> str:
    """Return Latin-1 as the encoding of a text without a sign of another.

    Raises DataError for one that is UTF-8 but for a few bytes, which would be misread as a whole.
    """
    bad = others = lines = 0
    first = None
    for text in _decoded(data, "utf-8", "replace"):
        if first is None and "\ufffd" in text:
            first = lines + text.count("\n", 0, text.index("\ufffd")) + 1
        lines += text.count("\n")
        bad += text.count("\ufffd")
        others += sum(map(len, re.findall(r"[^\x00-\x7f]+", text)))
    if 10 * bad < others:
        raise DataError(
            f"{path} is UTF-8 but for {bad} of its characters, the first of them in line {first}; "
            "correct them, or name another encoding with --text-encoding NAME"
        )
    return LATIN1


def is_utf8(blocks: Iterable[bytes]) -> bool:
    """Return whether blocks of bytes are UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in blocks:
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
