"""Ctrl-C, and the moments when it may end what is under way."""

import math
import signal
import threading
from types import FrameType

__all__ = ["Interruptions"]


class Interruptions:
    """Decides what Ctrl-C does within a ``with`` block; afterwards all is as before.

    At first it raises KeyboardInterrupt, as ever. After ``listen`` the first is counted, and
    ``check`` raises it; one more raises at once. After ``hold`` one Ctrl-C is only counted,
    unless there was one before, and the next one raises. After ``settle`` all are only counted.
    ``count`` is how many there were.

    Where Ctrl-C is somebody else's already, or ignored, that is left alone.
    """

    def __init__(self) -> None:
        self.count = 0
        self.ends_at: float = 1

    def listen(self) -> None:
        """From here on there is somebody who asks, again and again, with ``check``.

        What a signal raises is lost where it comes while a destructor or the callback of a library
        runs: Python drops it there.
        """
        self.ends_at = 2

    def check(self) -> None:
        """Raise KeyboardInterrupt where there was Ctrl-C."""
        if self.count:
            raise KeyboardInterrupt

    def hold(self) -> None:
        """From here on, what is under way is worth more than an early end."""
        self.ends_at = max(2, self.count + 1)

    def settle(self) -> None:
        """From here on, what is under way is over in a moment and must not be cut in two."""
        self.ends_at = math.inf

    def __enter__(self) -> "Interruptions":
        # Python allows handlers in the main thread alone.
        self.ours = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self.ours:
            signal.signal(signal.SIGINT, self._count)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count >= self.ends_at:
            raise KeyboardInterrupt
