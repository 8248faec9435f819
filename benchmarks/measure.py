"""Rounds in which every contender trains in turn, and their results."""

import gc
import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from benchmarks.contenders import CONTENDERS
from benchmarks.task import Fit, Task, evaluate_scores
from hardmax.data.datasets import Dataset

__all__ = ["Results", "measure"]

#: The seed of the initial weights and the orders of every round.
SEED = 0

#: The largest relative difference of two contenders' losses for equal work.
TOLERANCE = 1e-3

#: The number of test images whose prediction may differ because of rounding.
ROUNDING_TIES = 2


@dataclass
class Results:
    """A contender's results: the first epoch of each round, and the ``seconds`` of the others."""

    title: str
    first: list[float] = field(default_factory=list)
    seconds: list[list[float]] = field(default_factory=list)
    test_loss: float = 0.0
    correct: int = 0
    train_loss: float = 0.0
    difference: float = 0.0
    miscounted: bool = False

    @property
    def equal(self) -> bool:
        """Whether every round matches the reference."""
        return self.difference <= TOLERANCE and not self.miscounted

    @property
    def epochs(self) -> list[float]:
        return [seconds for counted in self.seconds for seconds in counted]

    def ratio(self, other: "Results") -> float:
        """Return the time per epoch relative to the other's, the median over the rounds."""
        rounds = zip(self.seconds, other.seconds, strict=True)
        return median(median(ours) / median(theirs) for ours, theirs in rounds)

    def add(self, task: Task, fit: Fit) -> None:
        """Add the times and losses of a fit, and check its reported test accuracy."""
        first, *counted = fit.seconds
        self.first.append(first)
        self.seconds.append(counted)
        self.test_loss, self.correct = evaluate_scores(task, fit.weights)
        self.train_loss = fit.train_loss
        reported = fit.test_accuracy * len(task.dataset.test)
        self.miscounted |= abs(reported - self.correct) > ROUNDING_TIES

    def compare(self, reference: "Results") -> None:
        """Update the largest relative difference from the reference's losses."""
        for loss, expected in (
            (self.test_loss, reference.test_loss),
            (self.train_loss, reference.train_loss),
        ):
            difference = abs(loss / expected - 1)
            self.difference = max(
                self.difference, math.inf if math.isnan(difference) else difference
            )


def measure(
    framework: str,
    dataset: Dataset,
    model: str,
    names: Sequence[str],
    rounds: int,
    epochs: int,
    show_progress: Callable[[str], None],
) -> dict[str, Results]:
    """Train a network in interleaved rounds; return each contender's results by name.

    The order of the contenders changes from round to round. Compiled code is cleared before every
    training; one training of each before the rounds warms up everything else.
    """
    task = Task(framework, dataset, model, SEED, epochs)
    contenders = CONTENDERS[framework]
    clear_caches = importlib.import_module(f"benchmarks.{framework}.work").clear_caches
    trainers = {name: contenders[name].load() for name in names}
    results = {name: Results(contenders[name].title) for name in names}
    for name in names:
        show_progress(f"{framework}, {model}, warming up")
        trainers[name](replace(task, epochs=1))
    for number in range(rounds):
        show_progress(f"{framework}, {model}, round {number + 1} of {rounds}")
        first = number % len(names)
        order = (*names[first:], *names[:first])
        for name in order if number % 2 else reversed(order):
            clear_caches()
            gc.collect()
            results[name].add(task, trainers[name](task))
        for name in names:
            results[name].compare(results["bare"])
    return results
