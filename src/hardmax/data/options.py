"""How data of one's own is to be read, and what becomes of it whatever it came from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hardmax.checks import check_fraction, check_whole
from hardmax.data.datasets import Dataset, Examples, Pictures, RowEncoding, Some, split_off
from hardmax.errors import ArgumentError, DataError

__all__ = [
    "Reading",
    "assemble",
    "check_learnt",
    "find_classes",
    "listed",
    "numbered",
    "with_test",
]

#: The largest height and width that pictures can be brought to.
LARGEST_SIDE = 4096

#: How much of data without a test part is split off as one, unless something else is asked for.
TEST_FRACTION = 0.2

#: How many names a message lists.
NAMES = 5


@dataclass(frozen=True)
class Reading:
    """How data is to be read. Raises ArgumentError for values that make no sense.

    ``size`` (height, width) and ``channels`` are what pictures are brought to, None as suits the
    data; ``skip_bad`` leaves out files that cannot be read. ``test`` is what to test on: other
    data, or the fraction that is split off where there is no test part, by ``seed``. ``label`` is
    the column of a table that has the classes, and ``validation`` the fraction of the training
    part that is split off later, so that no encoding must be learnt of it. To judge a run,
    ``shape`` is what its pictures were, ``encoding`` how its tables became numbers, ``classes``
    what its classes are called, and with ``whole`` data without a test part is all test.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    skip_bad: bool = False
    test: float | str | None = None
    seed: int = 0
    shape: tuple[int, ...] | None = None
    classes: tuple[str, ...] | None = None
    whole: bool = False
    label: str | None = None
    validation: float | None = None
    encoding: RowEncoding | None = None

    def __post_init__(self) -> None:
        for side in self.size or ():
            check_whole("a side of pictures", side, 1, LARGEST_SIDE)
        if self.channels not in (None, 1, 3):
            raise ArgumentError(f"channels must be 1 (grey) or 3 (colour), got {self.channels!r}")
        if self.test is not None and not isinstance(self.test, str):
            check_fraction("test", self.test)


def listed(names: Iterable[str]) -> str:
    """Return names with commas between them, and how many more there are where there are many."""
    names = [*names]
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return ", ".join(names[:NAMES]) + more


def find_classes(
    name: str, train: Iterable[str], test: Iterable[str], reading: Reading
) -> tuple[str, ...]:
    """Return the classes: those of the run, or else of the training part, numbers by their size.

    Raises DataError where there is but one, or where a part has a class that nothing learns.
    """
    train, test = tuple(train), tuple(test)
    if reading.classes is not None:
        unknown = {*train, *test} - {*reading.classes}
        if unknown:
            raise DataError(
                f"{name} has classes that the run never saw: {listed(sorted(unknown))}; "
                f"it knows {listed(reading.classes)}"
            )
        return reading.classes
    unseen = {*test} - {*train}
    if unseen:
        raise DataError(
            f"{name}: the test part has classes that training never saw: {listed(sorted(unseen))}"
        )
    if len(train) < 2:
        found = f"one class only ({train[0]})" if train else "no examples"
        raise DataError(f"{name} has {found}; two classes or more are needed")
    are_numbers = all(label.isascii() and label.isdigit() for label in train)
    # Of numbers without leading zeros the longer is the larger.
    return tuple(sorted(train, key=lambda label: (len(label) if are_numbers else 0, label)))


def assemble(
    name: str,
    classes: tuple[str, ...],
    train: Pictures,
    test: Pictures | None,
    reading: Reading,
    prepared: dict[str, Any],
    remarks: tuple[str, ...] = (),
) -> Dataset:
    """Return a data set; where there is no test part, a part of each class is split off as one.

    ``prepared`` and ``remarks`` tell of what was done before. Raises DataError where there is too
    little to split.
    """
    if test is None:
        train, test, prepared, told = with_test(name, train, reading, prepared)
        remarks = (*remarks, *told)
    check_learnt(name, train, classes, reading)
    return Dataset(name, train, test, classes, prepared, remarks)


def check_learnt(name: str, train: Examples, classes: tuple[str, ...], reading: Reading) -> None:
    """Raise DataError where a class has no example to train on, and is not that of a run."""
    missing = [classes[label] for label in range(len(classes)) if not (train.labels == label).any()]
    if missing and reading.classes is None:
        raise DataError(f"{name}: the training part has no example of {listed(missing)}")


def with_test(
    name: str, together: Some, reading: Reading, prepared: dict[str, Any]
) -> tuple[Some, Some, dict[str, Any], tuple[str, ...]]:
    """Return a training and a test part of examples, what was done for it, and what to say.

    All examples are both where the reading wants them whole. Raises DataError where they are too
    few to split.
    """
    if reading.whole:
        return together, together, prepared, ()
    fraction = TEST_FRACTION if reading.test is None else float(reading.test)
    try:
        train, test = split_off(together, fraction, reading.seed)
    except ArgumentError:
        raise DataError(
            f"{name} has {len(together)} examples and no test part, which are too few to "
            "split one off; give it one"
        ) from None
    told = (
        f"{name} has no test part: {len(test)} of {len(together)} examples, {fraction:g} of "
        f"each class, were split off as one (seed {reading.seed})"
    )
    return train, test, {**prepared, "split_off": fraction, "split_seed": reading.seed}, (told,)


def numbered(labels: Iterable[str], classes: tuple[str, ...]) -> np.ndarray:
    """Return the numbers, int64 of shape (examples,), of labels that are names of classes."""
    numbers = {label: number for number, label in enumerate(classes)}
    return np.array([numbers[label] for label in labels], np.int64)
