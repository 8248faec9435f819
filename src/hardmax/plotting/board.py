"""Boards: plots that are updated while a model trains.

A board stores its points and the settings of its axes; ``hardmax.plotting.drawers`` shows it in a
notebook or a terminal, ``hardmax.plotting.figure`` saves it to a file.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsFloat, TypeAlias

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.hyperparameters import Described
from hardmax.plotting import drawers, figure
from hardmax.plotting.curves import Curve, LineStyle, Point
from hardmax.plotting.progress import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Animator", "Board", "ProgressBoard"]

#: A number, or one number or None per curve; a number may be a scalar on a device.
Coordinates: TypeAlias = SupportsFloat | Iterable[SupportsFloat | None]


class Board(Described):
    """Base class of boards: curves on axes, and the drawer that shows them."""

    xlabel: str | None
    ylabel: str | None
    xlim: Sequence[float] | None
    ylim: Sequence[float] | None
    xscale: str
    yscale: str
    figsize: tuple[float, float]
    fig: "Figure | None" = None
    axes: "Axes | list[Axes] | None" = None
    nrows: int = 1
    ncols: int = 1
    display: bool = True
    progress: Progress | None = None
    _drawer: drawers.Drawer | None = None

    def curves(self) -> list[Curve]:
        """Return the current curves."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Show the new points, if there is a notebook or a terminal to show them in."""
        if not self.display:
            return
        if self._drawer is None:
            self._drawer = drawers.drawer(self)
        self._drawer.draw()

    def close(self) -> None:
        """Show all remaining points; the next point starts a new plot."""
        if self._drawer is not None:
            self._drawer.close()
            self._drawer = None

    def _repr_svg_(self) -> str:
        """Return the picture that a notebook shows of the board."""
        return figure.svg(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the board to a file whose name ends in .svg, .png or .pdf."""
        figure.save(self, path)


class ProgressBoard(Board):
    """A board of labeled curves.

    ``data`` maps each label to its points. If there are more curves than line styles ``ls`` and
    ``colors``, the two are recombined so that the curves still differ.
    """

    ls: Sequence[str]
    colors: Sequence[str]
    #: The epochs of all previous fits, after which the curves of the next one continue.
    epochs = 0

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        xlim: Sequence[float] | None = None,
        ylim: Sequence[float] | None = None,
        xscale: str = "linear",
        yscale: str = "linear",
        ls: Sequence[str] = ("-", "--", "-.", ":"),
        colors: Sequence[str] = ("C0", "C1", "C2", "C3"),
        fig: "Figure | None" = None,
        axes: "Axes | list[Axes] | None" = None,
        figsize: tuple[float, float] = (3.5, 2.5),
        display: bool = True,
    ):
        self.save_hyperparameters()
        self.data: dict[str, list[Point]] = {}
        self._waiting: dict[str, list[tuple[SupportsFloat, SupportsFloat, float]]] = {}

    def draw(
        self,
        x: SupportsFloat,
        y: SupportsFloat,
        label: str,
        every_n: int = 1,
        weight: float = 1,
    ) -> None:
        """Add (x, y) to the curve ``label``; every ``every_n`` calls become one point.

        The point is the mean of the calls, each y weighted by its ``weight``; there is none if all
        weights are 0. ``y`` may be a scalar on a device; it is read only when the point is drawn.
        """
        waiting = self._waiting.setdefault(label, [])
        waiting.append((x, y, weight))
        if len(waiting) < every_n:
            return
        xs, ys, weights = zip(*waiting, strict=True)
        waiting.clear()
        if not any(weights):  # of several processes, this one had no examples of these batches
            return
        point = Point(
            float(np.mean([float(x) for x in xs])),
            float(np.average([float(y) for y in ys], weights=weights)),
        )
        self.add(label, point)
        self.refresh()

    def add(self, label: str, point: Point) -> None:
        """Add a point to the curve ``label``, which the next ``refresh`` shows."""
        self.data.setdefault(label, []).append(point)

    def refresh(self) -> None:
        """Show the new points, once there are any."""
        if self.data:
            super().refresh()

    def close(self) -> None:
        """Show all remaining points and discard incomplete ones; the training is over."""
        super().close()
        self._waiting.clear()
        self.progress = None

    def state_dict(self) -> dict[str, Any]:
        """Return the points so far, for a fit that may be resumed: JSON values and arrays."""
        return {
            "epochs": self.epochs,
            "xlabel": self.xlabel,
            "points": _in_order(self.data),
            "waiting": _in_order(self._waiting),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the points that ``state_dict`` returned."""
        self.epochs, self.xlabel = state["epochs"], state["xlabel"]
        self.data = {
            label: [Point(*one) for one in points.tolist()] for label, points in state["points"]
        }
        self._waiting = {
            label: [(x, y, w) for x, y, w in calls.tolist()] for label, calls in state["waiting"]
        }

    def curves(self) -> list[Curve]:
        """Return the current curves, in the order of their first points."""
        ls, colors = self.ls, self.colors
        return [
            Curve(
                label,
                points,
                "",
                LineStyle(
                    linestyle=ls[(i % len(colors) + i // len(colors)) % len(ls)],
                    color=colors[i % len(colors)],
                ),
            )
            for i, (label, points) in enumerate(self.data.items())
        ]


def _in_order(
    curves: Mapping[str, Iterable[Iterable[SupportsFloat]]],
) -> list[tuple[str, np.ndarray]]:
    """Return curves by label as pairs, which keep their order in JSON, with float64 arrays."""
    return [
        (label, np.array([[float(x) for x in one] for one in all])) for label, all in curves.items()
    ]


class Animator(Board):
    """A board whose curves get their points together, one per curve and call.

    ``X`` and ``Y`` contain a list of coordinates for each curve.
    """

    legend: Sequence[str] | None
    fmts: Sequence[str]

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        legend: Sequence[str] | None = None,
        xlim: Sequence[float] | None = None,
        ylim: Sequence[float] | None = None,
        xscale: str = "linear",
        yscale: str = "linear",
        fmts: Sequence[str] = ("-", "m--", "g-.", "r:"),
        nrows: int = 1,
        ncols: int = 1,
        figsize: tuple[float, float] = (3.5, 2.5),
    ):
        self.save_hyperparameters()
        self.X: list[list[SupportsFloat]] = []
        self.Y: list[list[SupportsFloat]] = []

    def add(self, x: Coordinates, y: Coordinates) -> None:
        """Add a point to each curve.

        ``y`` is a number, or a sequence with one value per curve and None for no point; ``x`` is
        a number for all curves, or such a sequence. Raises ArgumentError if the two differ in
        length, or if the number of curves changes.
        """
        ys = _per_curve(y, 1)
        xs = _per_curve(x, len(ys))
        count = len(self.X) or len(ys)
        if not len(xs) == len(ys) == count:
            raise ArgumentError(
                f"an Animator of {count} curves takes {count} x and y, got {len(xs)} x and "
                f"{len(ys)} y"
            )
        if not self.X:
            self.X, self.Y = [[] for _ in ys], [[] for _ in ys]
        for i, (a, b) in enumerate(zip(xs, ys, strict=True)):
            if a is not None and b is not None:
                self.X[i].append(a)
                self.Y[i].append(b)
        self.refresh()

    def curves(self) -> list[Curve]:
        """Return the current curves."""
        legend, fmts = self.legend or [], self.fmts
        return [
            Curve(
                legend[i] if i < len(legend) else "",
                [Point(x, y) for x, y in zip(xs, ys, strict=True)],
                fmts[i] if i < len(fmts) else "",
                {} if i < len(fmts) else {"color": f"C{i}"},
            )
            for i, (xs, ys) in enumerate(zip(self.X, self.Y, strict=True))
        ]


def _per_curve(value: Coordinates, count: int) -> list[SupportsFloat | None]:
    """Return the values of a sequence, or a number ``count`` times."""
    # Zero-dimensional arrays are iterables that raise.
    if isinstance(value, SupportsFloat) and getattr(value, "ndim", 0) == 0:
        return [value] * count
    assert isinstance(value, Iterable)
    return [*value]
