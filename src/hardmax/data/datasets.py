"""Labeled examples: validated once, then immutable."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self, TypeVar

import numpy as np

from hardmax.checks import is_plain
from hardmax.data.equality import content_keys, copies_of
from hardmax.data.mapped import blocks, take_rows
from hardmax.data.row_encoding import ColumnValues, RowEncoding
from hardmax.data.splitting import split_rows
from hardmax.errors import DataError
from hardmax.json_values import Json

__all__ = [
    "SCALE",
    "Dataset",
    "Examples",
    "ExamplesT",
    "Images",
    "Vectors",
    "split_off",
    "taken",
]

#: Scales a byte to 0..1. Multiplying costs half as much as dividing, and 255 still becomes 1.
SCALE = 1 / 255


class Examples:
    """Base class of images and vectors: the examples, ``inputs``, and their ``labels``.

    ``labels``: int64, 0..classes-1, shape (examples,). ``weights``: float64, finite and above 0, of
    the same shape, or None if all examples count equally. The arrays are read-only views.
    ``places``: the positions in the source, integers of that shape, or None if they are in source
    order. ``wholes``: the groups that must not be divided, integers of that shape, if there are
    any. ``known_keys``: the ``keys``, if they are known.
    """

    #: The singular and plural noun for the examples.
    words = ("example", "examples")

    #: What decides how they are split, if it is not their classes alone.
    split_by = ""

    #: Whether a seed decides it.
    is_split_at_random = True

    labels: np.ndarray
    places: np.ndarray | None
    weights: np.ndarray | None = None
    wholes: np.ndarray | None = None
    known_keys: np.ndarray | None = None

    @property
    def inputs(self) -> np.ndarray:
        """The examples, stacked along the first axis."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray | slice) -> Self:
        """Return the examples at the integer positions ``rows``, or those of a slice."""
        raise NotImplementedError

    def source(self, rows: np.ndarray) -> tuple[str, list[str | int]]:
        """Return where the examples at the integer positions ``rows`` are in the source.

        That is the ``file`` of each, its ``row`` in a table, from 1, or its ``index``, from 0.
        """
        return "index", self._places(rows).tolist()

    def _places(self, rows: np.ndarray) -> np.ndarray:
        return rows if self.places is None else self.places[rows]

    def split(self, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of a split, int64: the rest, and about ``fraction`` of the examples.

        Equal examples are in the same part if that is possible. Raises the same as ``split_rows``.
        """
        return split_rows(self.labels, fraction, seed, self.groups)

    @cached_property
    def keys(self) -> np.ndarray:
        """A number for the content of each example, uint64 (examples,), equal for equal ones.

        Examples of other sets that were read in the same way can be compared by them, too.
        """
        return content_keys(self.inputs) if self.known_keys is None else self.known_keys

    @property
    def groups(self) -> np.ndarray:
        """The group of each example, integers (examples,): copies of one another are in one."""
        return self.keys

    def _taken_keys(self, rows: np.ndarray | slice) -> np.ndarray | None:
        """Return the keys at the positions ``rows``, unless they were never needed."""
        return taken(self.__dict__.get("keys", self.known_keys), rows)


def _checked(inputs: np.ndarray, labels: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Return read-only views. Raises DataError if the labels do not match the inputs."""
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            "labels must be integers of shape (examples,), got "
            f"{labels.dtype} of shape {labels.shape}"
        )
    if len(inputs) != len(labels):
        raise DataError(
            f"{what} and labels must have the same length, got {len(inputs)} {what} and "
            f"{len(labels)} labels"
        )
    return _read_only(inputs), _read_only(labels.astype(np.int64, copy=False))


def _checked_weights(weights: np.ndarray | None, labels: np.ndarray) -> np.ndarray | None:
    """Return a read-only view. Raises DataError unless each label has a weight above 0."""
    if weights is None:
        return None
    weights = weights.astype(np.float64, copy=False)
    if weights.shape != labels.shape or not (np.isfinite(weights) & (weights > 0)).all():
        raise DataError(
            f"weights must be finite and above 0, of the shape of the labels, {labels.shape}; got "
            f"shape {weights.shape}; leave out examples of weight 0"
        )
    return _read_only(weights)


def taken(array: np.ndarray | None, rows: np.ndarray | slice) -> np.ndarray | None:
    """Return an array at the positions ``rows``; None if there is none."""
    return None if array is None else array[rows]


def _pixels(images: np.ndarray, rows: np.ndarray | slice) -> np.ndarray:
    """Return images at the positions ``rows``, which may be too large for memory."""
    return images[rows] if isinstance(rows, slice) else take_rows(images, rows)


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Images(Examples):
    """Images and their labels.

    ``images``: uint8, 0 to 255, shape (examples, height, width, channels). ``names``: the names of
    their files, an array of str objects, shape (examples,), if each has its own. ``larger``: the
    same images with more pixels, to cut crops from, if there are any. Raises DataError if images
    and labels do not match.
    """

    images: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None = None
    wholes: np.ndarray | None = None
    places: np.ndarray | None = None
    names: np.ndarray | None = None
    larger: np.ndarray | None = None
    known_keys: np.ndarray | None = None

    words = ("image", "images")

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise DataError(
                "images must be uint8 of shape (examples, height, width, channels), got "
                f"{self.images.dtype} of shape {self.images.shape}"
            )
        images, labels = _checked(self.images, self.labels, "images")
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "weights", _checked_weights(self.weights, labels))
        if self.larger is not None:
            object.__setattr__(self, "larger", _read_only(self.larger))

    @property
    def inputs(self) -> np.ndarray:
        """The images."""
        return self.images

    @property
    def enlarged(self) -> Self:
        """The examples with their larger images, or as they are without any."""
        return self if self.larger is None else replace(self, images=self.larger, larger=None)

    def take(self, rows: np.ndarray | slice) -> Self:
        """Return the examples at the integer positions ``rows``, or those of a slice."""
        numbers = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        return replace(
            self,
            images=_pixels(self.images, rows),
            labels=self.labels[rows],
            weights=taken(self.weights, rows),
            wholes=taken(self.wholes, rows),
            places=self._places(numbers),
            names=taken(self.names, rows),
            larger=None if self.larger is None else _pixels(self.larger, rows),
            known_keys=self._taken_keys(rows),
        )

    def source(self, rows: np.ndarray) -> tuple[str, list[str | int]]:
        """Return where the examples at the integer positions ``rows`` are in the source."""
        if self.names is None:
            return super().source(rows)
        return "file", self.names[rows].tolist()


@dataclass(frozen=True, eq=False)
class Vectors(Examples):
    """Feature vectors and their labels.

    ``values``: float32, finite, shape (examples, features). ``columns``: what the rows of a test
    set were encoded from. ``copies``: the ``groups``, if they are known. Raises DataError if values
    and labels do not match.
    """

    values: np.ndarray
    labels: np.ndarray
    places: np.ndarray | None = None
    weights: np.ndarray | None = None
    wholes: np.ndarray | None = None
    columns: tuple[ColumnValues, ...] = ()
    known_keys: np.ndarray | None = None
    copies: np.ndarray | None = None

    words = ("row", "rows")

    def __post_init__(self) -> None:
        if self.values.dtype != np.float32 or self.values.ndim != 2:
            raise DataError(
                "vectors must be float32 of shape (examples, features), got "
                f"{self.values.dtype} of shape {self.values.shape}"
            )
        if not np.isfinite(self.values).all():
            raise DataError("vectors must be finite; some values are NaN or infinite")
        values, labels = _checked(self.values, self.labels, "vectors")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "weights", _checked_weights(self.weights, labels))

    @property
    def inputs(self) -> np.ndarray:
        """The values."""
        return self.values

    @cached_property
    def groups(self) -> np.ndarray:
        """The group of each example, integers (examples,): copies of one another are in one."""
        if self.copies is not None:
            return self.copies
        distinct = (len(np.unique(column)) for column in self.values.T)
        return copies_of(self.keys, self.labels, distinct)

    def take(self, rows: np.ndarray | slice) -> Self:
        """Return the examples at the integer positions ``rows``, or those of a slice."""
        return replace(
            self,
            values=self.values[rows],
            labels=self.labels[rows],
            places=taken(self.places, rows),
            weights=taken(self.weights, rows),
            wholes=taken(self.wholes, rows),
            columns=tuple(column.take(rows) for column in self.columns),
            known_keys=self._taken_keys(rows),
            copies=taken(self.copies, rows),
        )

    def source(self, rows: np.ndarray) -> tuple[str, list[str | int]]:
        """Return where the examples at the integer positions ``rows`` are in the source."""
        return "row", (self._places(rows) + 1).tolist()


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training, a validation and a test set of examples of one shape, and the class names.

    ``validation`` is None where there is none; if it was split off the training set, ``unsplit`` is
    the training set before. Without ``has_test`` the data was not split: ``train`` and ``test``
    both have all examples.
    ``preprocessing`` records how the examples were prepared, JSON-serializable; ``notices`` are
    messages about it for the user, and ``warnings`` about what may be wrong. ``encoding`` is the
    one that encoded a table's rows, and ``rows`` a digest of those rows that does not depend on it.
    Raises DataError if a set is empty, shapes differ, a label has no class, or a class name has
    line breaks or control characters.
    """

    name: str
    train: Examples
    test: Examples
    classes: tuple[str, ...]
    preprocessing: dict[str, Json] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    encoding: RowEncoding | None = None
    rows: str = ""
    validation: Examples | None = None
    unsplit: Examples | None = None
    has_test: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.train, Images):
            self._check_images()
        for name in self.classes:
            if not is_plain(name):
                raise DataError(
                    f"{self.name}: invalid class name {name!r}; class names must be a single "
                    "line without control characters"
                )
        self._check_part("training", self.train)
        self._check_part("test", self.test)
        if self.validation is not None:
            self._check_part("validation", self.validation)

    def _check_images(self) -> None:
        if 0 in self.shape:
            raise DataError(f"{self.name}: the images have no pixels, got shape {self.shape}")
        if self.shape[2] not in (1, 3):
            raise DataError(
                f"{self.name}: images must have 1 or 3 channels, got shape {self.shape}"
            )

    def _check_part(self, part: str, examples: Examples) -> None:
        if not len(examples):
            raise DataError(f"{self.name}: the {part} set has no examples")
        _, plural = examples.words
        if examples.inputs.shape[1:] != self.shape:
            raise DataError(
                f"{self.name}: the {part} {plural} have shape {examples.inputs.shape[1:]}, "
                f"the training {plural} {self.shape}; the shapes must be equal"
            )
        low, high = int(examples.labels.min()), int(examples.labels.max())
        if low < 0 or high >= len(self.classes):
            raise DataError(
                f"{self.name}: the {part} labels range from {low} to {high}; "
                f"with {len(self.classes)} classes they must be in 0..{len(self.classes) - 1}"
            )

    def with_validation(self, fraction: float, seed: int) -> "Dataset":
        """Return the data set with a validation set split off the training set.

        The split is that of ``split_rows``. Raises ArgumentError like it.
        """
        train, validation = split_off(self.train, fraction, seed)
        return replace(self, train=train, validation=validation, unsplit=self.train)

    def log_notices(self, log: Callable[[str], None] | None) -> None:
        """Pass each notice and each warning to ``log``, unless it is None."""
        if log is not None:
            for notice in (*self.notices, *self.warnings):
                log(notice)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an example: (height, width, channels) of images, (features,) of vectors."""
        return self.train.inputs.shape[1:]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the examples and the class names; equal for equal data.

        It does not depend on how a validation set was split off: runs with different ones have the
        same test set.
        """
        digest = hashlib.sha256(repr(self.classes).encode())
        digest.update(self.rows.encode())
        training = [self.train, self.validation] if self.unsplit is None else [self.unsplit]
        for examples in (*training, self.test):
            if examples is None:
                continue
            if not self.rows:
                digest.update(str(examples.inputs.shape).encode())
                for block in blocks(examples.inputs):
                    digest.update(np.ascontiguousarray(block).data)
            digest.update(np.ascontiguousarray(examples.labels).data)
        return digest.hexdigest()


ExamplesT = TypeVar("ExamplesT", bound=Examples)


def split_off(examples: ExamplesT, fraction: float, seed: int) -> tuple[ExamplesT, ExamplesT]:
    """Return (the rest, ``fraction`` of the examples), split as by their method ``split``."""
    rest, chosen = examples.split(fraction, seed)
    return examples.take(rest), examples.take(chosen)
