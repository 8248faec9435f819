"""Folders of picture files, one folder a class, as data sets."""

from pathlib import Path

from hardmax.data.datasets import Dataset, Pictures
from hardmax.data.images.cache import Decoded, decode
from hardmax.data.images.scan import TRAIN, PictureFolder, scan
from hardmax.data.options import Reading, assemble, listed, numbered

__all__ = ["read_picture_folder"]


def read_picture_folder(root: Path, name: str, reading: Reading) -> Dataset:
    """Read a folder of pictures, all brought to one shape.

    Raises DataError where there are no classes to learn, or where a picture cannot be read and
    bad ones are not to be skipped.
    """
    folder = scan(root, reading)
    decoded = decode(folder.root, folder.files, reading)
    files = [file for file in folder.files if file.name not in decoded.bad]
    labels = numbered((file.label for file in files), folder.classes)
    count = sum(file.part == TRAIN for file in files)
    train = Pictures(decoded.images[:count], labels[:count])
    test = Pictures(decoded.images[count:], labels[count:]) if folder.has_test else None
    prepared = {
        "resized": decoded.why,
        "left_out": sorted(decoded.bad),
        "ignored": list(folder.ignored),
    }
    return assemble(
        name,
        folder.classes,
        train,
        test,
        reading,
        prepared,
        _remarks(name, folder, decoded, reading),
    )


def _remarks(
    name: str, folder: PictureFolder, decoded: Decoded, reading: Reading
) -> tuple[str, ...]:
    """Return what a person should know of how the pictures were read."""
    count, height, width, channels = decoded.images.shape
    colour = "grey" if channels == 1 else "colour"
    as_asked = reading.shape is not None or reading.size is not None
    chosen = "" if as_asked else f" ({decoded.why}; --size and --channels choose others)"
    classes = len({file.label for file in folder.files})
    remarks = [
        f"{name}: {count} pictures of {classes} classes, as {height} x {width} {colour}{chosen}"
    ]
    if decoded.bad:
        remarks.append(
            f"left out {len(decoded.bad)} pictures that cannot be read: "
            f"{listed(sorted(decoded.bad))}"
        )
    if folder.ignored:
        remarks.append(
            f"left out {len(folder.ignored)} files and folders that are no pictures in a class's "
            f"folder: {listed(folder.ignored)}"
        )
    return tuple(remarks)
