"""The result of a contender, and the number of epochs that the time allows."""

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Outcome", "epochs_within"]


@dataclass(frozen=True)
class Outcome:
    """What a contender reached: correct predictions of the ``count`` test images.

    ``seconds`` of training, evaluation after each epoch included; the number of ``weights``.
    """

    network: str
    correct: int
    count: int
    epochs: int
    seconds: float
    weights: int


def epochs_within(minutes: float, steps: int, step: Callable[[], object]) -> int:
    """Return how many epochs of that many steps the time allows, by timing a few steps."""
    warm_ups, timed = 3, 20
    for _ in range(warm_ups):
        step()
    start = time.perf_counter()
    for _ in range(timed):
        step()
    return max(round(60 * minutes / (steps * (time.perf_counter() - start) / timed)), 1)
