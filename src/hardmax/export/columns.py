"""The columns of a table as inputs of a graph, and their encoding as features."""

import re
from collections.abc import Collection, Sequence
from itertools import groupby
from math import isnan, nan, pi
from typing import NamedTuple

import numpy as np

from hardmax.data.tables import cells
from hardmax.data.tables.encoding import BOUND, LARGEST, ColumnCode, Encoding
from hardmax.export.cells import add_booleans, add_trimmed
from hardmax.export.dates import add_seconds
from hardmax.export.graph import DOUBLE, FLOAT, STRING, Graph, lookup
from hardmax.export.numbers import add_numbers
from hardmax.export.texts import add_vectors

__all__ = ["add_columns", "number_of", "takes_numbers"]

#: Matches the names that a graph gives its own values.
INTERNAL = re.compile(r"(\w+:)+\d+")


def takes_numbers(code: ColumnCode, missing: Collection[str]) -> bool:
    """Return whether the input of a column takes numbers instead of texts.

    It does unless its numbers are written in another way, or one of the texts for missing values is
    a number.
    """
    is_plain = code.kind == "number" and not code.style and code.placeholder is None
    return is_plain and all(map(isnan, map(number_of, missing)))


def number_of(text: str) -> float:
    """Return the number that a text is for Python, or NaN."""
    try:
        return nan if "_" in text else float(text)
    except ValueError:
        return nan


class _Column(NamedTuple):
    """A column: its input, its code, and its features among all.

    ``parser`` is that of ``cells.PARSERS`` which reads its cells; it is empty for numbers that are
    no text.
    """

    cells: str
    code: ColumnCode
    span: slice
    parser: str


class _Features:
    """The features of rows: added in any order, returned in that of the encoding."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._values: list[str] = []
        self._places: list[int] = []

    def add(self, values: str, places: Collection[int]) -> None:
        """Add features (rows, features) of any type, with their places in the encoding."""
        self._values.append(self._graph.op("Cast", values, to=FLOAT))
        self._places += places

    def add_rows(self, values: str, places: Collection[int]) -> None:
        """Add features (features, rows)."""
        self.add(self._graph.op("Transpose", values), places)

    def in_order(self) -> str:
        """Return all features, FLOAT (rows, features)."""
        values = self._graph.op("Concat", *self._values, axis=1)
        order = self._graph.constant(np.argsort(self._places), np.int64)
        return self._graph.op("Gather", values, order, axis=1)


def add_columns(
    graph: Graph, encoding: Encoding, reserved: Collection[str]
) -> tuple[str, dict[str, str]]:
    """Add an input for each column; return the features of rows, and the inputs' names by column.

    Features are FLOAT (rows, features). Inputs have the shape (rows,) and the names of the columns,
    except for empty and ``reserved`` ones. Plain numbers are DOUBLE, and missing if they are NaN,
    infinite or too large; all others are STRING, the text in the file, and missing if it is empty.
    """
    names = _input_names([code.name for code in encoding.columns], reserved)
    features = _Features(graph)
    numbers = []
    for code, span in zip(encoding.columns, encoding.spans, strict=True):
        is_number = takes_numbers(code, encoding.missing)
        parser = "" if is_number else code.style or code.kind
        column = _Column(names[code.name], code, span, parser)
        graph.input(column.cells, DOUBLE if is_number else STRING, "rows")
        if code.kind in ("category", "text"):
            _add_text(graph, column, encoding.missing, features)
        else:
            numbers.append(column)
    if numbers:
        _add_numbers(graph, numbers, encoding.missing, features)
    return features.in_order(), names


def _input_names(columns: Sequence[str], reserved: Collection[str]) -> dict[str, str]:
    """Return a name for the input of each column that no other input or value has."""
    names = {}
    taken = {*columns, *reserved}
    for number, column in enumerate(columns, start=1):
        name = column
        if not column or column in reserved or INTERNAL.fullmatch(column):
            name = f"{column} (column)" if column else f"column {number}"
            while name in taken:
                name += "*"
        taken.add(name)
        names[column] = name
    return names


def _add_text(graph: Graph, column: _Column, missing: Collection[str], features: _Features) -> None:
    """Add the features of a category or a text."""
    code, span = column.code, column.span
    plain = add_trimmed(graph, column.cells, missing)
    add = _one_hot if code.kind == "category" else add_vectors
    vectors = add(graph, plain, code)
    features.add(vectors, range(span.start, span.stop - code.missing))
    if code.missing:
        is_missing = graph.op("Equal", plain, graph.constant([""], object))
        flags = graph.op("Unsqueeze", is_missing, graph.constant([1], np.int64))
        features.add(flags, [span.stop - 1])


def _one_hot(graph: Graph, plain: str, code: ColumnCode) -> str:
    """Return categories as BOOL (rows, levels); unknown ones are all zeros."""
    places = {text: place for place, text in enumerate(code.levels)}
    column = graph.op("Unsqueeze", lookup(graph, plain, places, -1), graph.constant([1], np.int64))
    return graph.op("Equal", column, graph.constant(range(len(code.levels)), np.int64))


def _add_numbers(
    graph: Graph, columns: Sequence[_Column], missing: Collection[str], features: _Features
) -> None:
    """Add the features of numbers, booleans, dates and times of day.

    They are computed of all columns at once, because a wide table would take too many operators.
    """
    columns = sorted(columns, key=lambda column: column.parser)
    groups = groupby(columns, key=lambda column: column.parser)
    read = [_read(graph, parser, [*group], missing) for parser, group in groups]
    values = graph.op("Concat", *read, axis=0)
    too_large = graph.op("Greater", graph.op("Abs", values), graph.constant(cells.LARGEST))
    is_missing = graph.op("Or", graph.op("IsNaN", values), too_large)
    scaled = _scaled(graph, values, is_missing, [column.code for column in columns])
    features.add_rows(scaled, [column.span.start for column in columns])
    _add_waves(graph, values, is_missing, columns, features)
    flagged = [row for row, column in enumerate(columns) if column.code.missing]
    if flagged:
        flags = _rows(graph, is_missing, flagged)
        features.add_rows(flags, [columns[row].span.stop - 1 for row in flagged])


def _read(graph: Graph, parser: str, columns: Sequence[_Column], missing: Collection[str]) -> str:
    """Return columns that are read by the same parser as DOUBLE (columns, rows)."""
    axis = graph.constant([0], np.int64)
    rows = [graph.op("Unsqueeze", column.cells, axis) for column in columns]
    stacked = graph.op("Concat", *rows, axis=0)
    if not parser:
        return stacked
    kind = cells.KIND_OF[parser]
    add = {"number": add_numbers, "boolean": add_booleans}.get(kind, add_seconds)
    # One column at a time, as the parts of many texts take much memory.
    body, texts = Graph("cells:"), "cells:0"
    values = add(body, add_trimmed(body, texts, missing), parser)
    # ONNX Runtime 1.17 has to know how many axes the values have.
    shaped = body.op("Reshape", values, body.constant([-1], np.int64))
    scanned = body.subgraph({texts: STRING}, shaped, DOUBLE)
    return graph.op("Scan", stacked, body=scanned, num_scan_inputs=1)


def _rows(graph: Graph, values: str, rows: Sequence[int]) -> str:
    """Return some rows of values that are no texts, for which Gather is wrong in ONNX Runtime."""
    return graph.op("Gather", values, graph.constant(rows, np.int64), axis=0)


def _scaled(graph: Graph, values: str, is_missing: str, codes: Sequence[ColumnCode]) -> str:
    """Return scaled values (columns, rows), with the operations of ``ColumnCode.encode``.

    Missing ones are 0.
    """
    center = graph.constant([[code.center] for code in codes])
    scale = graph.constant([[code.scale] for code in codes])
    known = graph.op("Where", is_missing, center, values)
    scaled = graph.op("Div", graph.op("Sub", known, center), scale)
    clipped = graph.op("Clip", scaled, graph.constant(-LARGEST), graph.constant(LARGEST))
    ratio = graph.op("Div", clipped, graph.constant(BOUND))
    squared = graph.op("Add", graph.constant(1.0), graph.op("Mul", ratio, ratio))
    return graph.op("Div", clipped, graph.op("Sqrt", squared))


def _add_waves(
    graph: Graph, values: str, is_missing: str, columns: Sequence[_Column], features: _Features
) -> None:
    """Add sine and cosine of the phases of values (columns, rows) in the cycles of columns."""
    waves = [
        (row, cycle, column.span.start + 1 + 2 * number)
        for row, column in enumerate(columns)
        for number, cycle in enumerate(column.code.cycles)
    ]
    if not waves:
        return
    rows, cycles, starts = zip(*waves, strict=True)
    turns = graph.op("Mul", graph.constant(2 * pi), _rows(graph, values, rows))
    angles = graph.op("Div", turns, graph.constant([[cycle] for cycle in cycles]))
    half = graph.op("Sin", graph.op("Mul", graph.constant(0.5), angles))
    # The cosine by that of half the angle, as ONNX Runtime 1.17 has none of DOUBLE.
    halved = graph.op("Mul", graph.constant(2.0), graph.op("Mul", half, half))
    cosine = graph.op("Sub", graph.constant(1.0), halved)
    without = _rows(graph, is_missing, rows)
    for offset, wave in enumerate((graph.op("Sin", angles), cosine)):
        known = graph.op("Where", without, graph.constant(0.0), wave)
        features.add_rows(known, [start + offset for start in starts])
