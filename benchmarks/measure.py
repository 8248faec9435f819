"""Rounds in which every contender trains in turn, and what is read off them."""

import gc
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.contenders import CONTENDERS
from benchmarks.task import Data, Fit, Task, judge

__all__ = ["Results", "measure"]

#: Every round starts from the weights, and goes in the orders, of this seed.
SEED = 0

#: How far, relatively, the losses of two contenders may lie apart for equal work.
TOLERANCE = 1e-3

#: Test pictures that may be decided otherwise for a rounding.
ON_THE_EDGE = 2


@dataclass
class Results:
    """What a contender's rounds gave; ``seconds`` has the counted epochs of each round."""

    title: str
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
        return median(median(own) / median(others) for own, others in rounds if own)

    def keep(self, task: Task, fit: Fit) -> None:
        """Keep the losses of a fit, and whether what it says of the test set is so."""
        self.test_loss, self.correct = judge(task, fit.weights)
        self.train_loss = fit.train_loss
        said = fit.test_accuracy * len(task.data.dataset.test)
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
    data: Data,
    model: str,
    names: Sequence[str],
    rounds: int,
    epochs: int,
    tell: Callable[[str], None],
) -> dict[str, Results]:
    """Train a network in interleaved rounds; return each contender's results by name.

    Who begins, and who comes after whom, changes from round to round. The first epoch of each
    in the first round is its warm-up, and not counted.
    """
    task = Task(data, model, SEED, epochs)
    trainers = {name: CONTENDERS[name].load() for name in names}
    results = {name: Results(CONTENDERS[name].title) for name in names}
    for number in range(rounds):
        tell(f"{model}, round {number + 1} of {rounds}")
        first = number % len(names)
        turns = (*names[first:], *names[:first])
        for name in turns if number % 2 else reversed(turns):
            gc.collect()
            fit = trainers[name](task)
            results[name].seconds.append(fit.seconds[0 if number else 1 :])
            results[name].keep(task, fit)
        for name in names:
            results[name].compare(results["bare"])
    return results
