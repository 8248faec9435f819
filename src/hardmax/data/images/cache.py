"""A cache of decoded images, mapped into memory.

The per-user cache has two files per folder or table, and settings: ``.pixels``, the concatenated
bytes of the images, and ``.json``, their description. Their names depend on the names, sizes and
modification times of the image files. Outdated files are replaced, and all may be deleted at any
time.
"""

import contextlib
import hashlib
import json
import os
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from hardmax.checks import listed
from hardmax.data.download import user_cache
from hardmax.data.images.files import image_shape, load_upright, pixels, strict_pillow
from hardmax.data.images.resizing import has_other_ratio
from hardmax.data.images.scan import ImageFile
from hardmax.data.option_values import Color
from hardmax.data.options import Reading
from hardmax.data.parallel import in_threads
from hardmax.errors import DataError
from hardmax.files import open_whole

__all__ = ["Decoded", "decode", "stored_shapes"]

FORMAT = 3

#: The largest side of images that keep their common size, and of the square that images of
#: different sizes are resized to.
MAX_COMMON_SIDE, MAX_MEDIAN_SIDE = 256, 96

#: The sides of that square are a multiple of this, so that networks can halve them evenly.
MULTIPLE = 8


#: What is counted while images are decoded.
COUNTS = ("transparent", "reshaped")


@dataclass(frozen=True)
class Decoded:
    """Images, uint8 (examples, height, width, channels), in the order of their files.

    ``bad`` maps the names of unreadable files, which have no image, to the reason. ``why`` explains
    how the shape was chosen, ``transparent`` counts the images with transparent pixels, and
    ``reshaped`` those of another aspect ratio.
    """

    images: np.ndarray
    bad: dict[str, str]
    why: str
    transparent: int
    reshaped: int


def decode(source: Path, root: Path, files: Sequence[ImageFile], reading: Reading) -> Decoded:
    """Return the images in files below ``root``, from the cache if possible.

    There is a cache for each ``source``, which is ``root`` or a table with the files. Raises
    DataError if an image cannot be read and ``skip_bad`` is off, if none can be read, or if the
    cache cannot be written.
    """
    folder, digest = user_cache() / "images", _digest(files)
    wanted = _wanted_shape(reading)
    same = os.path.realpath(source), reading.background_color, reading.resizing
    side = () if reading.largest_side is None else (reading.largest_side,)
    automatic = [(None, channels, *side) for channels in (wanted[1], None)]
    keys = [automatic[0] if wanted[0] is None else wanted, *automatic]
    places = [folder / _key(*same, *key) for key in keys]
    cached = (_cached(f"{place}-{digest}", len(files)) for place in places)
    decoded = next((one for one in cached if one and _has_shape(one, *wanted)), None)
    if decoded is None:
        with strict_pillow():
            shape, why = _choose(root, files, reading)
            try:
                decoded = _fill(places[0], digest, root, files, shape, why, reading)
            except OSError as error:
                raise DataError(
                    f"cannot write the cache {folder}: {error.strerror}; set HARDMAX_CACHE to "
                    "another folder"
                ) from error
    _check_bad(decoded.bad, len(files), reading.skip_bad)
    return decoded


def _wanted_shape(reading: Reading) -> tuple[tuple[int, int] | None, int | None]:
    """Return the requested size and channels; None to choose by the data."""
    if reading.shape is None:
        return reading.size, reading.channels
    height, width, channels = reading.shape
    return reading.size or (height, width), reading.channels or channels


def _has_shape(decoded: Decoded, size: tuple[int, int] | None, channels: int | None) -> bool:
    _, height, width, actual_channels = decoded.images.shape
    return size in (None, (height, width)) and channels in (None, actual_channels)


def _key(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _digest(files: Sequence[ImageFile]) -> str:
    """Return a hash of the files' names, sizes and times, and of the decoder's version."""
    import PIL

    return _key(FORMAT, PIL.__version__, [(file.name, file.size, file.modified) for file in files])


def _cached(stem: str, count: int) -> Decoded | None:
    """Return the images in the cache, or None if they are missing or invalid."""
    try:
        entry = json.loads(Path(f"{stem}.json").read_text())
        shape = (count - len(entry["bad"]), *entry["shape"])
        images = np.memmap(f"{stem}.pixels", np.uint8, "r", shape=shape)
        if images.nbytes != os.path.getsize(f"{stem}.pixels"):
            return None
        counts = {name: entry[name] for name in COUNTS}
        return Decoded(np.asarray(images), entry["bad"], entry["why"], **counts)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fill(
    place: Path,
    digest: str,
    root: Path,
    files: Sequence[ImageFile],
    shape: tuple[int, int, int],
    why: str,
    reading: Reading,
) -> Decoded:
    """Decode the files into the cache, completely or not at all."""
    stem = f"{place}-{digest}"
    place.parent.mkdir(parents=True, exist_ok=True)
    bad: dict[str, str] = {}
    counts = Counter[str]()
    with open_whole(Path(f"{stem}.pixels")) as file:
        for rows, failures, found in in_threads(
            lambda chunk: _read(root, chunk, shape, reading), files, "reading images"
        ):
            bad |= failures
            counts.update(found)
            file.write(rows)
        _check_bad(bad, len(files), reading.skip_bad)
    entry = {"shape": shape, "bad": bad, "why": why} | {name: counts[name] for name in COUNTS}
    with open_whole(Path(f"{stem}.json")) as file:
        file.write(json.dumps(entry).encode())
    for ending in (".pixels", ".json"):
        # Other names are of files that another process is writing.
        for old in place.parent.glob(f"{place.name}-*{ending}"):
            if str(old) != f"{stem}{ending}":
                old.unlink(missing_ok=True)
    decoded = _cached(stem, len(files))
    if decoded is None:
        raise DataError(f"{stem}.pixels was changed while being written; try again")
    return decoded


def _read(
    root: Path, files: Sequence[ImageFile], shape: tuple[int, int, int], reading: Reading
) -> tuple[bytes, dict[str, str], Counter[str]]:
    """Return the bytes of the readable images, the other files with the reason, and COUNTS."""
    rows, bad, counts = [], {}, Counter[str]()
    for file in files:
        try:
            upright = load_upright(root / file.name, reading, shape[:2])
        except DataError as error:
            bad[file.name] = str(error)
            continue
        rows.append(pixels(upright, shape, reading).tobytes())
        counts["transparent"] += upright.is_transparent
        counts["reshaped"] += has_other_ratio(upright.height, upright.width, shape[:2])
    return b"".join(rows), bad, counts


def _check_bad(bad: dict[str, str], count: int, skip_bad: bool) -> None:
    if len(bad) == count:
        raise DataError(f"none of the {count} images can be read; {next(iter(bad.values()))}")
    if bad and not skip_bad:
        raise DataError(
            f"{len(bad)} of {count} images cannot be read: {listed(sorted(bad))}; use --skip-bad "
            "to skip them"
        )


def _choose(
    root: Path, files: Sequence[ImageFile], reading: Reading
) -> tuple[tuple[int, int, int], str]:
    """Return the shape for all images, and how it was chosen."""
    size, channels = _wanted_shape(reading)
    if size and channels:
        return (*size, channels), "as set"
    originals = stored_shapes(root, files, reading.background_color)
    if not originals:
        raise DataError(f"{root}: none of the {len(files)} images can be read")
    if size:
        why = "as set"
    else:
        size, why = _choose_size([shape[:2] for shape in originals], reading.largest_side)
    return (*size, channels or max(shape[2] for shape in originals)), why


def _choose_size(sizes: list[tuple[int, int]], largest: int | None) -> tuple[tuple[int, int], str]:
    """Return the common size of the images, or else a square of their median side, rounded."""
    if len({*sizes}) == 1 and max(sizes[0]) <= (largest or MAX_COMMON_SIDE):
        return sizes[0], "the common size"
    median = statistics.median(side for size in sizes for side in size)
    rounded = max(int(median / MULTIPLE + 0.5), 1) * MULTIPLE
    most = largest or MAX_MEDIAN_SIDE
    capped = f", at most {most}" if rounded > most else ""
    side = min(rounded, most)
    return (side, side), f"the median side in multiples of {MULTIPLE}{capped}"


def stored_shapes(
    root: Path, files: Sequence[ImageFile], background: Color
) -> list[tuple[int, int, int]]:
    """Return the shapes of the images with readable headers; call this in ``strict_pillow``."""
    title = "inspecting images"
    found = in_threads(lambda chunk: _shapes(root, chunk, background), files, title)
    return [*chain.from_iterable(found)]


def _shapes(
    root: Path, files: Sequence[ImageFile], background: Color
) -> list[tuple[int, int, int]]:
    """Return the shapes of the images with readable headers."""
    shapes = []
    for file in files:
        with contextlib.suppress(DataError):
            shapes.append(image_shape(root / file.name, background))
    return shapes
