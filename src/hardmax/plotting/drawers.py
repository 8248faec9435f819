"""Where boards are drawn: a notebook, a terminal, a file, or nowhere."""

import sys
from typing import Protocol

from hardmax.plotting.curves import Drawable

__all__ = ["Drawer", "drawer", "in_notebook"]


class Drawer(Protocol):
    """Shows one board as its points come."""

    def draw(self) -> None:
        """Show the board's new points, now or soon."""

    def close(self) -> None:
        """Show what is left to show, and end."""


class Silent:
    """The drawer where nobody is watching: no output, no escape codes in a log."""

    def draw(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def in_notebook() -> bool:
    """Tell whether this runs in a notebook's kernel."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def drawer(board: Drawable) -> Drawer:
    """Return a drawer of ``board`` for where this program's output goes."""
    if in_notebook():
        from hardmax.plotting.notebook import NotebookDrawer

        return NotebookDrawer(board)
    if sys.stdout is not None and sys.stdout.isatty():
        from hardmax.plotting.terminal import TerminalDrawer

        return TerminalDrawer(board)
    return Silent()
