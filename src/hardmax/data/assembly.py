"""The steps that all readers share, from what was read to a data set."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, Generic, NamedTuple

import numpy as np

from hardmax.checks import listed
from hardmax.data.datasets import Dataset, Examples, ExamplesT, Images
from hardmax.data.options import TEST_FRACTION, Reading
from hardmax.errors import ArgumentError, DataError
from hardmax.labels import number

__all__ = [
    "Split",
    "assemble",
    "check_training_classes",
    "find_classes",
    "numbered",
    "with_test",
]


def find_classes(
    name: str, labels: Mapping[str, Iterable[str]], reading: Reading
) -> tuple[str, ...]:
    """Return the classes of the run, or else of the training set, numbers in numeric order.

    ``labels`` are the distinct ones of each part, of which "train" is required. Raises DataError if
    there are fewer than two, or if data has a class that is not among them.
    """
    train = tuple(labels["train"])
    if reading.classes is not None:
        unknown = {*chain(*labels.values())} - {*reading.classes}
        if unknown:
            raise DataError(
                f"{name} has classes that are not in the run: {listed(sorted(unknown))}; "
                f"the run has {listed(reading.classes)}"
            )
        return reading.classes
    for part, found in labels.items():
        unseen = {*found} - {*train}
        if unseen:
            raise DataError(
                f"{name}: the {part} set has classes that are not in the training set: "
                f"{listed(sorted(unseen))}"
            )
    if len(train) < 2:
        count = f"only one class ({train[0]})" if train else "no examples"
        raise DataError(f"{name} has {count}; at least two classes are needed")
    numbers = {label: value for label in train if (value := number(label)) is not None}
    if len(numbers) == len(train):
        return tuple(sorted(train, key=lambda label: (numbers[label], label)))
    are_integers = all(label.isascii() and label.isdigit() for label in train)
    # Numbers with leading zeros are codes; those of the same length are still in their order.
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
    split = (
        with_test(name, train, reading, preprocessing)
        if test is None
        else Split(train, test, preprocessing)
    )
    check_training_classes(name, split.train, classes, reading)
    return Dataset(
        name,
        split.train,
        split.test,
        classes,
        preprocessing=split.preprocessing,
        notices=(*notices, *split.notices),
        warnings=split.warnings,
        has_test=has_test,
    )


def check_training_classes(
    name: str, train: Examples, classes: tuple[str, ...], reading: Reading
) -> None:
    """Raise DataError if a class has no training examples, unless the classes are a run's."""
    missing = [classes[label] for label in range(len(classes)) if not (train.labels == label).any()]
    if missing and reading.classes is None:
        raise DataError(f"{name}: the training set has no examples of {listed(missing)}")


class Split(NamedTuple, Generic[ExamplesT]):
    """A training and a test set, what was done to make them, and notices and warnings on that."""

    train: ExamplesT
    test: ExamplesT
    preprocessing: dict[str, Any]
    notices: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def with_test(
    name: str, examples: ExamplesT, reading: Reading, preprocessing: dict[str, Any]
) -> Split[ExamplesT]:
    """Split examples into a training and a test set, and add that to ``preprocessing``.

    With ``reading.whole`` both sets are all examples. Raises DataError if there are too few to
    split.
    """
    if reading.whole:
        return Split(examples, examples, preprocessing)
    fraction = TEST_FRACTION if reading.test is None else float(reading.test)
    try:
        rest, chosen = examples.split(fraction, reading.seed)
    except ArgumentError:
        raise DataError(
            f"{name} has {len(examples)} examples and no test set, too few to split one off; "
            "add a test set"
        ) from None
    distinct = len(np.unique(examples.groups))
    about = "about " if distinct < len(examples) else ""
    manner = examples.split_by or f"{about}{fraction:g} of each class"
    notice = (
        f"{name} has no test set: {len(chosen)} of {len(examples)} examples, {manner}, were split "
        "off" + (f" (seed {reading.seed})" if examples.is_split_at_random else "")
    )
    said, warned = ([], []) if examples.split_by else _about_copies(name, examples, rest, chosen)
    return Split(
        examples.take(rest),
        examples.take(chosen),
        {**preprocessing, "split_off": fraction, "split_seed": reading.seed},
        (notice, *said),
        tuple(warned),
    )


def _about_copies(
    name: str, examples: Examples, rest: np.ndarray, chosen: np.ndarray
) -> tuple[list[str], list[str]]:
    """Return a notice or a warning on whether copies are in the same part, if there are any.

    ``rest`` and ``chosen`` are the rows in each part, int64.
    """
    groups = examples.groups
    distinct = len(np.unique(groups))
    if distinct == len(groups):
        return [], []
    counts = f"{name}: {distinct} of {len(groups)} examples are distinct"
    if np.isin(groups[rest], groups[chosen]).any():
        return [], [
            f"{counts}, too few to keep equal ones on one side of the split; the accuracy does not "
            "show how well new ones are classified; add a test set"
        ]
    return [f"{counts}; equal ones are either all in the training set or all in the test set"], []


def numbered(labels: Iterable[str], classes: tuple[str, ...]) -> np.ndarray:
    """Return class names as indices into ``classes``, int64 of shape (examples,)."""
    indices = {label: index for index, label in enumerate(classes)}
    return np.array([indices[label] for label in labels], np.int64)
