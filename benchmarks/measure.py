"""Rounds in which every contender trains in turn, and what is read off them."""

import gc
import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from benchmarks.contenders import CONTENDERS
from benchmarks.task import Fit, Task, judge
from hardmax.data.datasets import Dataset

__all__ = ["Results", "measure"]

#: Every round starts from the weights, and goes in the orders, of this seed.
SEED = 0

#: How far, relatively, the losses of two contenders may lie apart for equal work.
TOLERANCE = 1e-3

#: Test pictures that may be decided otherwise for a rounding.
ON_THE_EDGE = 2


@dataclass
class Results:
    """What a contender's rounds gave: the first epoch of each, and the counted ``seconds``."""

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
        """Whether every round did the reference's work."""
        return self.difference <= TOLERANCE and not self.miscounted

    @property
    def epochs(self) -> list[float]:
        return [seconds for counted in self.seconds for seconds in counted]

    def ratio(self, other: "Results") -> float:
        """Return how many times the other's epoch an epoch takes: the median over the rounds."""
        rounds = zip(self.seconds, other.seconds, strict=True)
        return median(median(own) / median(others) for own, others in rounds)

    def keep(self, task: Task, fit: Fit) -> None:
        """Keep the times and losses of a fit, and whether what it says of the test set is so."""
        first, *counted = fit.seconds
        self.first.append(first)
        self.seconds.append(counted)
        self.test_loss, self.correct = judge(task, fit.weights)
        self.train_loss = fit.train_loss
        said = fit.test_accuracy * len(task.dataset.test)
        self.miscounted |= abs(said - self.correct) > ON_THE_EDGE

    def compare(self, reference: "Results") -> None:
        """Keep how far the losses lie from the reference's, if that is the farthest so far."""
        for own, wanted in (
            (self.test_loss, reference.test_loss),
            (self.train_loss, reference.train_loss),
        ):
            difference = abs(own / wanted - 1)
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
    tell: Callable[[str], None],
) -> dict[str, Results]:
    """Train a network in interleaved rounds; return each contender's results by name.

    Who begins, and who comes after whom, changes from round to round. Nobody finds anything
    compiled, by himself or by others; one training of each before the rounds warms up the rest.
    """
    task = Task(framework, dataset, model, SEED, epochs)
    contenders = CONTENDERS[framework]
    forget = importlib.import_module(f"benchmarks.{framework}.work").forget
    trainers = {name: contenders[name].load() for name in names}
    results = {name: Results(contenders[name].title) for name in names}
    for name in names:
        tell(f"{framework}, {model}, warming up")
        trainers[name](replace(task, epochs=1))
    for number in range(rounds):
        tell(f"{framework}, {model}, round {number + 1} of {rounds}")
        first = number % len(names)
        turns = (*names[first:], *names[:first])
        for name in turns if number % 2 else reversed(turns):
            forget()
            gc.collect()
            results[name].keep(task, trainers[name](task))
        for name in names:
            results[name].compare(results["bare"])
    return results
