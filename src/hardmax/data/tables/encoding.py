"""Encoding table columns as numbers: learned from the training rows, then a plain value."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import isfinite, pi
from typing import TypeVar

import numpy as np

from hardmax.checks import listed, shortened
from hardmax.data.row_encoding import TableColumn, Unseen
from hardmax.data.tables.cells import KIND_OF, USUAL_MISSING
from hardmax.data.tables.columns import KINDS, Column
from hardmax.data.tables.identifiers import why_identifier
from hardmax.data.tables.ngrams import (
    LEAST_ROWS,
    Ngrams,
    check_ngrams,
    choose_ngrams,
    most_ngrams,
    write_vectors,
)
from hardmax.errors import DataError
from hardmax.json_values import Json, entries, members

__all__ = ["ColumnCode", "Encoding", "learn"]

Value = TypeVar("Value")

#: A column of strings is categorical if it has at most this many distinct values, ...
MAX_LEVELS = 256

#: ... each in at least this many rows on average; otherwise it is text.
ROWS_PER_LEVEL = 2

#: Values more than this many standard deviations from the mean are clipped.
MAX_DEVIATIONS = 8.0

DAY = 86_400.0

#: The cycles of a date, in seconds: year, week and day.
CYCLES = (365.2425 * DAY, 7 * DAY, DAY)


@dataclass(frozen=True)
class ColumnCode:
    """The encoding of a column.

    Numbers, booleans, dates and times of day become (value - ``center``) / ``scale``, clipped to
    MAX_DEVIATIONS; missing ones become 0. Dates and times also become the sine and cosine of their
    phase in each of ``cycles`` (in seconds). Categories are one-hot encoded in the order of
    ``levels``. Texts become vectors of length ``scale`` of the n-grams with ``hashes`` and
    ``weights``. With ``missing``, a last feature is 1 if the value is missing. ``style`` is how
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
        scaled = np.clip(scaled, -MAX_DEVIATIONS, MAX_DEVIATIONS)
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

    def chosen(self, columns: Sequence[Column]) -> list[Column]:
        """Return the columns that the encoding uses, out of those it was learned from."""
        names = {code.name for code in self.columns}
        return [column for column in columns if column.name in names]

    def encode(self, columns: Sequence[TableColumn]) -> np.ndarray:
        """Return rows as float32 (rows, features).

        ``columns`` are those of the encoding, in order. Unknown categories become all zeros.
        """
        pairs = zip(self.columns, columns, strict=True)
        whole = np.empty((len(columns[0].values), self.features), np.float32)
        at = 0
        for code, column in pairs:
            code.encode(column, whole[:, at : at + code.features])
            at += code.features
        return whole

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


def learn(
    columns: Sequence[Column],
    rows: np.ndarray,
    missing: Sequence[str] = USUAL_MISSING,
    keep: Collection[str] = (),
) -> tuple[Encoding, dict[str, str]]:
    """Learn the encoding of columns from ``rows``; also return why columns are left out.

    ``rows`` are integers; ``missing`` are the texts that stood for missing values; the columns in
    ``keep`` are used even if they are constant or identifiers. Raises DataError if no column is
    left, or if one of ``keep`` has nothing to learn from.
    """
    texts = sum(_is_text(column, rows) for column in columns)
    most = most_ngrams(max((len(column.values) for column in columns), default=0), texts)
    codes, left_out = [], {}
    for column in columns:
        why = None if column.name in keep else _why_useless(column, rows)
        code = why or _learn(column, rows, most)
        if isinstance(code, str):
            if column.name in keep:
                raise DataError(f"column {shortened(column.name)!r} cannot be kept: it is {code}")
            left_out[column.name] = code
        else:
            codes.append(code)
    if not codes:
        reasons = listed(f"{shortened(name)}: {why}" for name, why in left_out.items())
        raise DataError(f"no column is left to learn from ({reasons or 'none has known values'})")
    return Encoding(tuple(codes), tuple(missing)), left_out


def _known(column: Column, rows: np.ndarray) -> np.ndarray:
    """Return the values of a column in ``rows`` that are not missing."""
    known: np.ndarray = column.values[rows][~column.missing[rows]]
    return known


def _is_text(column: Column, rows: np.ndarray) -> bool:
    """Return whether a column of strings has too many distinct ones to be categorical."""
    if column.kind != "category":
        return False
    known = _known(column, rows)
    return len(np.unique(known)) > min(MAX_LEVELS, len(known) // ROWS_PER_LEVEL)


def _why_useless(column: Column, rows: np.ndarray) -> str | None:
    """Return why a column is of no use to learn from, or None."""
    known = _known(column, rows)
    if len(known) and known.min() == known.max() and len(known) == len(rows):
        return "constant"
    return why_identifier(column, known)


def _learn(column: Column, rows: np.ndarray, most: int) -> ColumnCode | str:
    """Return the encoding of a column, of a text with at most ``most`` n-grams, or why it has none.

    A column that has no known value in ``rows``, or a text whose n-grams are all rare, has none.
    """
    known = _known(column, rows)
    some_missing = len(known) < len(rows)
    if not len(known):
        return "empty"
    if _is_text(column, rows):
        return _learn_text(column, known, most, some_missing)
    if column.kind == "category":
        levels = tuple(sorted(column.levels[code] for code in np.unique(known)))
        return ColumnCode(column.name, "category", levels=levels, missing=some_missing)
    cycles: tuple[float, ...] = ()
    if column.kind == "date":
        cycles = CYCLES if (known % DAY).any() else CYCLES[:2]
    elif column.kind == "time of day":
        cycles = (DAY,)
    # The deviation of a single value is not 0 but a rounding error.
    scale = 0.0 if known.min() == known.max() else float(known.std())
    return ColumnCode(
        name=column.name,
        kind=column.kind,
        center=float(known.mean()),
        scale=scale or 1.0,
        cycles=cycles,
        missing=some_missing,
        style=column.style,
        placeholder=column.placeholder,
        odd=len(column.odd_among(rows)) > 0,
    )


def _learn_text(
    column: Column, known: np.ndarray, most: int, some_missing: bool
) -> ColumnCode | str:
    """Return the encoding of a column of texts, or why it has none."""
    codes, counts = np.unique(known, return_counts=True)
    ngrams = choose_ngrams([column.levels[code] for code in codes], counts, most)
    if not len(ngrams.hashes):
        return f"text ({len(codes)} distinct values, no part of which is in {LEAST_ROWS} rows)"
    return ColumnCode(
        column.name,
        "text",
        scale=ngrams.length,
        hashes=tuple(ngrams.hashes.tolist()),
        weights=tuple(ngrams.weights.tolist()),
        missing=some_missing,
    )
