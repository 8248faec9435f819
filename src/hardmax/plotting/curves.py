"""What drawers know of a board: its curves, and how its axes look."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

__all__ = ["Curve", "Drawable", "Point"]


class Point(NamedTuple):
    """A point of a curve."""

    x: Any
    y: Any


class Curve(NamedTuple):
    """A labelled curve and how matplotlib's ``plot`` is to draw it."""

    label: str
    points: list[Point]
    fmt: str
    style: dict[str, Any]


class Drawable(Protocol):
    """Curves on axes, as a board has them; ``fig`` and ``axes`` are matplotlib's, once drawn."""

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
        """Return the curves as they stand."""

    def close(self) -> None:
        """Show the points that are left to show; the next one begins a new picture."""
