"""Boards in a notebook: one picture below the cell, redrawn as its points come."""

import time
from typing import Any

from IPython import get_ipython
from IPython.display import SVG, display

from hardmax.plotting import figure
from hardmax.plotting.curves import Drawable

__all__ = ["NotebookDrawer"]

#: Drawing costs about 0.05 s, so that a picture is redrawn no more often than this, in seconds.
PAUSE = 0.25


class NotebookDrawer:
    """Redraws a picture at most every ``PAUSE`` seconds, and once more at the cell's end."""

    def __init__(self, board: Drawable):
        self.board = board
        self.handle: Any = None
        self.drawn = -PAUSE
        self.behind = False
        get_ipython().events.register("post_run_cell", self._end_of_cell)

    def draw(self) -> None:
        """Redraw the picture, unless that has just been done."""
        self.behind = True
        if time.monotonic() - self.drawn >= PAUSE:
            self._redraw()

    def close(self) -> None:
        """Show what is left to show; this picture changes no more."""
        if self.behind:
            self._redraw()
        get_ipython().events.unregister("post_run_cell", self._end_of_cell)

    def _end_of_cell(self, result: Any = None) -> None:
        self.board.close()

    def _redraw(self) -> None:
        picture = SVG(figure.svg(self.board))
        if self.handle is None:
            self.handle = display(picture, display_id=True)
        else:
            self.handle.update(picture)
        self.drawn, self.behind = time.monotonic(), False
