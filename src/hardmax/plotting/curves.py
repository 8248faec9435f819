"""The interface between boards and drawers: curves and axes settings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, SupportsFloat, TypedDict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

from hardmax.plotting.progress import Progress

__all__ = ["Curve", "Drawable", "LineStyle", "Point", "in_words"]

#: What the parts of the labels of ``Module.plot`` stand for; the keys are the book's.
PARTS, NAMES = {"train": "training", "val": "validation"}, {"acc": "accuracy"}


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
    """A board, as drawers see it.

    ``fig`` and ``axes`` are matplotlib's, set when it is drawn; ``progress`` is that of the
    training whose curves it has, if one is running.
    """

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
    progress: Progress | None

    def curves(self) -> list[Curve]:
        """Return the current curves."""

    def close(self) -> None:
        """Show all remaining points; the next point starts a new plot."""


def in_words(label: str) -> str:
    """Return what a curve that ``Module.plot`` labels, such as ``val_acc``, is called in words."""
    part, mark, key = label.partition("_")
    if not mark or part not in PARTS:
        return label
    return f"{PARTS[part]} {NAMES.get(key, key)}"
