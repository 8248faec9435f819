"""Rounds in which every contender trains in turn, and what is read off them."""

import gc
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.task import Data, Fit, Task, judge

#: Every round starts from the weights, and goes in the orders, of this seed.
SEED = 0

#: How far the losses of two contenders may lie apart for their work to count as equal.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Contender:
    """Somebody who trains: a function of a task, in a module of its own."""

    name: str
    title: str
    package: str
    module: str
    function: str

    def load(self) -> Callable[[Task], Fit]:
        return getattr(importlib.import_module(f"benchmarks.{self.module}"), self.function)


CONTENDERS = (
    Contender("bare", "bare PyTorch loop", "torch", "bare", "bare"),
    Contender("command-line", "hardmax, command line", "torch", "with_hardmax", "command_line"),
    Contender("book", "hardmax, book's API", "torch", "with_hardmax", "book"),
    Contender("keras", "Keras on PyTorch", "keras", "with_keras", "keras_fit"),
    Contender("lightning", "Lightning", "lightning", "with_lightning", "lightning_fit"),
    Contender("skorch", "skorch", "skorch", "with_skorch", "skorch_fit"),
)


@dataclass
class Results:
    """What a contender's rounds gave; ``seconds`` has the counted epochs of each round."""

    title: str
    seconds: list[list[float]] = field(default_factory=list)
    test_loss: float = 0.0
    correct: int = 0
    train_loss: float = 0.0
    difference: float = 0.0

    @property
    def equal(self) -> bool:
        """Whether the contender did the reference's work in every round."""
        return self.difference <= TOLERANCE

    @property
    def epochs(self) -> list[float]:
        return [seconds for counted in self.seconds for seconds in counted]

    def ratio(self, other: "Results") -> float:
        """Return how many times the other's time an epoch takes: the median over the rounds."""
        rounds = zip(self.seconds, other.seconds, strict=True)
        return median(median(own) / median(others) for own, others in rounds if own and others)

    def take_in(self, task: Task, fit: Fit, reference: "Results", counted: int) -> None:
        """Add a round, and compare what was trained with what the reference trained."""
        self.seconds.append(fit.seconds[-counted:] if counted else [])
        self.test_loss, self.correct = judge(task, fit.weights)
        self.train_loss = fit.train_loss
        said = fit.test_accuracy * len(task.data.dataset.test)
        self.difference = max(
            self.difference,
            abs(self.test_loss / reference.test_loss - 1),
            abs(self.train_loss / reference.train_loss - 1),
            # It must have judged all of the test set, and rightly: a picture may be on the edge.
            0.0 if abs(said - self.correct) <= 2 else 1.0,
        )


def measure(
    data: Data,
    model: str,
    contenders: Sequence[Contender],
    rounds: int,
    epochs: int,
    tell: Callable[[str], None],
) -> dict[str, Results]:
    """Train a network in interleaved rounds; return each contender's results by name.

    The reference is trained first only to be compared with: its place in the rounds changes
    like everybody's. The first epoch of all is a warm-up for each.
    """
    task = Task(data, model, SEED, epochs)
    trainers = {contender.name: contender.load() for contender in contenders}
    results = {contender.name: Results(contender.title) for contender in contenders}
    reference = Results("reference")
    fit = trainers["bare"](task)
    reference.test_loss, reference.correct = judge(task, fit.weights)
    reference.train_loss = fit.train_loss
    names = list(trainers)
    for number in range(rounds):
        tell(f"{model}: round {number + 1} of {rounds}")
        at = number % len(names)
        for name in names[at:] + names[:at]:
            gc.collect()
            fit = trainers[name](task)
            counted = epochs if number else epochs - 1
            results[name].take_in(task, fit, reference, counted)
    return results
