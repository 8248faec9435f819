"""Boards in a notebook: one plot below the cell, redrawn as points are added."""

import time

from IPython import get_ipython
from IPython.display import SVG, DisplayHandle, display

from hardmax.plotting import figure
from hardmax.plotting.curves import Drawable

__all__ = ["NotebookDrawer"]

#: Minimum seconds between redraws, because drawing takes about 0.05 s.
PAUSE = 0.25


class NotebookDrawer:
    """Redraws a plot at most every ``PAUSE`` seconds, and once more at the end of the cell."""

    def __init__(self, board: Drawable):
        self.board = board
        self.handle: DisplayHandle | None = None
        self.last_drawn = -PAUSE
        self.is_outdated = False
        get_ipython().events.register("post_run_cell", self._end_of_cell)

    def draw(self) -> None:
        """Redraw the plot, unless it has just been drawn."""
        self.is_outdated = True
        if time.monotonic() - self.last_drawn >= PAUSE:
            self._redraw()

    def close(self) -> None:
        """Show all remaining points; the plot is final after that."""
        if self.is_outdated:
            self._redraw()
        get_ipython().events.unregister("post_run_cell", self._end_of_cell)

    def _end_of_cell(self, result: object = None) -> None:
        self.board.close()

    def _redraw(self) -> None:
        image = SVG(figure.svg(self.board))
        if self.handle is None:
            self.handle = display(image, display_id=True)
        else:
            self.handle.update(image)
        self.last_drawn, self.is_outdated = time.monotonic(), False
