"""When the state of a fit is saved."""

import time
import warnings
from collections.abc import Callable

import numpy as np

from hardmax.errors import RunError
from hardmax.processes.group import Group
from hardmax.training.states import State, Store

__all__ = ["Saving"]

#: The number of batches in the first piece of a fit, by which the pace of the others is estimated.
FIRST = 8

#: The most batches in a piece, since the minutes may be infinite.
MOST = 2**31

#: At the end of an epoch a state is saved only if saving takes at most this share of the time, so
#: that short epochs are not slowed down.
SHARE = 0.02


class Saving:
    """Saves the state of a fit in ``store``: every ``minutes``, and at the ends of epochs.

    ``state`` returns it. Chunks are divided into pieces, after each of which it can be saved, if
    that is a multiple of ``step`` batches since the start of the epoch. Of a ``group`` of several
    processes, which all have the same pieces, the first saves.
    """

    def __init__(
        self,
        store: Store,
        minutes: float,
        state: Callable[[], State],
        step: int,
        group: Group,
    ):
        self.store, self.seconds, self.state, self.step = store, 60 * minutes, state, step
        self.group = group
        self.last, self.cost = time.monotonic(), 0.0
        self.batch_seconds: float | None = None
        self.has_failed = False

    def piece_end(self, start: int) -> int:
        """Return the batch that a piece which starts with batch ``start`` ends before, at most."""
        count = FIRST
        if self.batch_seconds is not None:
            left = self.seconds - self._since_last()
            count = int(min(max(left / max(self.batch_seconds, 1e-9), 1), MOST))
        end = -(-(start + count) // self.step) * self.step
        return int(self.group.from_first(np.asarray(end))[0])

    def after_piece(self, done: int, *, batches: int, seconds: float, ends_epoch: bool) -> None:
        """Save the state if that is due after batch ``done`` of an epoch.

        The last ``batches`` took some ``seconds``, and ``ends_epoch`` is whether no others follow.
        """
        self.batch_seconds = seconds / max(batches, 1)
        if self._is_due and (ends_epoch or done % self.step == 0):
            self.save()

    def after_epoch(self, is_last: bool) -> None:
        """Save the state at the end of an epoch, unless that would take too much of the time."""
        if is_last or self._is_due or SHARE * self._since_last() >= self.cost:
            self.save()

    def save(self) -> None:
        """Save the state now; warn if it cannot be written, and let the fit go on."""
        if not self.group.is_first:
            return
        start = time.monotonic()
        try:
            self.store.save(self.state())
        except RunError as error:
            if not self.has_failed:
                warnings.warn(f"the state of the fit was not saved: {error}", stacklevel=2)
            self.has_failed = True
        else:
            self.has_failed = False
        self.last = time.monotonic()
        self.cost = self.last - start

    @property
    def _is_due(self) -> bool:
        return self.store.is_closing or self._since_last() >= self.seconds

    def _since_last(self) -> float:
        return time.monotonic() - self.last
