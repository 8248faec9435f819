"""Tables whose rows name image files and their classes, as data sets of images."""

import os
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hardmax.checks import is_plain, shortened
from hardmax.data.assembly import check_training_classes, find_classes, numbered, with_test
from hardmax.data.datasets import Dataset, Images, taken
from hardmax.data.equality import content_keys
from hardmax.data.images.cache import decode
from hardmax.data.images.folder import about_images, check_skipped
from hardmax.data.images.parts import TRAIN
from hardmax.data.images.scan import ImageFile, image_file
from hardmax.data.mapped import take_rows
from hardmax.data.options import Reading
from hardmax.data.tables.cells import coded, trimmed
from hardmax.data.tables.features import check_other, missing_of
from hardmax.data.tables.files import read_table
from hardmax.data.tables.labels import check_column
from hardmax.data.tables.read import labeled_rows
from hardmax.data.tables.splits import Rows, split_columns
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ImageTable", "read_image_dataset", "read_image_table"]


class ImageTable(NamedTuple):
    """A table whose rows name image files.

    ``labels`` are the classes of the ``rows`` that count, int64, and ``weights`` their weights,
    float64, or None. ``files`` are all different; ``places`` has the file of each of the rows,
    int64. ``notices`` are about the table.
    """

    table: "pa.Table"
    labels: list[str]
    rows: np.ndarray
    weights: np.ndarray | None
    files: tuple[ImageFile, ...]
    places: np.ndarray
    notices: list[str]

    def only(self, used: np.ndarray) -> "ImageTable":
        """Return the table with those of its rows that are ``used``, bool (rows,)."""
        return self._replace(
            labels=[*compress(self.labels, used)],
            rows=self.rows[used],
            weights=taken(self.weights, used),
            places=self.places[used],
        )


def read_image_table(path: Path, reading: Reading) -> ImageTable:
    """Read a table whose column ``reading.files`` names image files, without reading any of these.

    Raises DataError if the table cannot be read, or if a row that counts names no file.
    """
    if reading.files is None:
        raise DataError(f"{path}: name the column of the image files, with --files")
    table, about_file = read_table(
        path,
        (reading.label, reading.files),
        header=reading.header,
        encoding=reading.text_encoding,
    )
    for name in (reading.group, reading.time):
        check_other(path, name, reading.label)
    (labels, rows, about_labels), weights = labeled_rows(path, table, reading)
    names, places = _file_names(path, table, reading.files, rows)
    files = tuple(image_file(name, TRAIN, "", path.parent / name) for name in names)
    notices = [*about_file, *about_labels]
    return ImageTable(table, labels, rows, weights, files, places, notices)


def read_image_dataset(path: Path, name: str, reading: Reading) -> Dataset:
    """Read the images that a table names, all converted to the same shape, as a data set.

    Raises what ``read_image_table`` raises, and DataError if there are fewer than two classes, or
    if an image is not there or cannot be read and ``skip_bad`` is off.
    """
    listed = read_image_table(path, reading)
    classes = find_classes(name, {TRAIN: {*listed.labels}}, reading)
    if not reading.skip_bad:
        _check_there(path, listed, f"{reading.files}")
    decoded = decode(path, path.parent, listed.files, reading)
    named = [listed.files[place].name for place in listed.places]
    check_skipped(name, [*zip(named, listed.labels, strict=True)], decoded.bad, reading)
    is_read = np.array([file.name not in decoded.bad for file in listed.files])
    listed = listed.only(is_read[listed.places])
    image_of = np.full(listed.table.num_rows, -1)
    image_of[listed.rows] = (np.cumsum(is_read) - 1)[listed.places]
    keys = content_keys(decoded.images)
    rows, about_rows = _rows(path, listed, keys[image_of[listed.rows]], classes, reading)
    split = with_test(
        name,
        rows,
        reading,
        {
            "label": reading.label,
            "files": reading.files,
            "resized": decoded.why,
            "left_out": sorted(decoded.bad),
        },
    )
    train, test = split.train, split.test
    check_training_classes(name, train, classes, reading)

    names = np.array([file.name for file in compress(listed.files, is_read)], object)

    def images(part: Rows) -> Images:
        numbers = image_of[part.places]
        pixels = take_rows(decoded.images, numbers)
        return Images(
            pixels,
            part.labels,
            part.weights,
            part.wholes,
            names=names[numbers],
            known_keys=keys[numbers],
        )

    about = about_images(name, decoded, reading, count=len(rows), classes=len({*listed.labels}))
    training = images(train)
    dataset = Dataset(
        name,
        training,
        training if reading.whole else images(test),
        classes,
        preprocessing=split.preprocessing,
        notices=(*listed.notices, *about, *about_rows, *split.notices),
        warnings=split.warnings,
        has_test=not reading.whole,
    )
    if reading.validation is None:
        return dataset
    rest, chosen = train.split(reading.validation, reading.seed)
    fitted, validation = training.take(rest), training.take(chosen)
    return replace(dataset, train=fitted, validation=validation, unsplit=training)


def _rows(
    path: Path,
    listed: ImageTable,
    copies: np.ndarray,
    classes: tuple[str, ...],
    reading: Reading,
) -> tuple[Rows, list[str]]:
    """Return the rows of a table, to be split by its columns, and notices about that.

    ``copies`` has the group of equal images that each is in, integers (rows,).
    """
    rows = Rows(listed.rows, numbered(listed.labels, classes), copies, listed.weights)
    if reading.classes is not None and reading.whole and reading.validation is None:
        return rows, []
    return split_columns(path, listed.table, rows, reading, missing_of(reading))


def _file_names(
    path: Path, table: "pa.Table", column: str, rows: np.ndarray
) -> tuple[list[str], np.ndarray]:
    """Return the different names in a column, and the place in these of the name of each of rows.

    Both are about ``rows``, int64, and so are the places. Raises DataError if a name is missing or
    has control characters.
    """
    check_column(path, table.column_names, column)
    where = f"{path}, the column {shortened(column)!r}"
    try:
        codes, levels = coded(trimmed(table[column]))
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    names = levels.to_pylist()
    used, places = np.unique(codes[rows], return_inverse=True)
    for code in used.tolist():
        if code < 0 or not names[code] or not is_plain(names[code]):
            row = rows[codes[rows] == code][0] + 1
            found = "nothing" if code < 0 or not names[code] else repr(shortened(names[code]))
            raise DataError(f"{where}, row {row}: it must name an image file, got {found}")
    return [names[code] for code in used.tolist()], places


def _check_there(path: Path, listed: ImageTable, column: str) -> None:
    """Raise DataError if files are not there."""
    missing = [
        file.name
        for file in listed.files
        if not file.modified and not os.path.exists(path.parent / file.name)
    ]
    if missing:
        raise DataError(
            f"{path}: {len(missing)} of the {len(listed.files)} files in the column "
            f"{shortened(column)!r} are not there, the first is {path.parent / missing[0]}; "
            "correct the column, or use --skip-bad to skip them"
        )
