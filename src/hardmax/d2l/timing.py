"""A stopwatch."""

import time

import numpy as np

__all__ = ["Timer"]


class Timer:
    """A stopwatch that records several times, in seconds; it starts on construction."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.start()

    def start(self) -> None:
        """Start the stopwatch."""
        self.tik = time.perf_counter()

    def stop(self) -> float:
        """Record and return the seconds since the start."""
        self.times.append(time.perf_counter() - self.tik)
        return self.times[-1]

    def avg(self) -> float:
        """Return the mean of the recorded times."""
        return sum(self.times) / len(self.times)

    def sum(self) -> float:
        """Return the sum of the recorded times."""
        return sum(self.times)

    def cumsum(self) -> list[float]:
        """Return the running sums of the recorded times."""
        return [float(total) for total in np.cumsum(self.times)]
