"""How a table's columns become numbers: learnt of the training's rows, and then a value."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite, pi
from typing import Any

import numpy as np

from hardmax.data.tables.columns import KINDS, Column
from hardmax.errors import DataError

__all__ = ["ColumnCode", "Encoding", "Unseen", "learn"]

#: A column of texts is one of categories if it has at most so many different ones, ...
MOST_LEVELS = 256

#: ... each on so many rows on average; else it is free text.
ROWS_A_LEVEL = 2

#: Values further than so many standard deviations from the mean count as that far.
FARTHEST = 8.0

DAY = 86_400.0

#: The cycles of a date in seconds: the year's, the week's and the day's.
CYCLES = (365.2425 * DAY, 7 * DAY, DAY)


@dataclass(frozen=True)
class ColumnCode:
    """How a column becomes numbers.

    Numbers, booleans and dates: their distance from ``center`` in units of ``scale``, at most
    FARTHEST; a missing one is 0. Of dates also the sine and the cosine of their place in each of
    ``cycles``, in seconds. Categories: 1 in the place of their text in ``levels``, else 0. With
    ``missing`` a last entry is 1 where the value is missing.
    """

    name: str
    kind: str
    center: float = 0.0
    scale: float = 1.0
    levels: tuple[str, ...] = ()
    cycles: tuple[float, ...] = ()
    missing: bool = False

    @property
    def entries(self) -> int:
        """How many numbers the column becomes."""
        own = len(self.levels) if self.kind == "category" else 1 + 2 * len(self.cycles)
        return own + self.missing

    def encode(self, column: Column) -> np.ndarray:
        """Return a column of this kind as float64 (rows, entries)."""
        own = self._levels(column) if self.kind == "category" else self._numbers(column.values)
        parts = [own, column.missing[:, np.newaxis]] if self.missing else [own]
        return np.concatenate(parts, axis=1, dtype=np.float64)

    def _levels(self, column: Column) -> np.ndarray:
        places = self.places(column)
        return places[:, np.newaxis] == np.arange(len(self.levels))

    def places(self, column: Column) -> np.ndarray:
        """Return the place in ``levels`` of each text, int64 (rows,), -1 where it has none."""
        known = {text: place for place, text in enumerate(self.levels)}
        found = np.array([*(known.get(text, -1) for text in column.levels), -1], np.int64)
        return found[column.values.astype(np.int64)]

    def _numbers(self, values: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            scaled = np.clip((values - self.center) / self.scale, -FARTHEST, FARTHEST)
        angles = [2 * pi * values / cycle for cycle in self.cycles]
        waves = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
        return np.nan_to_num(np.column_stack([scaled, *waves]))


@dataclass(frozen=True)
class Unseen:
    """A text that a category's column never had in the training: the first of ``count``."""

    column: str
    text: str
    row: int
    count: int


@dataclass(frozen=True)
class Encoding:
    """The codes of the columns that are used, in their order."""

    columns: tuple[ColumnCode, ...]

    @property
    def entries(self) -> int:
        """How many numbers a row becomes."""
        return sum(code.entries for code in self.columns)

    def chosen(self, columns: Sequence[Column]) -> list[Column]:
        """Return those of the columns that it was learnt of that it has codes for."""
        names = {code.name for code in self.columns}
        return [column for column in columns if column.name in names]

    def encode(self, columns: Sequence[Column]) -> np.ndarray:
        """Return rows as float32 (rows, entries); ``columns`` are those of the codes, in order.

        A text that is no level is none of them.
        """
        pairs = zip(self.columns, columns, strict=True)
        whole = np.empty((len(columns[0].values), self.entries), np.float32)
        at = 0
        for code, column in pairs:
            whole[:, at : at + code.entries] = code.encode(column)
            at += code.entries
        return whole

    def unseen(self, columns: Sequence[Column]) -> list[Unseen]:
        """Return what categories the training never had, one entry a column."""
        found = []
        for code, column in zip(self.columns, columns, strict=True):
            if code.kind == "category":
                rows = np.flatnonzero((code.places(column) < 0) & ~column.missing)
                if len(rows):
                    text = column.levels[int(column.values[rows[0]])]
                    found.append(Unseen(code.name, text, int(rows[0]), len(rows)))
        return found

    def as_json(self) -> list[dict[str, Any]]:
        """Return it as JSON has it."""
        return [asdict(code) for code in self.columns]

    @classmethod
    def from_json(cls, value: Any) -> "Encoding":
        """Return what ``as_json`` described. Raises KeyError, TypeError or ValueError."""
        codes = tuple(_read_code(**entry) for entry in value)
        if not codes:
            raise ValueError("no columns")
        return cls(codes)


def _read_code(
    name: str, kind: str, center: float, scale: float, levels: Any, cycles: Any, missing: bool
) -> ColumnCode:
    texts = [name, *levels]
    numbers = [center, scale, *cycles]
    if kind not in KINDS or not all(type(text) is str for text in texts):
        raise ValueError(f"the code of a column of kind {kind!r}")
    if not all(type(number) is float and isfinite(number) for number in numbers):
        raise ValueError(f"the code of a column with the numbers {numbers!r}")
    if scale <= 0 or any(cycle < 1 for cycle in cycles) or type(missing) is not bool:
        raise ValueError(f"the code of a column with scale {scale!r}, missing {missing!r}")
    return ColumnCode(name, kind, center, scale, tuple(levels), tuple(cycles), missing)


def learn(columns: Sequence[Column], rows: np.ndarray) -> tuple[Encoding, dict[str, str]]:
    """Return the encoding of columns as their ``rows`` have them, and why others are left out.

    ``rows`` are integers. Raises DataError where no column is left.
    """
    codes, left_out = [], {}
    for column in columns:
        code = _learn(column, rows)
        if isinstance(code, str):
            left_out[column.name] = code
        else:
            codes.append(code)
    if not codes:
        told = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise DataError(f"no column is left to learn from ({told or 'there is none'})")
    return Encoding(tuple(codes)), left_out


def _learn(column: Column, rows: np.ndarray) -> ColumnCode | str:
    """Return how a column becomes numbers, or why it is left out."""
    missing = column.missing[rows]
    known = column.values[rows][~missing]
    different = np.unique(known)
    some_missing = bool(missing.any())
    if not len(known):
        return "empty"
    if len(different) == 1 and not some_missing:
        return "one value only"
    if column.kind == "category":
        levels = tuple(sorted(column.levels[code] for code in different))
        if len(levels) > min(MOST_LEVELS, len(known) // ROWS_A_LEVEL):
            return f"text ({len(levels)} different ones)"
        return ColumnCode(column.name, "category", levels=levels, missing=some_missing)
    cycles: tuple[float, ...] = ()
    if column.kind == "date":
        cycles = CYCLES if (different % DAY).any() else CYCLES[:2]
    scale = float(known.std()) or 1.0
    center = float(known.mean())
    return ColumnCode(column.name, column.kind, center, scale, (), cycles, some_missing)
