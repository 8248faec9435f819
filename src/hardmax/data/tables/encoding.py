"""Encoding table columns as numbers: learned from the training rows, then a plain value."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import accumulate
from math import isfinite, pi
from typing import TypeVar

import numpy as np

from hardmax.data.row_encoding import TableColumn, Unseen
from hardmax.data.tables.cells import KIND_OF, USUAL_MISSING
from hardmax.data.tables.columns import KINDS, Column
from hardmax.data.tables.ngrams import (
    Ngrams,
    check_ngrams,
    write_vectors,
)
from hardmax.json_values import Json, entries, members

__all__ = ["BOUND", "LARGEST", "ColumnCode", "Encoding"]

Value = TypeVar("Value")

#: Scaled numbers approach this bound smoothly, and its negative.
BOUND = 3.0

#: Larger scaled numbers have the same code, and the square of this one is far from infinite.
LARGEST = 1e9


@dataclass(frozen=True)
class ColumnCode:
    """The encoding of a column.

    Numbers, booleans, dates and times of day become x / sqrt(1 + (x / BOUND)**2) of
    x = (value - ``center``) / ``scale``, as in D. Holzmueller, L. Grinsztajn and I. Steinwart,
    "Better by default", NeurIPS 2024; missing ones become 0. Dates and times also become the sine
    and cosine of their phase in each of ``cycles`` (in seconds). Categories are one-hot encoded in
    the order of ``levels``. Texts become vectors of length ``scale`` of the n-grams with ``hashes``
    and ``weights``. With ``missing``, a last feature is 1 if the value is missing. ``style`` is how
    strings are written, and ``placeholder`` the text for missing values, as in ``Column``. ``odd``
    is whether training rows had cells of another kind, which count as missing.
    """

    name: str
    kind: str
    center: float = 0.0
    scale: float = 1.0
    levels: tuple[str, ...] = ()
    cycles: tuple[float, ...] = ()
    hashes: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    missing: bool = False
    style: str = ""
    placeholder: str | None = None
    odd: bool = False

    @property
    def features(self) -> int:
        """The number of features the column becomes."""
        counts = {"category": len(self.levels), "text": len(self.hashes)}
        return counts.get(self.kind, 1 + 2 * len(self.cycles)) + self.missing

    @property
    def is_ordered(self) -> bool:
        """Whether the first feature is a scaled number, date or time of day."""
        return self.kind in ("number", "date", "time of day")

    @property
    def read_as(self) -> str:
        """The kind of column that is encoded: texts are read as categories are."""
        return "category" if self.kind == "text" else self.kind

    def encode(self, column: TableColumn, out: np.ndarray) -> None:
        """Write a column of this kind to ``out``, float32 (rows, features)."""
        if self.missing:
            out[:, -1] = column.missing
            out = out[:, :-1]
        if self.kind == "text":
            write_vectors(
                out,
                column.values,
                column.levels,
                Ngrams(np.array(self.hashes), np.array(self.weights), self.scale),
            )
        elif self.kind == "category":
            out[:] = self.places(column)[:, np.newaxis] == np.arange(len(self.levels))
        else:
            out[:] = self._numbers(column.values)

    def places(self, column: TableColumn) -> np.ndarray:
        """Return the index in ``levels`` of each category, int64 (rows,); -1 if it has none."""
        known = {text: place for place, text in enumerate(self.levels)}
        places = np.array([*(known.get(text, -1) for text in column.levels), -1], np.int64)
        of_rows: np.ndarray = places[column.values.astype(np.int64)]
        return of_rows

    def _numbers(self, values: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            scaled = (values - self.center) / self.scale
        scaled = np.clip(scaled, -LARGEST, LARGEST)
        scaled /= np.sqrt(1 + (scaled / BOUND) ** 2)
        angles = [2 * pi * values / cycle for cycle in self.cycles]
        waves = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
        numbers: np.ndarray = np.nan_to_num(np.column_stack([scaled, *waves]))
        return numbers


@dataclass(frozen=True)
class Encoding:
    """The encodings of the columns that are used, in order.

    ``missing`` are the texts in lowercase that stand for missing values in all columns of strings.
    """

    columns: tuple[ColumnCode, ...]
    missing: tuple[str, ...] = USUAL_MISSING

    @property
    def features(self) -> int:
        """The number of features a row becomes."""
        return sum(code.features for code in self.columns)

    @property
    def ordered(self) -> tuple[int, ...]:
        """The positions of the features that are scaled numbers, dates or times of day."""
        pairs = zip(self.spans, self.columns, strict=True)
        return tuple(span.start for span, code in pairs if code.is_ordered)

    @property
    def spans(self) -> list[slice]:
        """The features of each column."""
        ends = accumulate(code.features for code in self.columns)
        return [
            slice(end - code.features, end) for code, end in zip(self.columns, ends, strict=True)
        ]

    def chosen(self, columns: Sequence[Column]) -> list[Column]:
        """Return the columns that the encoding uses, out of those it was learned from."""
        names = {code.name for code in self.columns}
        return [column for column in columns if column.name in names]

    def encode(self, columns: Sequence[TableColumn]) -> np.ndarray:
        """Return rows as float32 (rows, features).

        ``columns`` are those of the encoding, in order. Unknown categories become all zeros.
        """
        whole = np.empty((len(columns[0].values), self.features), np.float32)
        for code, span, column in zip(self.columns, self.spans, columns, strict=True):
            code.encode(column, whole[:, span])
        return whole

    def encode_column(self, place: int, column: TableColumn) -> np.ndarray:
        """Return the column at a place as float32 (rows, features of the column)."""
        features = np.empty((len(column.values), self.columns[place].features), np.float32)
        self.columns[place].encode(column, features)
        return features

    def unseen(self, columns: Sequence[TableColumn]) -> list[Unseen]:
        """Return the categories that were not in the training rows, one entry per column."""
        unseen = []
        for code, column in zip(self.columns, columns, strict=True):
            if code.kind == "category":
                rows = np.flatnonzero((code.places(column) < 0) & ~column.missing)
                if len(rows):
                    text = column.levels[int(column.values[rows[0]])]
                    unseen.append(Unseen(code.name, text, int(rows[0]), len(rows)))
        return unseen

    def as_json(self) -> dict[str, Json]:
        """Return the encoding as JSON values."""
        return {"columns": [asdict(code) for code in self.columns], "missing": self.missing}

    @classmethod
    def from_json(cls, value: object) -> "Encoding":
        """Invert ``as_json``. Raises KeyError, TypeError or ValueError if ``value`` is invalid."""
        encoding = members(value)
        codes = tuple(_read_code(members(entry)) for entry in entries(encoding["columns"]))
        if not codes:
            raise ValueError("no columns")
        return cls(codes, tuple(_all_of(str, *entries(encoding["missing"]))))


def _read_code(code: Mapping[str, object]) -> ColumnCode:
    if code.keys() != {field.name for field in fields(ColumnCode)}:
        raise ValueError(f"invalid column encoding with the entries {', '.join(code)}")
    name, kind, *levels = _all_of(str, code["name"], code["kind"], *entries(code["levels"]))
    center, scale, *cycles = _all_of(float, code["center"], code["scale"], *entries(code["cycles"]))
    missing, odd = _all_of(bool, code["missing"], code["odd"])
    style, placeholder = code["style"], code["placeholder"]
    if style != "" and KIND_OF.get(str(style)) != kind:
        raise ValueError(f"invalid column encoding of style {style!r}")
    if not isinstance(placeholder, str | None):
        raise TypeError(f"invalid column encoding with the placeholder {placeholder!r}")
    if kind not in (*KINDS, "text"):
        raise ValueError(f"invalid column encoding of kind {kind!r}")
    if not all(isfinite(number) for number in (center, scale, *cycles)):
        raise ValueError(f"invalid column encoding with the numbers {[center, scale, *cycles]!r}")
    if scale <= 0 or any(cycle < 1 for cycle in cycles):
        raise ValueError(f"invalid column encoding with scale {scale!r}, cycles {cycles!r}")
    hashes = _all_of(int, *entries(code["hashes"]))
    weights = _all_of(float, *entries(code["weights"]))
    check_ngrams(hashes, weights)
    if (kind == "text") != bool(hashes):
        raise ValueError(f"invalid column encoding of kind {kind} with {len(hashes)} hashes")
    return ColumnCode(
        name=name,
        kind=kind,
        center=center,
        scale=scale,
        levels=tuple(levels),
        cycles=tuple(cycles),
        hashes=tuple(hashes),
        weights=tuple(weights),
        missing=missing,
        style=str(style),
        placeholder=placeholder,
        odd=odd,
    )


def _all_of(kind: type[Value], *values: object) -> list[Value]:
    """Return the values. Raises TypeError unless all are of the same type exactly."""
    checked = [value for value in values if isinstance(value, kind) and type(value) is kind]
    if len(checked) < len(values):
        raise TypeError(f"invalid column encoding: not all of {values!r} are {kind.__name__}")
    return checked
