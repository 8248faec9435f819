"""Boards: curves that grow point by point while a model trains.

A board keeps its points and knows how its axes look; ``hardmax.plotting.drawers`` draws it, in a
notebook, in a terminal or into a file.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.hyperparameters import HyperParameters
from hardmax.plotting import drawers, figure
from hardmax.plotting.curves import Curve, Point

__all__ = ["Animator", "Board", "ProgressBoard"]


class Board(HyperParameters):
    """What boards have in common: axes, curves, and being drawn somewhere."""

    xlabel: str | None
    ylabel: str | None
    xlim: Sequence[float] | None
    ylim: Sequence[float] | None
    xscale: str
    yscale: str
    figsize: tuple[float, float]
    fig: Any = None
    axes: Any = None
    nrows: int = 1
    ncols: int = 1
    display: bool = True
    _drawer: drawers.Drawer | None = None

    def curves(self) -> list[Curve]:
        """Return the curves as they stand."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Show the new points, where there is a notebook or a terminal to show them in."""
        if not self.display:
            return
        if self._drawer is None:
            self._drawer = drawers.drawer(self)
        self._drawer.draw()

    def close(self) -> None:
        """Show the points that are left to show; the next one begins a new picture."""
        if self._drawer is not None:
            self._drawer.close()
            self._drawer = None

    def save(self, path: str | os.PathLike) -> None:
        """Draw the board into a file; its name ends in .svg, .png or .pdf."""
        figure.save(self, path)


class ProgressBoard(Board):
    """A board of labelled curves.

    ``data`` maps each label to its points. More curves than ``ls`` and ``colors`` have entries
    are told apart by other pairs of the two.
    """

    ls: Sequence[str]
    colors: Sequence[str]

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
        fig: Any = None,
        axes: Any = None,
        figsize: tuple[float, float] = (3.5, 2.5),
        display: bool = True,
    ):
        self.save_hyperparameters()
        self.data: dict[str, list[Point]] = {}
        self._waiting: dict[str, list[tuple[Any, Any, float]]] = {}

    def draw(self, x: Any, y: Any, label: str, every_n: int = 1, weight: float = 1) -> None:
        """Add (x, y) to the curve ``label``; every ``every_n`` of them become one point.

        The point is their mean, in which each y counts by its ``weight``. ``y`` may be a scalar
        on a device: it is read when its point is made, not before.
        """
        waiting = self._waiting.setdefault(label, [])
        waiting.append((x, y, weight))
        if len(waiting) < every_n:
            return
        xs, ys, weights = zip(*waiting, strict=True)
        waiting.clear()
        point = Point(
            float(np.mean(xs)), float(np.average([float(y) for y in ys], weights=weights))
        )
        self.data.setdefault(label, []).append(point)
        self.refresh()

    def close(self) -> None:
        """Show the points that are left to show, and forget those that are not whole."""
        super().close()
        self._waiting.clear()

    def curves(self) -> list[Curve]:
        """Return the curves as they stand, in the order of their first points."""
        ls, colors = self.ls, self.colors
        return [
            Curve(
                label,
                points,
                "",
                {
                    "linestyle": ls[(i % len(colors) + i // len(colors)) % len(ls)],
                    "color": colors[i % len(colors)],
                },
            )
            for i, (label, points) in enumerate(self.data.items())
        ]


class Animator(Board):
    """A board of curves that get their points together, one of each at a time.

    ``X`` and ``Y`` hold a list of coordinates for each curve.
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
        self.X: list[list[Any]] = []
        self.Y: list[list[Any]] = []

    def add(self, x: Any, y: Any) -> None:
        """Add a point to each curve.

        ``y`` is a number or a sequence with one entry a curve, None where a curve gets no
        point; ``x`` a number for all of them, or such a sequence. Raises ArgumentError where
        the two differ in length, or the number of curves changes.
        """
        ys = list(y) if _is_sequence(y) else [y]
        xs = list(x) if _is_sequence(x) else [x] * len(ys)
        count = len(self.X) or len(ys)
        if not len(xs) == len(ys) == count:
            raise ArgumentError(
                f"this animator has {count} curves; got {len(xs)} x and {len(ys)} y"
            )
        if not self.X:
            self.X, self.Y = [[] for _ in ys], [[] for _ in ys]
        for i, (a, b) in enumerate(zip(xs, ys, strict=True)):
            if a is not None and b is not None:
                self.X[i].append(a)
                self.Y[i].append(b)
        self.refresh()

    def curves(self) -> list[Curve]:
        """Return the curves as they stand."""
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


def _is_sequence(value: Any) -> bool:
    # Arrays without dimensions have a __len__ that raises.
    return hasattr(value, "__len__") and getattr(value, "ndim", 1) > 0
