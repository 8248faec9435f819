"""Text tables of any encoding, as UTF-8."""

import codecs
import re
from pathlib import Path
from typing import NamedTuple

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

#: The bytes that are checked at a time.
BLOCK = 2**20

#: The part of the bytes at odd (or even) places that are 0 in UTF-16 without a byte order mark.
MOSTLY = 0.4


class Text(NamedTuple):
    """A text table: its ``data``, UTF-8 without a byte order mark, and the file's ``encoding``."""

    data: bytes
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


def as_utf8(path: Path, data: bytes, encoding: str | None = None) -> Text:
    """Return a text table as UTF-8. One that shows no encoding and is not UTF-8 has the given one.

    Without one, it is taken for LATIN1. Raises DataError if it is not text in that encoding.
    """
    name = marked_encoding(data)
    if name in (None, "UTF-8"):
        data = data.removeprefix(codecs.BOM_UTF8)
        if is_utf8(data):
            return Text(data, "UTF-8")
        name = encoding or _latin1(path, data)
    try:
        utf8 = data.decode(name).removeprefix("\ufeff").encode()
    except UnicodeError as error:
        known = "UTF-8 nor Latin-1" if name == LATIN1 else name
        neither = "neither" if name == LATIN1 else "not"
        raise DataError(
            f"{path} is {neither} {known} text; name its encoding with --text-encoding NAME, "
            "or save it as UTF-8"
        ) from error
    return Text(utf8, "Latin-1" if name == LATIN1 else name)


def _latin1(path: Path, data: bytes) -> str:
    """Return Latin-1 as the encoding of a text without a sign of another.

    Raises DataError for one that is UTF-8 but for a few bytes, which would be misread as a whole.
    """
    text = data.decode(errors="replace")
    bad = text.count("\ufffd")
    if 10 * bad < sum(map(len, re.findall(r"[^\x00-\x7f]+", text))):
        line = text.count("\n", 0, text.index("\ufffd")) + 1
        raise DataError(
            f"{path} is UTF-8 but for {bad} of its characters, the first of them in line {line}; "
            "correct them, or name another encoding with --text-encoding NAME"
        )
    return LATIN1


def is_utf8(data: bytes) -> bool:
    """Return whether bytes are UTF-8, checked block by block to save memory."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at in range(0, len(data), BLOCK):
            decoder.decode(data[at : at + BLOCK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
