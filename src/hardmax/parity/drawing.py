"""The drawing of how far frameworks differ, from the initial to the final scores."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, isfinite, isnan, log10
from typing import Any

from hardmax.reports.drawing import Curve, Drawing, Range, even, polyline, position

__all__ = ["differences_drawing"]

#: The exponents of the smallest and the largest differences that are drawn.
LEAST, MOST = -9, 0


def differences_drawing(
    network: Mapping[str, Any], columns: Mapping[str, str], limits: Mapping[str, float]
) -> Drawing:
    """Draw the relative differences of each pair of frameworks, by kind of array.

    ``network`` is a ``ComparedNetwork``, ``columns`` has the kinds and their titles, ``limits`` the
    largest differences that rounding explains. Smaller and larger differences than there is room
    for are at the edges.
    """
    series = {
        " and ".join(pair["frameworks"]): {kind: pair[kind]["relative"] for kind in columns}
        for pair in network["pairs"]
    }
    exponents = [
        log10(value)
        for values in (*series.values(), limits)
        for value in values.values()
        if value > 0 and isfinite(value)
    ]
    low = max(floor(min(exponents, default=LEAST)), LEAST)
    up = Range(low, max(min(ceil(max(exponents, default=MOST)), MOST), low + 4))
    drawn = [_curve(name, values, [*columns], up) for name, values in series.items()]
    summary = "; ".join(
        f"{name}: " + ", ".join(f"{columns[kind]} {value:.1e}" for kind, value in values.items())
        for name, values in series.items()
    )
    limit = _curve("limit of rounding", limits, [*columns], up)
    return Drawing(
        f"Relative differences of {network['model']}",
        f"Relative differences of {network['model']} between frameworks. {summary}.",
        "",
        "relative difference",
        (*drawn, limit),
        up=up,
        is_log=True,
        values=tuple(columns.values()),
    )


def _curve(name: str, values: Mapping[str, float], kinds: Sequence[str], up: Range) -> Curve:
    xs = dict(zip(kinds, even(len(kinds)), strict=True))
    points = [
        position(xs[kind], up.fraction(_exponent(value, up))) for kind, value in values.items()
    ]
    return Curve(name, polyline(points), tuple(values.items()))


def _exponent(value: float, up: Range) -> float:
    """Return the exponent of a difference, or the nearest one that there is room for.

    What is not a number is no small difference, but the largest.
    """
    if isnan(value):
        return up.high
    if value <= 0:
        return up.low
    return min(max(log10(value), up.low), up.high)
