"""The encoding of a table's rows, as data sets know it; ``tables/encoding.py`` implements it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from hardmax.json_values import Json

__all__ = [
    "ColumnValues",
    "EncodedColumn",
    "RowEncoding",
    "TableColumn",
    "Unseen",
    "ordered_features",
]


class TableColumn(Protocol):
    """A column of a table: its ``values`` and which are ``missing``, both of shape (rows,)."""

    @property
    def values(self) -> np.ndarray:
        """Float64 or, of categories, int64 indices into ``levels``."""

    @property
    def levels(self) -> tuple[str, ...]:
        """The categories."""

    @property
    def missing(self) -> np.ndarray:
        """A mask of the missing values, bool."""


@dataclass(frozen=True, eq=False)
class ColumnValues:
    """Values of a column, as ``TableColumn`` describes them."""

    values: np.ndarray
    levels: tuple[str, ...] = ()

    @property
    def missing(self) -> np.ndarray:
        """A mask of the missing values, bool (rows,)."""
        is_category = np.issubdtype(self.values.dtype, np.integer)
        return self.values < 0 if is_category else np.isnan(self.values)

    def take(self, rows: np.ndarray | slice) -> "ColumnValues":
        """Return the values in the rows at integer positions, or in those of a slice."""
        return replace(self, values=self.values[rows])


class EncodedColumn(Protocol):
    """The encoding of a column: its ``name``, ``kind`` and, of categories, ``levels``.

    In a column of strings, ``style`` is how they are written, such as with a decimal comma or the
    day first, and ``placeholder`` the text for missing values, if any. ``odd`` is whether training
    rows had cells of another kind, which count as missing.
    """

    @property
    def name(self) -> str:
        """The name of the column."""

    @property
    def kind(self) -> str:
        """The kind of its values."""

    @property
    def read_as(self) -> str:
        """The kind of column that is encoded."""

    @property
    def levels(self) -> tuple[str, ...]:
        """The categories that occurred in training."""

    @property
    def style(self) -> str:
        """How strings are written; empty for the plain style of a kind."""

    @property
    def placeholder(self) -> str | None:
        """The text that stands for a missing value in this column, besides the common ones."""

    @property
    def odd(self) -> bool:
        """Whether cells of another kind count as missing."""


@dataclass(frozen=True)
class Unseen:
    """A category that was not in the training rows: the first of ``count`` such cells."""

    column: str
    text: str
    row: int
    count: int


class RowEncoding(Protocol):
    """Encodes a table's columns as vectors; made by the table reader, stored in the data set."""

    @property
    def columns(self) -> Sequence[EncodedColumn]:
        """The encodings of the columns in use, in order."""

    @property
    def features(self) -> int:
        """The number of features of an encoded row."""

    @property
    def ordered(self) -> tuple[int, ...]:
        """The positions of the features that are scaled numbers, dates or times of day."""

    @property
    def missing(self) -> Sequence[str]:
        """The texts, in lowercase, that stand for missing values in all columns of strings."""

    @property
    def spans(self) -> Sequence[slice]:
        """The features of each column."""

    def encode(self, columns: Sequence[TableColumn]) -> np.ndarray:
        """Return the columns as vectors, float32 (rows, features)."""

    def encode_column(self, place: int, column: TableColumn) -> np.ndarray:
        """Return the column at a place as float32 (rows, features of the column)."""

    def unseen(self, columns: Sequence[TableColumn]) -> list[Unseen]:
        """Return the categories that did not occur in training, one entry per column."""

    def as_json(self) -> dict[str, Json]:
        """Return the encoding as JSON values."""


def ordered_features(encoding: RowEncoding | None) -> tuple[int, ...] | None:
    """Return the positions of the features with an order; None if there is no encoding to ask."""
    return None if encoding is None else encoding.ordered
