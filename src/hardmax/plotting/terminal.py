"""Boards in a terminal: a live table of the curves with a progress bar."""

import atexit
import time

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hardmax.plotting.curves import Drawable, in_words

__all__ = ["TerminalDrawer", "table"]

#: Minimum seconds between updates, because a table of many points takes a moment.
PAUSE = 0.1


class TerminalDrawer:
    """Shows a live table at the bottom of the terminal; it remains after the board is closed."""

    _current: "TerminalDrawer | None" = None

    board: Drawable

    def __init__(self, board: Drawable):
        # A terminal can show only one live table, so the previous board is closed.
        if TerminalDrawer._current is not None:
            TerminalDrawer._current.board.close()
        TerminalDrawer._current = self
        self.board = board
        self.last_drawn = time.monotonic()
        self.live = Live(table(board), refresh_per_second=8)
        self.live.start()
        atexit.register(self.close)

    def draw(self) -> None:
        """Show the new points, unless the table has just been updated."""
        if time.monotonic() - self.last_drawn >= PAUSE:
            self.live.update(table(self.board))
            self.last_drawn = time.monotonic()

    def close(self) -> None:
        """Show the final table and leave it in the terminal."""
        atexit.unregister(self.close)
        TerminalDrawer._current = None
        self.live.update(table(self.board))
        self.live.stop()


def table(board: Drawable) -> Group | Table:
    """Return a table with one row per curve, and a progress bar below if ``xlim`` is set."""
    rows = Table(escape(board.xlabel or "x"), "curve", "now", "lowest", "highest", box=None)
    curves = [curve for curve in board.curves() if curve.points]
    for curve in curves:
        ys = [float(point.y) for point in curve.points]
        x = float(curve.points[-1].x)
        place = f"{x:.1f}".removesuffix(".0") if board.xlabel == "epoch" else f"{x:g}"
        figures = (f"{y:.4g}" for y in (ys[-1], min(ys), max(ys)))
        rows.add_row(place, Text(in_words(curve.label)), *figures)
    if board.xlim is None or None in tuple(board.xlim) or not curves:
        return rows
    start, end = (float(limit) for limit in board.xlim)
    x = max(float(curve.points[-1].x) for curve in curves)
    return Group(rows, ProgressBar(total=end - start, completed=x - start, width=60))
