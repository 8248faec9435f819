"""Handling of Ctrl-C, depending on how far a training is."""

import math
import signal
import threading
from types import FrameType

__all__ = ["Interruptions"]


class Interruptions:
    """Defines what Ctrl-C does within a ``with`` block; the handler is restored afterwards.

    At first Ctrl-C raises KeyboardInterrupt, as usual. After ``listen`` the first Ctrl-C is only
    counted, and ``check`` raises it; another one raises at once. After ``hold`` one Ctrl-C is only
    counted, unless there was one before, and the next one raises. After ``settle`` every Ctrl-C
    is only counted. ``count`` is their number.

    A handler that somebody else installed, or an ignored signal, is left alone, and so is any
    unless it ``waits``: of several processes, each would finish at a moment of its own.
    """

    def __init__(self, *, waits: bool = True) -> None:
        self.waits = waits
        self.count = 0
        self.raises_at: float = 1

    def listen(self) -> None:
        """Leave the first Ctrl-C to ``check``, which the caller now calls regularly.

        An exception raised by a signal handler is lost if the signal arrives while a destructor or
        a library callback runs, because Python discards exceptions there.
        """
        self.raises_at = 2

    def check(self) -> None:
        """Raise KeyboardInterrupt if there was a Ctrl-C."""
        if self.count:
            raise KeyboardInterrupt

    def hold(self) -> None:
        """Finish the current work despite a first Ctrl-C."""
        self.raises_at = max(2, self.count + 1)

    def settle(self) -> None:
        """Finish the current work despite any Ctrl-C: it is short and must not be cut off."""
        self.raises_at = math.inf

    def __enter__(self) -> "Interruptions":
        # Python allows signal handlers only in the main thread.
        self.is_installed = (
            self.waits
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self.is_installed:
            signal.signal(signal.SIGINT, self._count)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.is_installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count >= self.raises_at:
            raise KeyboardInterrupt
