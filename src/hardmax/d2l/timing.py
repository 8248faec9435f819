"""A stop watch."""

import time

import numpy as np

__all__ = ["Timer"]


class Timer:
    """Measures seconds, several times over; it runs from the moment that it is made."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.start()

    def start(self) -> None:
        """Start the watch."""
        self.tik = time.perf_counter()

    def stop(self) -> float:
        """Stop the watch; keep and return the seconds since it was started."""
        self.times.append(time.perf_counter() - self.tik)
        return self.times[-1]

    def avg(self) -> float:
        """Return the mean of the times kept."""
        return sum(self.times) / len(self.times)

    def sum(self) -> float:
        """Return the sum of the times kept."""
        return sum(self.times)

    def cumsum(self) -> list[float]:
        """Return the running sums of the times kept."""
        return np.cumsum(self.times).tolist()
