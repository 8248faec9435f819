"""Choosing where a board is drawn: in a notebook, in a terminal, or nowhere."""

import os
import sys
from typing import Protocol, TextIO

from hardmax.plotting.curves import Drawable

__all__ = ["Drawer", "drawer", "has_screen", "in_notebook", "redraws"]


class Drawer(Protocol):
    """Shows one board and updates it as points are added."""

    def draw(self) -> None:
        """Show the board's new points, now or soon."""

    def close(self) -> None:
        """Show all remaining points and stop."""


class Silent:
    """The drawer for non-interactive output: it writes nothing, so logs stay clean."""

    def draw(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def in_notebook() -> bool:
    """Return whether this process is a notebook kernel."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def redraws(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal that can redraw lines, as progress bars do.

    A command that a cell of a notebook runs (``!hardmax train``) writes to a terminal as well, but
    the cell shows all that was ever written to it.
    """
    is_terminal = stream is not None and stream.isatty()
    return is_terminal and "JPY_PARENT_PID" not in os.environ  # which a kernel's commands inherit


def in_terminal() -> bool:
    """Return whether stdout is a terminal."""
    return redraws(sys.stdout)


def has_screen() -> bool:
    """Return whether there is a notebook or a terminal that boards are drawn in."""
    return in_notebook() or in_terminal()


def drawer(board: Drawable) -> Drawer:
    """Return a drawer of ``board`` that suits the program's output."""
    if in_notebook():
        from hardmax.plotting.notebook import NotebookDrawer

        return NotebookDrawer(board)
    if in_terminal():
        from hardmax.plotting.terminal import TerminalDrawer

        return TerminalDrawer(board)
    return Silent()
