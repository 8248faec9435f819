"""The options for reading data."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hardmax.checks import MAX_SEED, Bounds
from hardmax.data.option_values import (
    Color,
    cell_texts,
    check_encoding,
    color,
    fraction_or_source,
    sides,
)
from hardmax.errors import ArgumentError
from hardmax.fields import FRACTIONS, check_options, option, options_of

if TYPE_CHECKING:
    from hardmax.data.row_encoding import RowEncoding

__all__ = [
    "COLUMN_KINDS",
    "RESIZES",
    "TEST_FRACTION",
    "WHITE",
    "Reading",
    "ReadingOptions",
]

#: The largest height and width that images can be resized to.
MAX_SIDE = 4096

#: What can be done to images of another aspect ratio.
RESIZES = ("crop", "pad", "squash")

WHITE: Color = (255, 255, 255)

#: The kinds that a column of a table can be given.
COLUMN_KINDS = (
    *("number", "boolean", "date", "day-first", "month-first", "time"),
    *("category", "text"),
)

#: The kind that a label can be given.
CLASSES = "category"

#: The default fraction to split off as the test set of data without one.
TEST_FRACTION = 0.2


@dataclass(frozen=True)
class ReadingOptions:
    """The options of a training that say how to read its data.

    Raises ArgumentError for invalid values.
    """

    size: tuple[int, int] | None = option(
        None,
        "Size to scale images to, such as 32 or 24x32 (height x width).",
        unset="depends on the data",
        bounds=Bounds(least=1, most=MAX_SIDE),
        parse=sides,
        metavar="SIZE",
    )
    channels: int | None = option(
        None, "1 for grayscale, 3 for color.", unset="depends on the data", choices=(1, 3)
    )
    resize: str | None = option(
        None,
        "What is done to images of another aspect ratio than the size: crop keeps the middle, pad "
        "adds borders of the background color, squash stretches them.",
        unset="crop",
        choices=RESIZES,
    )
    skip_bad: bool = option(False, "Skip image files that cannot be read.")
    background: str | None = option(
        None,
        "Color behind the transparent pixels of image files and around padded images, such as "
        "black or #ff8000.",
        unset="white",
        metavar="COLOR",
    )
    test: float | str | None = option(
        None,
        "Test set: other data, or the fraction to split off data without a test set.",
        unset=f"the test set of the data, or {TEST_FRACTION:g}",
        bounds=FRACTIONS,
        parse=fraction_or_source,
        metavar="FRACTION|DATA",
    )
    seed: int = option(
        0,
        "Random seed of the initial weights, the splits and the batches.",
        bounds=Bounds(least=0, most=MAX_SEED),
    )
    label: str | None = option(
        None, "Column of a table that holds the classes.", metavar="COLUMN", of_tables=True
    )
    files: str | None = option(
        None,
        "Column of a table that names image files, absolute or relative to the table's folder. "
        "These are then learned from, and not the other columns.",
        metavar="COLUMN",
        of_tables=True,
    )
    header: bool | None = option(
        None,
        "Whether the first row of a table has the names of the columns; without a header they are "
        "0, 1, 2 and so on.",
        unset="it does; a table without a header is refused if its first row looks like data",
        of_tables=True,
    )
    text_encoding: str | None = option(
        None,
        "Encoding of a text table that is not UTF-8, such as gbk or windows-1251.",
        unset="UTF-16 or Latin-1",
        metavar="NAME",
        of_tables=True,
    )
    group: str | None = option(
        None,
        "Column of a table whose rows of the same value, such as those of one patient, are kept on "
        "one side of every split. It is not a feature.",
        metavar="COLUMN",
        of_tables=True,
    )
    time: str | None = option(
        None,
        "Column of a table with dates or numbers by which the last rows are split off. It is not a "
        "feature.",
        metavar="COLUMN",
        of_tables=True,
    )
    weight: str | None = option(
        None,
        "Column of a table with the weight of each row in the training loss and in the metrics: "
        "numbers that are not negative. A row of weight 0 is left out. It is not a feature.",
        metavar="COLUMN",
        of_tables=True,
    )
    missing: tuple[str, ...] | None = option(
        None,
        "Cell texts of a table that stand for a missing value, in upper or lower case, such as "
        '"unknown,-9". Empty cells always do.',
        unset="the usual ones, such as NA, null, nan, ? and -",
        parse=cell_texts,
        metavar="TEXT,...",
        of_tables=True,
    )
    label_missing: tuple[str, ...] | None = option(
        None,
        "Labels of a table that stand for a missing label. Rows without a label are left out.",
        unset="only empty cells",
        parse=cell_texts,
        metavar="TEXT,...",
        of_tables=True,
    )
    column_kinds: tuple[str, ...] | None = option(
        None,
        f"Kind of a column of a table, such as zip=category: {', '.join(COLUMN_KINDS)}. Cells that "
        "are not of the kind count as missing. For the label, category says that its numbers are "
        "classes. Can be given repeatedly.",
        unset="guessed from the training rows",
        metavar="COLUMN=KIND",
        flag="as",
        repeated=True,
        of_tables=True,
    )
    drop: tuple[str, ...] | None = option(
        None,
        "Column of a table to leave out. Can be given repeatedly.",
        unset="none",
        metavar="COLUMN",
        repeated=True,
        of_tables=True,
    )
    keep: tuple[str, ...] | None = option(
        None,
        "Column of a table to use although it looks like an identifier, is constant, is an unnamed "
        "index or splits the rows. Can be given repeatedly.",
        unset="none",
        metavar="COLUMN",
        repeated=True,
        of_tables=True,
    )
    validation: float | None = option(
        None,
        "Fraction of the training set to split off for validation.",
        unset="none, unless the model has another",
        bounds=FRACTIONS,
        metavar="FRACTION",
    )

    def __post_init__(self) -> None:
        check_options(self)
        for name in ("label", "files", "group", "time", "weight"):
            if getattr(self, name) is not None:  # as the names of columns are
                object.__setattr__(self, name, getattr(self, name).strip())
        for name in ("drop", "keep"):
            columns = getattr(self, name)
            if columns is not None:
                object.__setattr__(self, name, tuple(column.strip() for column in columns))
        both = {*(self.drop or ())} & {*(self.keep or ())}
        if both:
            raise ArgumentError(f"a column can be dropped or kept, not both: {min(both)!r}")
        if self.group is not None and self.time is not None:
            raise ArgumentError("group and time split the rows in different ways; use one of them")
        if self.weight is not None and self.weight == self.label:
            raise ArgumentError(f"the label column {self.label!r} cannot have the weights as well")
        if self.files is not None:
            self._check_files()
        if self.background is not None:
            color(self.background)
        if self.text_encoding is not None:
            check_encoding(self.text_encoding)
        if self.kinds.get(self.label or "", CLASSES) != CLASSES:
            raise ArgumentError(
                f"--as {self.label}=... names the label; its values are the classes, so that only "
                f"{self.label}={CLASSES} is allowed"
            )

    def _check_files(self) -> None:
        """Raise ArgumentError for options for features together with files."""
        if self.files in (self.label, self.group, self.time, self.weight):
            raise ArgumentError(
                f"the column {self.files!r} cannot have the files and something else as well"
            )
        others = {self.group, self.time, self.weight} - {None}
        given = {
            "--drop": bool(self.drop),
            "--keep": bool(self.keep),
            "--as": not {*self.kinds} <= others | {self.label},
            "--missing": self.missing is not None and not others,
        }
        for name, is_given in given.items():
            if is_given:
                raise ArgumentError(
                    f"{name} applies to the features of a table; with --files these are the "
                    "pixels of the images; leave one of them out"
                )

    @property
    def kinds(self) -> dict[str, str]:
        """The kinds given to columns, by name. Raises ArgumentError for an invalid one."""
        kinds: dict[str, str] = {}
        for text in self.column_kinds or ():
            name, mark, kind = (part.strip() for part in text.rpartition("="))
            if not mark or kind not in COLUMN_KINDS:
                raise ArgumentError(
                    f"--as must be COLUMN=KIND with a kind of {', '.join(COLUMN_KINDS)}; "
                    f"got {text!r}"
                )
            if kinds.setdefault(name, kind) != kind:
                raise ArgumentError(f"--as gives column {name!r} two kinds; choose one")
        return kinds

    @property
    def resizing(self) -> str:
        """What is done to images of another aspect ratio: crop, pad or squash."""
        return self.resize or "crop"

    @property
    def background_color(self) -> Color:
        """The color behind the transparent pixels of image files and around padded images."""
        return WHITE if self.background is None else color(self.background)


@dataclass(frozen=True)
class Reading(ReadingOptions):
    """Options for reading data. Raises ArgumentError for invalid values.

    No encoding of a table is fitted to the ``validation`` fraction. To evaluate a run,
    ``shape`` is that of its images, ``encoding`` that of its table, ``classes`` are its class
    names, and ``whole`` makes all of the data the test set if there is none. ``largest_side`` is
    that of the images in a folder if no size is given, 96 for those of different sizes by default.
    With ``crops`` the training images in files are also read larger, to cut crops from.
    """

    shape: tuple[int, ...] | None = None
    classes: tuple[str, ...] | None = None
    whole: bool = False
    encoding: "RowEncoding | None" = None
    largest_side: int | None = None
    crops: bool = False

    @property
    def without_table(self) -> "Reading":
        """The options for data that is not a table."""
        options = options_of(ReadingOptions)
        unset: dict[str, Any] = {
            name: field.default for name, (field, one) in options.items() if one.of_tables
        }
        return replace(self, **unset)
