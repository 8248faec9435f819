"""Damages to bytes, to compressed bytes, and to JSON values."""

import gzip
import io
import json
import random
import zipfile
import zlib
from collections.abc import Callable

__all__ = ["damaged", "damaged_json"]

#: Integers at the limits of their types, where arithmetic goes wrong.
EXTREMES = (0, 1, -1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**63 - 1)

#: Texts that stand for something else in many formats.
TEXTS = (
    b"",
    b"NaN",
    b"-inf",
    b"1e999",
    b"null",
    b'"',
    b",",
    b"\n",
    b"\r",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
)

#: Bytes that are common in texts.
PRINTED = b"0123456789abc,;.-'\"\n "

#: JSON values in place of another one.
VALUES = (None, True, 0, -1, 2**70, 1.5, 1e308, "", "text", "\n" * 2000, [], [[]], {}, {"a": [1]})


def damaged(random: random.Random, data: bytes) -> bytes:
    """Return bytes with a few damages, inside of their compression if they have one."""
    if random.random() < 0.5:
        for inner in (_in_gzip, _in_zip):
            repacked = inner(random, data)
            if repacked is not None:
                return repacked
    for _ in range(random.choice((1, 1, 1, 2, 10))):
        data = random.choice(DAMAGES)(random, data)
    return data


def _in_gzip(random: random.Random, data: bytes) -> bytes | None:
    try:
        return gzip.compress(damaged(random, gzip.decompress(data)), mtime=0)
    except (OSError, EOFError, zlib.error):
        return None


def _in_zip(random: random.Random, data: bytes) -> bytes | None:
    """Damage one member of an archive."""
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(packed, "w") as new:
            spoiled = random.choice(old.namelist())
            for name in old.namelist():
                content = old.read(name)
                new.writestr(name, damaged(random, content) if name == spoiled else content)
    except Exception:  # zipfile passes on whatever a damaged archive makes it raise
        return None
    return packed.getvalue()


def _place(random: random.Random, data: bytes) -> int:
    """Return a place in the bytes, often near the start, where headers are."""
    return (
        random.randrange(min(len(data), 64) if random.random() < 0.4 else len(data) + 1 or 1)
        if data
        else 0
    )


def _flip(random: random.Random, data: bytes) -> bytes:
    place = _place(random, data)
    byte = random.choice((random.randrange(256), random.choice(PRINTED)))
    return data[:place] + bytes([byte]) + data[place + 1 :]


def _truncate(random: random.Random, data: bytes) -> bytes:
    return data[: _place(random, data)]


def _delete(random: random.Random, data: bytes) -> bytes:
    place = _place(random, data)
    return data[:place] + data[place + random.choice((1, 2, 4, 16, 100)) :]


def _insert(random: random.Random, data: bytes) -> bytes:
    place = _place(random, data)
    return data[:place] + random.randbytes(random.choice((1, 4, 16))) + data[place:]


def _repeat(random: random.Random, data: bytes) -> bytes:
    place = _place(random, data)
    part = data[place : place + random.choice((1, 8, 64))]
    return data[:place] + part * random.choice((2, 10, 2000)) + data[place:]


def _write_number(random: random.Random, data: bytes) -> bytes:
    place, size = _place(random, data), random.choice((1, 2, 4, 8))
    number = random.choice(EXTREMES) % 256**size
    return (
        data[:place]
        + number.to_bytes(size, random.choice(("little", "big")))
        + data[place + size :]
    )


def _write_text(random: random.Random, data: bytes) -> bytes:
    place = _place(random, data)
    text = random.choice((*TEXTS, *(str(number).encode() for number in EXTREMES)))
    return data[:place] + text + data[place + random.choice((0, len(text))) :]


DAMAGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _flip,
    _truncate,
    _delete,
    _insert,
    _repeat,
    _write_number,
    _write_text,
)


def damaged_json(random: random.Random, value: object) -> object:
    """Return a copy of a JSON value with one part of it replaced, removed or repeated."""
    value = json.loads(json.dumps(value))
    parents = [value]
    for parent in parents:
        inner = parent.values() if isinstance(parent, dict) else parent
        parents += [one for one in inner if isinstance(one, dict | list) and one]
    parent = random.choice(parents)
    key = random.choice([*parent]) if isinstance(parent, dict) else random.randrange(len(parent))
    match random.randrange(4):
        case 0:
            del parent[key]
        case 1 if isinstance(parent, list):
            parent += [parent[key]] * random.choice((1, 3000))
        case _:
            parent[key] = random.choice(VALUES)
    return value
