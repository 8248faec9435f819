"""Labelled examples in memory: checked once, never changed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np

from hardmax.checks import is_plain
from hardmax.data.mapped import blocks, taken
from hardmax.data.sampling import order
from hardmax.errors import ArgumentError, DataError

__all__ = [
    "SCALE",
    "Dataset",
    "Examples",
    "Pictures",
    "RowEncoding",
    "Some",
    "Vectors",
    "split_off",
    "split_rows",
]

#: From a byte to 0..1; a product costs half as much as a quotient, and 255 still becomes 1.
SCALE = 1 / 255


class Examples:
    """What pictures and vectors have in common: the examples, ``inputs``, and their ``labels``.

    ``labels``: int64, 0..classes-1, shape (examples,). The object's own views of both are
    read-only.
    """

    #: What the examples are called, one and many.
    words = ("example", "examples")

    labels: np.ndarray

    @property
    def inputs(self) -> np.ndarray:
        """The examples, along the first axis."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray | slice) -> Any:
        """Return the examples at the integer positions ``rows``, or those of a slice."""
        raise NotImplementedError


def _checked(inputs: np.ndarray, labels: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Return read-only views. Raises DataError where labels are none, or too many or too few."""
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            "labels must be integers of shape (examples,), got "
            f"{labels.dtype} of shape {labels.shape}"
        )
    if len(inputs) != len(labels):
        raise DataError(
            f"{what} and labels disagree in number: {len(inputs)} {what} and {len(labels)} labels"
        )
    return _read_only(inputs), _read_only(labels.astype(np.int64, copy=False))


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Pictures(Examples):
    """Pictures and their labels.

    ``images``: uint8, 0 to 255, shape (examples, height, width, channels). Raises DataError where
    images and labels do not fit each other.
    """

    images: np.ndarray
    labels: np.ndarray

    words = ("picture", "pictures")

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise DataError(
                "pictures must be uint8 of shape (examples, height, width, channels), got "
                f"{self.images.dtype} of shape {self.images.shape}"
            )
        images, labels = _checked(self.images, self.labels, "images")
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels)

    @property
    def inputs(self) -> np.ndarray:
        """The images."""
        return self.images

    def take(self, rows: np.ndarray | slice) -> "Pictures":
        """Return the examples at the integer positions ``rows``, or those of a slice."""
        images = self.images[rows] if isinstance(rows, slice) else taken(self.images, rows)
        return Pictures(images, self.labels[rows])


@dataclass(frozen=True, eq=False)
class Vectors(Examples):
    """Vectors of numbers and their labels.

    ``values``: float32, finite, shape (examples, entries). ``places``: where they stand in what
    they were read from, integers of shape (examples,), None where that is their own order. Raises
    DataError where values and labels do not fit each other.
    """

    values: np.ndarray
    labels: np.ndarray
    places: np.ndarray | None = None

    words = ("row", "rows")

    def __post_init__(self) -> None:
        if self.values.dtype != np.float32 or self.values.ndim != 2:
            raise DataError(
                "vectors must be float32 of shape (examples, entries), got "
                f"{self.values.dtype} of shape {self.values.shape}"
            )
        if not np.isfinite(self.values).all():
            raise DataError("vectors must have finite numbers; some are NaN or infinite")
        values, labels = _checked(self.values, self.labels, "vectors")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "labels", labels)

    @property
    def inputs(self) -> np.ndarray:
        """The values."""
        return self.values

    def take(self, rows: np.ndarray | slice) -> "Vectors":
        """Return the examples at the integer positions ``rows``, or those of a slice."""
        places = None if self.places is None else self.places[rows]
        return Vectors(self.values[rows], self.labels[rows], places)


class RowEncoding(Protocol):
    """How a table's columns become vectors; its readers make it, and data sets carry it along."""

    @property
    def columns(self) -> Sequence[Any]:
        """How each column that is used becomes numbers, in order."""

    @property
    def entries(self) -> int:
        """How many numbers a row becomes."""

    def encode(self, columns: Sequence[Any]) -> np.ndarray:
        """Return columns as vectors, float32 (rows, entries)."""

    def unseen(self, columns: Sequence[Any]) -> list[Any]:
        """Return what categories the training never had, one entry a column."""

    def as_json(self) -> list[dict[str, Any]]:
        """Return it as JSON has it."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training set and a test set of examples of one shape, and the classes' names.

    ``prepared`` is what was done to make it of what was given, as JSON has it; ``remarks`` are
    what a person should be told of that. ``encoding`` made vectors of a table's rows, and ``rows``
    stands for those, however they were encoded. Raises DataError where a set is empty, a shape
    differs, a label has no class or a class's name has line breaks or control characters.
    """

    name: str
    train: Examples
    test: Examples
    classes: tuple[str, ...]
    prepared: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    encoding: RowEncoding | None = None
    rows: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.train, Pictures):
            self._check_pictures()
        for name in self.classes:
            if not is_plain(name):
                raise DataError(
                    f"{self.name}: a class is called {name!r}; the names of classes must be of "
                    "one line, without control characters"
                )
        for part, examples in (("training", self.train), ("test", self.test)):
            if not len(examples):
                raise DataError(f"{self.name}: the {part} set has no examples")
            _, things = examples.words
            if examples.inputs.shape[1:] != self.shape:
                raise DataError(
                    f"{self.name}: the {part} {things} are {examples.inputs.shape[1:]}, "
                    f"the training {things} {self.shape}; they must have one shape"
                )
            low, high = int(examples.labels.min()), int(examples.labels.max())
            if low < 0 or high >= len(self.classes):
                raise DataError(
                    f"{self.name}: the {part} labels run from {low} to {high}; "
                    f"with {len(self.classes)} classes they must lie in 0..{len(self.classes) - 1}"
                )

    def _check_pictures(self) -> None:
        if 0 in self.shape:
            raise DataError(
                f"{self.name}: the pictures have no pixels, their shape is {self.shape}"
            )
        if self.shape[2] not in (1, 3):
            raise DataError(
                f"{self.name}: pictures must have 1 or 3 channels, got shape {self.shape}"
            )

    def tell(self, say: Callable[[str], None] | None) -> None:
        """Give each remark to ``say``, if there is somebody."""
        if say is not None:
            for remark in self.remarks:
                say(remark)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an example: (height, width, channels) of pictures, (entries,) of vectors."""
        return self.train.inputs.shape[1:]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the examples and the classes' names: the same data, the same string."""
        digest = hashlib.sha256(repr(self.classes).encode())
        digest.update(self.rows.encode())
        for examples in (self.train, self.test):
            if not self.rows:
                digest.update(str(examples.inputs.shape).encode())
                for block in blocks(examples.inputs):
                    digest.update(np.ascontiguousarray(block).data)
            digest.update(np.ascontiguousarray(examples.labels).data)
        return digest.hexdigest()


#: Examples of one kind.
Some = TypeVar("Some", bound=Examples)


def split_off(examples: Some, fraction: float, seed: int) -> tuple[Some, Some]:
    """Return (the rest, ``fraction`` of the examples). Raises what ``split_rows`` raises."""
    rest, chosen = split_rows(examples.labels, fraction, seed)
    return examples.take(rest), examples.take(chosen)


def split_rows(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the rest and of ``fraction``, each class split in that proportion.

    ``labels`` are integers (examples,), the rows int64 and rising. Which are split off depends on
    ``seed`` alone. Raises ArgumentError unless 0 < fraction < 1 and both parts get an example.
    """
    if not 0 < fraction < 1:
        raise ArgumentError(f"the fraction to split off must lie between 0 and 1, got {fraction}")
    rows = order(len(labels), seed, 0)
    labels = labels[rows]
    chosen = np.zeros(len(rows), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        chosen[members[: round(fraction * len(members))]] = True
    if chosen.all() or not chosen.any():
        raise ArgumentError(
            f"splitting off {fraction} of {len(labels)} examples leaves one part empty; "
            "choose another fraction"
        )
    return np.sort(rows[~chosen]), np.sort(rows[chosen])
