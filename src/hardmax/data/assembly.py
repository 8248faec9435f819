"""The steps that all readers share, from what was read to a data set."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from hardmax.checks import listed
from hardmax.data.datasets import Dataset, Examples, ExamplesT, Images, split_off
from hardmax.data.options import TEST_FRACTION, Reading
from hardmax.errors import ArgumentError, DataError

__all__ = ["assemble", "check_training_classes", "find_classes", "numbered", "with_test"]


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
