"""Reading options, and the steps that all readers share."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hardmax.checks import MAX_SEED
from hardmax.data.datasets import Dataset, Examples, ExamplesT, Images, RowEncoding, split_off
from hardmax.errors import ArgumentError, DataError
from hardmax.fields import FRACTIONS, Bounds, check_options, option

__all__ = [
    "Reading",
    "ReadingOptions",
    "assemble",
    "check_training_classes",
    "find_classes",
    "listed",
    "numbered",
    "with_test",
]

#: The largest height and width that images can be resized to.
MAX_SIDE = 4096

#: The default fraction to split off as the test set of data without one.
TEST_FRACTION = 0.2

#: The largest number of names in a message.
MAX_NAMES = 5


def sides(text: str) -> tuple[int, int]:
    """Return (height, width) parsed from ``24x32``, or from ``32`` for a square.

    Raises ArgumentError for any other text.
    """
    numbers = text.split("x")
    if len(numbers) > 2 or not all(side.isascii() and side.isdigit() for side in numbers):
        raise ArgumentError(
            f"--size must be one integer or HEIGHTxWIDTH, such as 32 or 24x32, got {text!r}"
        )
    return int(numbers[0]), int(numbers[-1])


def fraction_or_source(text: str) -> float | str:
    """Return the text as a float if it is a number, otherwise unchanged."""
    try:
        return float(text)
    except ValueError:
        return text


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
    skip_bad: bool = option(False, "Skip image files that cannot be read.")
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
    label: str | None = option(None, "Column of a table that holds the classes.", metavar="COLUMN")
    validation: float | None = option(
        None,
        "Fraction of the training set to split off for validation.",
        bounds=FRACTIONS,
        metavar="FRACTION",
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class Reading(ReadingOptions):
    """Options for reading data. Raises ArgumentError for invalid values.

    No encoding of a table is fitted to the ``validation`` fraction. To evaluate a run,
    ``shape`` is that of its images, ``encoding`` that of its table, ``classes`` are its class
    names, and ``whole`` makes all of the data the test set if there is none.
    """

    shape: tuple[int, ...] | None = None
    classes: tuple[str, ...] | None = None
    whole: bool = False
    encoding: RowEncoding | None = None


def listed(names: Iterable[str]) -> str:
    """Return names separated by commas; of many names, the first few and how many more."""
    names = [*names]
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def find_classes(
    name: str, train: Iterable[str], test: Iterable[str], reading: Reading
) -> tuple[str, ...]:
    """Return the classes of the run, or else of the training set, integers in numeric order.

    Raises DataError if there are fewer than two, or if data has a class that is not among them.
    """
    train, test = tuple(train), tuple(test)
    if reading.classes is not None:
        unknown = {*train, *test} - {*reading.classes}
        if unknown:
            raise DataError(
                f"{name} has classes that are not in the run: {listed(sorted(unknown))}; "
                f"the run has {listed(reading.classes)}"
            )
        return reading.classes
    unseen = {*test} - {*train}
    if unseen:
        raise DataError(
            f"{name}: the test set has classes that are not in the training set: "
            f"{listed(sorted(unseen))}"
        )
    if len(train) < 2:
        found = f"only one class ({train[0]})" if train else "no examples"
        raise DataError(f"{name} has {found}; at least two classes are needed")
    are_integers = all(label.isascii() and label.isdigit() for label in train)
    # Without leading zeros, the longer of two integers is the larger.
    return tuple(sorted(train, key=lambda label: (len(label) if are_integers else 0, label)))


def assemble(
    name: str,
    classes: tuple[str, ...],
    train: Images,
    test: Images | None,
    reading: Reading,
    preprocessing: dict[str, Any],
    notices: tuple[str, ...] = (),
) -> Dataset:
    """Return a data set, splitting off a stratified test set if there is none.

    ``preprocessing`` and ``notices`` describe what was done so far. Raises DataError if there are
    too few examples to split.
    """
    has_test = test is not None or not reading.whole
    if test is None:
        train, test, preprocessing, added = with_test(name, train, reading, preprocessing)
        notices = (*notices, *added)
    check_training_classes(name, train, classes, reading)
    return Dataset(name, train, test, classes, preprocessing, notices, has_test=has_test)


def check_training_classes(
    name: str, train: Examples, classes: tuple[str, ...], reading: Reading
) -> None:
    """Raise DataError if a class has no training examples, unless the classes are a run's."""
    missing = [classes[label] for label in range(len(classes)) if not (train.labels == label).any()]
    if missing and reading.classes is None:
        raise DataError(f"{name}: the training set has no examples of {listed(missing)}")


def with_test(
    name: str, examples: ExamplesT, reading: Reading, preprocessing: dict[str, Any]
) -> tuple[ExamplesT, ExamplesT, dict[str, Any], tuple[str, ...]]:
    """Split examples into a training and a test set.

    Returns both, ``preprocessing`` with the split added, and notices. With ``reading.whole`` both
    parts are all examples. Raises DataError if there are too few to split.
    """
    if reading.whole:
        return examples, examples, preprocessing, ()
    fraction = TEST_FRACTION if reading.test is None else float(reading.test)
    try:
        train, test = split_off(examples, fraction, reading.seed)
    except ArgumentError:
        raise DataError(
            f"{name} has {len(examples)} examples and no test set, too few to split one off; "
            "add a test set"
        ) from None
    notice = (
        f"{name} has no test set: {len(test)} of {len(examples)} examples, {fraction:g} of "
        f"each class, were split off (seed {reading.seed})"
    )
    return (
        train,
        test,
        {**preprocessing, "split_off": fraction, "split_seed": reading.seed},
        (notice,),
    )


def numbered(labels: Iterable[str], classes: tuple[str, ...]) -> np.ndarray:
    """Return class names as indices into ``classes``, int64 of shape (examples,)."""
    indices = {label: index for index, label in enumerate(classes)}
    return np.array([indices[label] for label in labels], np.int64)
