"""How far a training is, in words and as a bar for notebooks."""

import time
from collections.abc import Sequence
from typing import Protocol

__all__ = ["Progress", "Training", "duration"]


class Training(Protocol):
    """A trainer, as boards see it: see ``hardmax.training.contracts.Trainer``."""

    max_epochs: int
    epoch: int
    train_batch_idx: int
    num_train_batches: int

    @property
    def history(self) -> Sequence[object]:
        """One record per completed epoch."""


class Progress:
    """How far a training is, which starts when this is made."""

    def __init__(self, training: Training):
        self.training, self.start = training, time.monotonic()

    @property
    def seconds(self) -> float:
        """The seconds since the start."""
        return time.monotonic() - self.start

    @property
    def epochs(self) -> float:
        """The number of epochs so far, with the part of the current one that is done."""
        return self.training.train_batch_idx / self.training.num_train_batches

    def __str__(self) -> str:
        """Return the epoch, the part of it that is done, and the elapsed and remaining time."""
        done, total = self.epochs, self.training.max_epochs
        part = 100 * (done - self.training.epoch)
        seconds = self.seconds
        line = f"epoch {self.training.epoch + 1}/{total}, {part:.0f} % of it; {_whole(seconds)}"
        if not done:
            return line
        return f"{line}, about {_whole(seconds * (total - done) / done)} left"

    def html(self) -> str:
        """Return a bar and ``str(self)`` as HTML."""
        return (
            f'<progress value="{self.epochs:.6g}" max="{self.training.max_epochs}" '
            f'aria-label="training"></progress> {self}'
        )

    def summary(self) -> str:
        """Return how long the training took, in words."""
        done, total = len(self.training.history), self.training.max_epochs
        epochs = "1 epoch" if done == 1 else f"{done} epochs"
        planned = f" of {total}" if done < total else ""
        return f"{epochs}{planned}, {duration(self.seconds)}"


def _whole(seconds: float) -> str:
    """Return a duration in words, without parts of a second, which would only flicker."""
    return duration(float(round(seconds)))


def duration(seconds: float) -> str:
    """Return a duration in words."""
    if seconds < 100:
        number = f"{seconds:.3g}"
        return f"{number} second" if number == "1" else f"{number} seconds"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
