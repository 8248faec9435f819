"""Picture files decoded once, and kept as bytes that are mapped into memory.

The per-user cache has two files for a folder and what was asked of it: ``.pixels``, the pictures'
bytes one behind the other, and ``.json``, which says what they are. They go by the files' names,
sizes and times of change; what is no longer right is replaced, and all may be deleted at any time.
"""

import contextlib
import hashlib
import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hardmax.data.download import user_cache
from hardmax.data.images.files import careful, describe, pixels, upright
from hardmax.data.images.scan import PictureFile
from hardmax.data.options import Reading, listed
from hardmax.data.parallel import in_threads
from hardmax.errors import DataError
from hardmax.files import open_whole

__all__ = ["Decoded", "decode"]

FORMAT = 1

#: Pictures of one size keep it up to this side; others become squares of at most the second.
KEPT_SIDE, CHOSEN_SIDE = 256, 96


@dataclass(frozen=True)
class Decoded:
    """Pictures, uint8 (examples, height, width, channels), in the order of their files.

    ``bad`` are the files that could not be read, by name, and why; they have no picture. ``why``
    says how the shape came about.
    """

    images: np.ndarray
    bad: dict[str, str]
    why: str


def decode(root: Path, files: Sequence[PictureFile], reading: Reading) -> Decoded:
    """Return the pictures in files below ``root``, from the cache where they are in it.

    Raises DataError where one cannot be read and bad ones are not to be skipped, where none can,
    or where the cache cannot be written.
    """
    folder, digest = user_cache() / "pictures", _digest(files)
    asked = _asked(reading)
    place = folder / _key(os.path.realpath(root), *asked)
    as_suits = folder / _key(os.path.realpath(root), None, None)
    decoded = _cached(f"{place}-{digest}", len(files))
    if decoded is None:
        decoded = _cached(f"{as_suits}-{digest}", len(files))
    if decoded is None or not _is_as_asked(decoded, *asked):
        with careful():
            shape, why = _choose(root, files, reading)
            try:
                decoded = _fill(place, digest, root, files, shape, why, reading.skip_bad)
            except OSError as error:
                raise DataError(
                    f"cannot write the cache {folder}: {error.strerror}; the variable "
                    "HARDMAX_CACHE names another"
                ) from error
    _check_bad(decoded.bad, len(files), reading.skip_bad)
    return decoded


def _asked(reading: Reading) -> tuple[tuple[int, int] | None, int | None]:
    """Return the size and the channels that pictures must have; None where the data decides."""
    if reading.shape is None:
        return reading.size, reading.channels
    height, width, channels = reading.shape
    return reading.size or (height, width), reading.channels or channels


def _is_as_asked(decoded: Decoded, size: tuple[int, int] | None, channels: int | None) -> bool:
    _, height, width, own_channels = decoded.images.shape
    return size in (None, (height, width)) and channels in (None, own_channels)


def _key(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _digest(files: Sequence[PictureFile]) -> str:
    """Return what stands for the files, their names, sizes and times, and for how they are read."""
    import PIL

    return _key(FORMAT, PIL.__version__, [(file.name, file.size, file.modified) for file in files])


def _cached(stem: str, count: int) -> Decoded | None:
    """Return what is in the cache; None where nothing is, or nothing that can be used."""
    try:
        told = json.loads(Path(f"{stem}.json").read_text())
        shape = (count - len(told["bad"]), *told["shape"])
        images = np.memmap(f"{stem}.pixels", np.uint8, "r", shape=shape)
        if images.nbytes != os.path.getsize(f"{stem}.pixels"):
            return None
        return Decoded(np.asarray(images), told["bad"], told["why"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fill(
    place: Path,
    digest: str,
    root: Path,
    files: Sequence[PictureFile],
    shape: tuple[int, int, int],
    why: str,
    skip_bad: bool,
) -> Decoded:
    """Decode the files into the cache, whole or not at all."""
    stem = f"{place}-{digest}"
    place.parent.mkdir(parents=True, exist_ok=True)
    bad: dict[str, str] = {}
    with open_whole(Path(f"{stem}.pixels")) as file:
        for rows, failures in in_threads(
            lambda some: _read(root, some, shape), files, "reading pictures"
        ):
            bad |= failures
            file.write(rows)
        _check_bad(bad, len(files), skip_bad)
    told = {"shape": shape, "bad": bad, "why": why}
    with open_whole(Path(f"{stem}.json")) as file:
        file.write(json.dumps(told).encode())
    for old in place.parent.glob(f"{place.name}-*"):
        if not str(old).startswith(stem):
            old.unlink(missing_ok=True)
    decoded = _cached(stem, len(files))
    if decoded is None:
        raise DataError(f"{stem}.pixels was changed while it was written; try again")
    return decoded


def _read(
    root: Path, files: Sequence[PictureFile], shape: tuple[int, int, int]
) -> tuple[bytes, dict[str, str]]:
    """Return the bytes of the pictures that can be read, and the files that cannot, with why."""
    rows, bad = [], {}
    for file in files:
        try:
            rows.append(pixels(upright(root / file.name)[0], shape).tobytes())
        except DataError as error:
            bad[file.name] = str(error)
    return b"".join(rows), bad


def _check_bad(bad: dict[str, str], count: int, skip_bad: bool) -> None:
    if len(bad) == count:
        raise DataError(f"none of the {count} pictures can be read; {next(iter(bad.values()))}")
    if bad and not skip_bad:
        raise DataError(
            f"{len(bad)} of {count} pictures cannot be read: {listed(sorted(bad))}; --skip-bad "
            "leaves them out"
        )


def _choose(
    root: Path, files: Sequence[PictureFile], reading: Reading
) -> tuple[tuple[int, int, int], str]:
    """Return the shape that all pictures are to have, and how it came about."""
    size, channels = _asked(reading)
    if size and channels:
        return (*size, channels), "as asked"
    found = [
        shape
        for shapes in in_threads(lambda some: _shapes(root, some), files, "looking at pictures")
        for shape in shapes
    ]
    if not found:
        raise DataError(f"{root}: none of the {len(files)} pictures can be read")
    size, why = (size, "as asked") if size else _choose_size([shape[:2] for shape in found])
    return (*size, channels or max(shape[2] for shape in found)), why


def _choose_size(sizes: list[tuple[int, int]]) -> tuple[tuple[int, int], str]:
    """Return the one size of all pictures, or else a square of their median side."""
    if len({*sizes}) == 1 and max(sizes[0]) <= KEPT_SIDE:
        return sizes[0], "the size of all"
    median = round(statistics.median(side for size in sizes for side in size))
    side = min(max(median, 1), CHOSEN_SIDE)
    capped = f", at most {CHOSEN_SIDE}" if median > CHOSEN_SIDE else ""
    return (side, side), f"the median side{capped}"


def _shapes(root: Path, files: Sequence[PictureFile]) -> list[tuple[int, int, int]]:
    """Return the shapes of the pictures whose headers can be read."""
    shapes = []
    for file in files:
        with contextlib.suppress(DataError):
            shapes.append(describe(root / file.name))
    return shapes
