"""The interface between boards and drawers: curves and axes settings."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

__all__ = ["Curve", "Drawable", "Point"]


class Point(NamedTuple):
    """A point of a curve."""

    x: Any
    y: Any


class Curve(NamedTuple):
    """A labeled curve, with its format and style for matplotlib's ``plot``."""

    label: str
    points: list[Point]
    fmt: str
    style: dict[str, Any]


class Drawable(Protocol):
    """A board, as drawers see it; ``fig`` and ``axes`` are matplotlib's, set when it is drawn."""

    xlabel: str | None
    ylabel: str | None
    xlim: Sequence[float] | None
    ylim: Sequence[float] | None
    xscale: str
    yscale: str
    figsize: tuple[float, float]
    fig: Any
    axes: Any
    nrows: int
    ncols: int

    def curves(self) -> list[Curve]:
        """Return the current curves."""

    def close(self) -> None:
        """Show all remaining points; the next point starts a new plot."""
