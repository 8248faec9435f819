"""Boards as matplotlib figures, drawn without pyplot to avoid its global state."""

import base64
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hardmax.errors import ArgumentError
from hardmax.plotting.curves import Drawable, LineStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["data_url", "draw", "save", "set_axes", "svg"]

FORMATS = (".svg", ".png", ".pdf")

#: The number of labels in a row of a board's legend.
LEGEND_COLUMNS = 3


def set_axes(
    axes: "Axes",
    xlabel: str | None,
    ylabel: str | None,
    xlim: Sequence[float] | None,
    ylim: Sequence[float] | None,
    xscale: str,
    yscale: str,
    legend: Sequence[str] | None,
) -> None:
    """Set the labels, scales, limits and legend of matplotlib axes, and draw a grid."""
    axes.set_xlabel(xlabel or "")
    axes.set_ylabel(ylabel or "")
    axes.set_xscale(xscale)
    axes.set_yscale(yscale)
    if xlim is not None:
        axes.set_xlim(*xlim)
    if ylim is not None:
        axes.set_ylim(*ylim)
    if legend:
        axes.legend(legend)
    axes.grid(True)


def draw(board: Drawable) -> "Figure":
    """Draw the board on its axes, or on new ones if it has none; return the figure."""
    from matplotlib.figure import Figure

    if board.axes is None:
        if board.fig is None:
            board.fig = Figure(figsize=board.figsize, layout="constrained")
        board.axes = list(board.fig.subplots(board.nrows, board.ncols, squeeze=False).flat)
    axes = board.axes[0] if isinstance(board.axes, list) else board.axes
    axes.cla()
    curves = board.curves()
    for curve in curves:
        xs, ys = [float(p.x) for p in curve.points], [float(p.y) for p in curve.points]
        # A line through a single point is invisible.
        style: LineStyle = {**curve.style, "marker": "."} if len(xs) == 1 else curve.style
        axes.plot(xs, ys, *([curve.fmt] if curve.fmt else []), **style)
    set_axes(
        axes,
        board.xlabel,
        board.ylabel,
        board.xlim,
        board.ylim,
        board.xscale,
        board.yscale,
        None,
    )
    if any(curve.label for curve in curves):
        # Above the axes, where it hides no curve.
        axes.legend(
            [curve.label for curve in curves],
            loc="lower center",
            bbox_to_anchor=(0.5, 1),
            ncols=LEGEND_COLUMNS,
            fontsize="small",
            frameon=False,
        )
    drawn = axes.figure
    assert isinstance(drawn, Figure)
    return drawn


def svg(board: Drawable) -> str:
    """Return the board as an SVG document."""
    text = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    draw(board).savefig(text, format="svg", metadata=metadata)
    return text.getvalue()


def data_url(kind: str, data: bytes) -> str:
    """Return data of a media type as a data URL."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def save(board: Drawable, path: str | os.PathLike[str]) -> None:
    """Save the board to a file; the extension selects the format."""
    if Path(path).suffix.lower() not in FORMATS:
        raise ArgumentError(f"cannot save to {path}: its name must end in {', '.join(FORMATS)}")
    draw(board).savefig(path)
