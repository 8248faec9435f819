"""Boards in a terminal: a live table of the curves, and how far along they are."""

import atexit
import time

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hardmax.plotting.curves import Drawable

__all__ = ["TerminalDrawer", "table"]

#: A table of many points takes a moment: it is made anew no more often than this, in seconds.
PAUSE = 0.1


class TerminalDrawer:
    """Keeps a table at the foot of the terminal; it stays there when the board is closed."""

    _current: "TerminalDrawer | None" = None

    board: Drawable

    def __init__(self, board: Drawable):
        # A terminal has one foot: the board before this one is done.
        if TerminalDrawer._current is not None:
            TerminalDrawer._current.board.close()
        TerminalDrawer._current = self
        self.board = board
        self.drawn = time.monotonic()
        self.live = Live(table(board), refresh_per_second=8)
        self.live.start()
        atexit.register(self.close)

    def draw(self) -> None:
        """Show the new points, unless that has just been done."""
        if time.monotonic() - self.drawn >= PAUSE:
            self.live.update(table(self.board))
            self.drawn = time.monotonic()

    def close(self) -> None:
        """Leave the table as it stands."""
        atexit.unregister(self.close)
        TerminalDrawer._current = None
        self.live.update(table(self.board))
        self.live.stop()


def table(board: Drawable) -> Group | Table:
    """Return a row a curve, and below them a progress bar where the end is known."""
    rows = Table(escape(board.xlabel or "x"), "curve", "now", "lowest", "highest", box=None)
    curves = [curve for curve in board.curves() if curve.points]
    for curve in curves:
        ys = [float(point.y) for point in curve.points]
        x = float(curve.points[-1].x)
        rows.add_row(f"{x:g}", Text(curve.label), *(f"{y:.4g}" for y in (ys[-1], min(ys), max(ys))))
    if board.xlim is None or None in tuple(board.xlim) or not curves:
        return rows
    start, end = (float(limit) for limit in board.xlim)
    reached = max(float(curve.points[-1].x) for curve in curves)
    return Group(rows, ProgressBar(total=end - start, completed=reached - start, width=60))
