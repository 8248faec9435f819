"""Boards in a notebook: one plot below the cell, redrawn as points are added.

Below the curves of a training is how far it is, with a bar while it runs.
"""

import time
from html import escape

from IPython import get_ipython
from IPython.display import SVG, DisplayHandle, display

from hardmax.plotting import figure
from hardmax.plotting.curves import Drawable, in_words

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
        if self.is_outdated or self.board.progress is not None:
            self._redraw(is_final=True)
        get_ipython().events.unregister("post_run_cell", self._end_of_cell)

    def _end_of_cell(self, result: object = None) -> None:
        self.board.close()

    def _redraw(self, is_final: bool = False) -> None:
        shown = self._contents(is_final)
        if self.handle is None:
            self.handle = display(shown, raw=True, display_id=True)
        else:
            self.handle.update(shown, raw=True)
        self.last_drawn, self.is_outdated = time.monotonic(), False

    def _contents(self, is_final: bool) -> dict[str, str]:
        """Return what is shown, by its media type; a front end chooses one."""
        svg, progress = SVG(figure.svg(self.board)).data, self.board.progress
        shown = {"image/svg+xml": svg}
        if progress is None:
            return shown | {"text/plain": repr(self.board)}
        line = progress.summary() if is_final else str(progress)
        names = ", ".join(in_words(curve.label) for curve in self.board.curves())
        # As an image, because notebooks that are not trusted show no other SVG.
        image = figure.data_url("image/svg+xml", svg.encode())
        html = (
            f'<img src="{image}" alt="curves: {escape(names)}">\n'
            f"<div>{line if is_final else progress.html()}</div>"
        )
        return shown | {"text/html": html, "text/plain": line}
