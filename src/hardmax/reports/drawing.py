"""Drawings of curves, which ``charts.html.jinja`` makes SVG in the colors of the page."""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hardmax.plotting.figure import data_url

__all__ = [
    "UNIT",
    "Curve",
    "Dot",
    "Drawing",
    "Range",
    "csv_url",
    "curve",
    "even",
    "polyline",
    "position",
    "whole_ticks",
]

#: The size of a drawing, and the edges of its square plot area.
WIDTH, HEIGHT = 330, 306
LEFT, RIGHT, TOP, BOTTOM = 52, 312, 10, 260

#: The most points per curve; more could not be told apart.
MAX_POINTS = 200

#: The parts of an axis, and the most whole numbers on one.
PARTS, MOST_WHOLE = 5, 8

#: How many parts an axis may have, the best first.
COUNTS = (5, 4, 6, 7, 8, 9)

#: What the parts of an axis may measure, times a power of ten.
STEPS = (1, 2, 2.5, 5, 10)


class Range(NamedTuple):
    """What an axis shows: from ``low`` to ``high``, which is larger."""

    low: float
    high: float

    @classmethod
    def up_to(cls, highest: float) -> "Range":
        """Return the range from 0 to a round number, at least ``highest``."""
        if highest <= 0:
            return UNIT
        power = 10.0 ** math.floor(math.log10(highest / PARTS))
        step = next(step for step in STEPS if step * power * PARTS >= highest * (1 - 1e-9))
        return cls(0.0, step * power * PARTS)

    @classmethod
    def of_shares(cls, lowest: float, highest: float) -> "Range":
        """Return a range in tenths around shares from ``lowest`` to ``highest``."""
        low = math.floor(10 * lowest) / 10
        high = min(math.ceil(10 * highest) / 10, 1.0)
        return cls(low, high) if high > low else cls(max(high - 0.1, 0.0), max(high, 0.1))

    def fraction(self, value: Any) -> Any:
        """Return where a number or an array is: 0 for ``low``, 1 for ``high``."""
        return (value - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> list[float]:
        """Numbers at even distances, from ``low`` to ``high``, round ones if possible."""
        length = self.high - self.low
        power = 10.0 ** math.floor(math.log10(length))
        steps = [step * scale for scale in (power / 10, power) for step in STEPS]
        parts = {round(length / step) for step in steps if _divides(step, length)}
        count = min(parts & {*COUNTS}, key=COUNTS.index, default=PARTS)
        return [self.low + length * i / count for i in range(count + 1)]


def _divides(step: float, length: float) -> bool:
    return math.isclose(length / step, round(length / step), rel_tol=1e-9)


UNIT = Range(0.0, 1.0)


class Curve(NamedTuple):
    """The name of a curve, its ``points`` in the syntax of an SVG polyline, and their numbers."""

    name: str
    points: str
    numbers: tuple[tuple[float | str, float], ...]


class Dot(NamedTuple):
    """The position and radius of a dot."""

    x: float
    y: float
    radius: float


def position(x: float, y: float) -> tuple[float, float]:
    """Return the coordinates in a drawing of fractions of its axes."""
    return round(LEFT + x * (RIGHT - LEFT), 1), round(BOTTOM - y * (BOTTOM - TOP), 1)


def polyline(positions: Sequence[tuple[float, float]]) -> str:
    """Return coordinates in the syntax of an SVG polyline."""
    return " ".join(f"{x:g},{y:g}" for x, y in positions)


@dataclass(frozen=True)
class Drawing:
    """Curves; ``text`` describes them for screen readers.

    ``across`` and ``up`` are the ranges of the axes. ``diagonal`` draws the line from one corner to
    the other. ``x_ticks`` are other numbers than the usual ones below the x axis; ``values`` are
    written below it, at even distances, in place of numbers. With ``is_log``, ``up`` is the range
    of the common logarithms.
    """

    title: str
    text: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    dots: tuple[Dot, ...] = ()
    across: Range = UNIT
    up: Range = UNIT
    diagonal: bool = False
    x_ticks: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    is_log: bool = False

    edges = (LEFT, RIGHT, TOP, BOTTOM)

    @property
    def size(self) -> tuple[int, int]:
        """The width and the height, with room for long ``values``."""
        longest = max(map(len, self.values), default=0)
        return WIDTH, max(HEIGHT, BOTTOM + 16 + 4 * longest)

    @property
    def columns(self) -> list[tuple[float, str]]:
        """The x coordinates and the labels of the numbers below the x axis."""
        if self.values:
            return []
        ticks = self.x_ticks or self.across.ticks
        return [(position(self.across.fraction(x), 0)[0], f"{x:.10g}") for x in ticks]

    @property
    def rows(self) -> list[tuple[float, str]]:
        """The y coordinates and the labels of the numbers beside the y axis."""
        return [
            (position(0, self.up.fraction(y))[1], f"{10**y:.0e}" if self.is_log else f"{y:.3g}")
            for y in self.up.ticks
            if not self.is_log or float(y).is_integer()
        ]

    @property
    def places(self) -> list[tuple[float, str]]:
        """The x coordinates of the ``values``."""
        return [
            (position(x, 0.0)[0], value)
            for x, value in zip(even(len(self.values)), self.values, strict=True)
        ]

    @property
    def file(self) -> str:
        """The name of a file for the numbers."""
        return re.sub(r"[^\w.-]+", "-", self.title).strip("-").lower()[:80] + ".csv"

    @property
    def csv(self) -> str:
        """The numbers of the curves as CSV, as a data URL."""
        header = ("curve", self.x_label or self.title, self.y_label)
        return csv_url(header, [(one.name, *pair) for one in self.curves for pair in one.numbers])


def even(count: int) -> list[float]:
    """Return as many numbers at even distances from 0 to 1; one alone is in the middle."""
    return [0.5] if count == 1 else [number / (count - 1) for number in range(count)]


def csv_url(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows as CSV, as a data URL; numbers have 6 digits."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow(f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row)
    return data_url("text/csv;charset=utf-8", text.getvalue().encode("utf-8", "backslashreplace"))


def whole_ticks(last: int) -> tuple[float, ...]:
    """Return whole numbers at even distances, from 0 to at most ``last``."""
    power = 1
    while True:
        for step in (power, 2 * power, 5 * power):
            if last // step < MOST_WHOLE:
                return tuple(float(x) for x in range(0, last + 1, step))
        power *= 10


def curve(
    name: str, xs: np.ndarray, ys: np.ndarray, *, across: Range = UNIT, up: Range = UNIT
) -> Curve:
    """Return a curve through float points (n,), sampled evenly along its length."""
    points = np.stack([across.fraction(xs), up.fraction(ys)], axis=1)
    length = np.cumsum(np.hypot(*np.diff(points, axis=0, prepend=points[:1]).T))
    sampled = np.unique(np.searchsorted(length, np.linspace(0, length[-1], MAX_POINTS)))
    sampled = np.unique(np.clip([0, *sampled, len(xs) - 1], 0, len(xs) - 1))
    positions = [position(x, y) for x, y in points[sampled].tolist()]
    return Curve(name, polyline(positions), tuple((float(xs[i]), float(ys[i])) for i in sampled))
