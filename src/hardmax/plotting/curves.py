"""The interface between boards and drawers: curves and axes settings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, SupportsFloat, TypedDict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Curve", "Drawable", "LineStyle", "Point"]


class Point(NamedTuple):
    """A point of a curve; the coordinates may be scalars on a device."""

    x: SupportsFloat
    y: SupportsFloat


class LineStyle(TypedDict, total=False):
    """Properties of a line, as matplotlib names them."""

    linestyle: str
    color: str
    marker: str


class Curve(NamedTuple):
    """A labeled curve, with its format and style for matplotlib's ``plot``."""

    label: str
    points: list[Point]
    fmt: str
    style: LineStyle


class Drawable(Protocol):
    """A board, as drawers see it; ``fig`` and ``axes`` are matplotlib's, set when it is drawn."""

    xlabel: str | None
    ylabel: str | None
    xlim: Sequence[float] | None
    ylim: Sequence[float] | None
    xscale: str
    yscale: str
    figsize: tuple[float, float]
    fig: "Figure | None"
    axes: "Axes | list[Axes] | None"
    nrows: int
    ncols: int

    def curves(self) -> list[Curve]:
        """Return the current curves."""

    def close(self) -> None:
        """Show all remaining points; the next point starts a new plot."""
