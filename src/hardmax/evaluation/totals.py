"""Sums and counts, from which all reported losses and accuracies are computed.

A mean of batch means would give more weight to the examples of a short last batch; sums and
counts do not depend on the batch size.
"""

import math
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, SupportsFloat, TypeVar

import numpy as np

__all__ = ["Collected", "Meter", "Steps", "Totals"]


class Steps(NamedTuple):
    """Results of the batches that an engine ran, one entry per batch.

    ``loss``: mean loss over the examples, float, shape (batches,). ``correct``: number of correct
    predictions, float64, shape (batches,), or None for a model that makes no predictions; of
    weighted examples it is their total weight, and the loss is the mean of the weighted losses.
    ``examples``: number of examples, int64, shape (batches,); for a model that makes several
    predictions per example, the number of predictions.
    """

    loss: np.ndarray
    correct: np.ndarray | None
    examples: np.ndarray

    @classmethod
    def joined(cls, parts: "Sequence[Sequence[np.ndarray] | Steps]", decides: bool) -> "Steps":
        """Join parts of a chunk of batches, each given as (loss, correct, examples).

        ``decides`` is whether the model makes predictions; if not, ``correct`` is ignored.
        """
        loss, correct, examples = zip(*parts, strict=True)
        counted = np.concatenate(correct).astype(np.float64) if decides else None
        return cls(np.concatenate(loss), counted, np.concatenate(examples).astype(np.int64))


Scalar = TypeVar("Scalar")
Scalar_co = TypeVar("Scalar_co", covariant=True)


class Correctness(Protocol[Scalar_co]):
    """An array on a device: whether each prediction is correct."""

    @property
    def shape(self) -> Sequence[int]:
        """The shape of the array."""

    def sum(self) -> Scalar_co:
        """Return the sum, a scalar on the device."""


class Collected(Generic[Scalar]):
    """Results of batches, left on the device until all batches have run.

    ``accuracy`` returns the correctness of each prediction, or is None; ``fetch`` transfers a list
    of device scalars at once, as a NumPy array of shape (len(list),).
    """

    def __init__(
        self,
        accuracy: Callable[..., Correctness[Scalar]] | None,
        fetch: Callable[[list[Scalar]], np.ndarray],
    ):
        self.accuracy = accuracy
        self.fetch = fetch
        self.losses: list[Scalar] = []
        self.correct: list[Scalar] = []
        self.examples: list[int] = []

    def add(self, loss: Scalar, outputs: object, labels: Sized) -> None:
        """Add a batch: its mean loss, without gradient, the model outputs and the labels."""
        self.losses.append(loss)
        if self.accuracy is None:
            self.examples.append(len(labels))
            return
        correct = self.accuracy(outputs, labels, averaged=False)
        self.correct.append(correct.sum())
        self.examples.append(math.prod(correct.shape))

    def steps(self) -> Steps:
        """Fetch and return the results."""
        correct = None if self.accuracy is None else self.fetch(self.correct).astype(np.float64)
        return Steps(self.fetch(self.losses), correct, np.array(self.examples, dtype=np.int64))


@dataclass
class Totals:
    """The loss sum, the number of correct predictions (None if none are made) and of examples.

    Of weighted examples, whose weights are 1 on average, the sum and the first number are weighted.
    """

    loss_sum: float = 0.0
    correct: float | None = None
    count: int = 0

    def add(self, steps: Steps) -> None:
        """Add steps, in float64."""
        self.loss_sum += float(np.dot(steps.loss.astype(np.float64), steps.examples))
        self.count += int(steps.examples.sum())
        if steps.correct is not None:
            self.correct = (self.correct or 0.0) + float(steps.correct.sum())

    @property
    def loss(self) -> float | None:
        """The mean loss over the examples; None if there are none."""
        return self.loss_sum / self.count if self.count else None

    @property
    def accuracy(self) -> float | None:
        """The fraction of correct predictions; None if there are none to count."""
        return self.correct / self.count if self.count and self.correct is not None else None


class Meter:
    """A mean over examples that is computed only when ``mean`` is called.

    Sums may be scalars on a device: adding one does not wait for it.
    """

    def __init__(self, values: Sequence[SupportsFloat] = (), counts: Sequence[int] = ()) -> None:
        self.values, self.counts = [*values], [*counts]

    def add(self, value: SupportsFloat, count: int) -> None:
        """Add a sum over ``count`` examples."""
        self.values.append(value)
        self.counts.append(count)

    def first(self) -> float:
        """Return the mean over the examples of the first sum."""
        return float(self.values[0]) / self.counts[0]

    def mean(self) -> float:
        """Return the mean over all examples, in float64."""
        return sum(float(value) for value in self.values) / sum(self.counts)
