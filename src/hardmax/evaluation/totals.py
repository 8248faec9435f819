"""The sums that every reported number is read from.

Means of batch means give the examples of a short last batch more weight than the others; sums
and counts do not, whatever the batch size.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Collected", "Meter", "Steps", "Totals"]


class Steps(NamedTuple):
    """What an engine returns of the batches that it ran, one entry a batch.

    ``loss``: mean loss over the batch's examples, float, shape (batches,). ``correct``: number
    of right decisions, int64, shape (batches,), or None for a model that makes no decisions.
    ``examples``: how many examples it had, int64, shape (batches,);
    of a model that decides more than once an example, how many decisions.
    """

    loss: np.ndarray
    correct: np.ndarray | None
    examples: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Sequence[np.ndarray]], decides: bool) -> "Steps":
        """Return the steps of stretches that each give (loss, correct, examples).

        ``decides`` tells whether the counts of right decisions are any.
        """
        loss, correct, examples = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        counted = correct.astype(np.int64) if decides else None
        return cls(loss, counted, examples.astype(np.int64))


class Collected:
    """The results of batches, left on the device until they are all there.

    ``accuracy`` counts decisions, or is None; ``fetch`` brings a list of the device's scalars over
    in one go, as a NumPy array of shape (len(list),).
    """

    def __init__(self, accuracy: Callable | None, fetch: Callable[[list], np.ndarray]):
        self.accuracy = accuracy
        self.fetch = fetch
        self.losses: list[Any] = []
        self.correct: list[Any] = []
        self.examples: list[int] = []

    def add(self, loss: Any, outputs: Any, labels: Any) -> None:
        """Add a batch: its mean loss, that wants no gradient, and what it was decided by."""
        self.losses.append(loss)
        if self.accuracy is None:
            self.examples.append(len(labels))
            return
        right = self.accuracy(outputs, labels, averaged=False)
        self.correct.append(right.sum())
        self.examples.append(math.prod(right.shape))

    def steps(self) -> Steps:
        """Fetch the results."""
        correct = None if self.accuracy is None else self.fetch(self.correct).astype(np.int64)
        return Steps(self.fetch(self.losses), correct, np.array(self.examples, dtype=np.int64))


@dataclass
class Totals:
    """A summed loss, a count of right decisions (None if there are none) and of examples."""

    loss_sum: float = 0.0
    correct: int | None = None
    count: int = 0

    def add(self, steps: Steps) -> None:
        """Add an engine's steps, in float64."""
        self.loss_sum += float(np.dot(steps.loss.astype(np.float64), steps.examples))
        self.count += int(steps.examples.sum())
        if steps.correct is not None:
            self.correct = (self.correct or 0) + int(steps.correct.sum())

    @property
    def loss(self) -> float | None:
        """The mean loss over the examples; None where there were none."""
        return self.loss_sum / self.count if self.count else None

    @property
    def accuracy(self) -> float | None:
        """The share of right decisions; None where nothing was decided."""
        return self.correct / self.count if self.count and self.correct is not None else None


class Meter:
    """Sums over examples that are read only when they are asked for.

    What is added may lie on a device as a scalar: adding does not wait for it.
    """

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.counts: list[int] = []

    def add(self, value: Any, count: int) -> None:
        """Add a sum over ``count`` examples."""
        self.values.append(value)
        self.counts.append(count)

    def mean(self) -> float:
        """Return the mean over all examples, in float64."""
        return sum(float(value) for value in self.values) / sum(self.counts)
