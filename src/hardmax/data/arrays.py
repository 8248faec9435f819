"""Labelled pictures in memory: checked once, kept as bytes, never changed."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from hardmax.batches import order
from hardmax.checks import is_plain
from hardmax.data.mapped import blocks, taken
from hardmax.errors import ArgumentError, DataError

__all__ = ["SCALE", "Dataset", "Pictures", "split_off"]

#: From a byte to 0..1; a product costs half as much as a quotient, and 255 still becomes 1.
SCALE = 1 / 255


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures and their labels.

    ``images``: uint8, 0 to 255, shape (examples, height, width, channels). ``labels``: int64,
    0..classes-1, shape (examples,). The object's own views of both are read-only. Raises
    DataError where they do not fit each other.
    """

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise DataError(
                "pictures must be uint8 of shape (examples, height, width, channels), got "
                f"{self.images.dtype} of shape {self.images.shape}"
            )
        if self.labels.ndim != 1 or not np.issubdtype(self.labels.dtype, np.integer):
            raise DataError(
                "labels must be integers of shape (examples,), got "
                f"{self.labels.dtype} of shape {self.labels.shape}"
            )
        if len(self.images) != len(self.labels):
            raise DataError(
                "images and labels disagree in number: "
                f"{len(self.images)} images and {len(self.labels)} labels"
            )
        object.__setattr__(self, "images", _read_only(self.images))
        object.__setattr__(self, "labels", _read_only(self.labels.astype(np.int64, copy=False)))

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray | slice) -> "Pictures":
        """Return the examples at the integer positions ``rows``, or those of a slice."""
        images = self.images[rows] if isinstance(rows, slice) else taken(self.images, rows)
        return Pictures(images, self.labels[rows])


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training set and a test set of pictures of one shape, and the classes' names.

    ``prepared`` is what was done to make it of what was given, as JSON has it; ``remarks`` are
    what a person should be told of that. Raises DataError where a set is empty, a shape differs, a
    label has no class or a class's name has line breaks or control characters.
    """

    name: str
    train: Pictures
    test: Pictures
    classes: tuple[str, ...]
    prepared: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if 0 in self.shape:
            raise DataError(
                f"{self.name}: the pictures have no pixels, their shape is {self.shape}"
            )
        if self.shape[2] not in (1, 3):
            raise DataError(
                f"{self.name}: pictures must have 1 or 3 channels, got shape {self.shape}"
            )
        for name in self.classes:
            if not is_plain(name):
                raise DataError(
                    f"{self.name}: a class is called {name!r}; the names of classes must be of "
                    "one line, without control characters"
                )
        for part, pictures in (("training", self.train), ("test", self.test)):
            if not len(pictures):
                raise DataError(f"{self.name}: the {part} set has no examples")
            if pictures.images.shape[1:] != self.shape:
                raise DataError(
                    f"{self.name}: the {part} pictures are {pictures.images.shape[1:]}, "
                    f"the training pictures {self.shape}; they must have one shape"
                )
            low, high = int(pictures.labels.min()), int(pictures.labels.max())
            if low < 0 or high >= len(self.classes):
                raise DataError(
                    f"{self.name}: the {part} labels run from {low} to {high}; "
                    f"with {len(self.classes)} classes they must lie in 0..{len(self.classes) - 1}"
                )

    @property
    def shape(self) -> tuple[int, int, int]:
        """The pictures' (height, width, channels)."""
        _, height, width, channels = self.train.images.shape
        return height, width, channels

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the examples and the classes' names: the same data, the same string."""
        digest = hashlib.sha256(repr(self.classes).encode())
        for pictures in (self.train, self.test):
            digest.update(str(pictures.images.shape).encode())
            for block in blocks(pictures.images):
                digest.update(np.ascontiguousarray(block).data)
            digest.update(np.ascontiguousarray(pictures.labels).data)
        return digest.hexdigest()


def split_off(pictures: Pictures, fraction: float, seed: int) -> tuple[Pictures, Pictures]:
    """Return (the rest, ``fraction`` of the examples), each class split in that proportion.

    Which examples are split off depends on ``seed`` alone. Raises ArgumentError unless
    0 < fraction < 1 and both parts get an example.
    """
    if not 0 < fraction < 1:
        raise ArgumentError(f"the fraction to split off must lie between 0 and 1, got {fraction}")
    rows = order(len(pictures), seed, 0)
    labels = pictures.labels[rows]
    chosen = np.zeros(len(rows), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        chosen[members[: round(fraction * len(members))]] = True
    if chosen.all() or not chosen.any():
        raise ArgumentError(
            f"splitting off {fraction} of {len(pictures)} examples leaves one part empty; "
            "choose another fraction"
        )
    return pictures.take(np.sort(rows[~chosen])), pictures.take(np.sort(rows[chosen]))
