"""Paired tests: do two classifiers differ significantly on the same examples?"""

import math
from dataclasses import asdict, dataclass

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.json_values import Json

__all__ = ["LEVEL", "Pair", "bootstrap_interval", "compare", "mcnemar"]

#: A difference is more than chance if the p-value of its test is below this.
LEVEL = 0.05

#: The seed of the bootstrap, fixed so that the same runs give the same interval.
SEED = 0


@dataclass(frozen=True)
class Pair:
    """Comparison of two classifiers on the same ``count`` examples.

    ``both`` and ``neither`` count the examples that both or neither classify correctly; ``only``
    has, for each of the two, the positions of those that only it does. ``p`` is the p-value of
    McNemar's test. ``accuracy`` and ``loss`` are (first, second); ``intervals`` has, by the same
    names, the 95 % intervals of the differences first - second.
    """

    count: int
    both: int
    neither: int
    only: tuple[list[int], list[int]]
    p: float
    accuracy: tuple[float, float]
    loss: tuple[float, float]
    intervals: dict[str, tuple[float, float]]

    def as_dict(self) -> dict[str, Json]:
        """Return the fields as JSON values."""
        return asdict(self)


def compare(first: ClassifierEvaluation, second: ClassifierEvaluation) -> Pair:
    """Compare two classifiers on the same examples.

    Raises ArgumentError if the numbers of classes or the labels of the examples differ.
    """
    shapes = first.scores.shape, second.scores.shape
    if shapes[0] != shapes[1] or not np.array_equal(first.labels, second.labels):
        raise ArgumentError(
            "scores must be for the same labeled examples and classes, got shapes "
            f"{shapes[0]} and {shapes[1]}"
        )
    correct = [first.is_correct, second.is_correct]
    losses = [first.losses, second.losses]
    only = [np.flatnonzero(one & ~other).tolist() for one, other in (correct, correct[::-1])]
    return Pair(
        count=first.count,
        both=int((correct[0] & correct[1]).sum()),
        neither=int((~correct[0] & ~correct[1]).sum()),
        only=(only[0], only[1]),
        p=mcnemar(len(only[0]), len(only[1])),
        accuracy=(float(correct[0].mean()), float(correct[1].mean())),
        loss=(float(losses[0].mean()), float(losses[1].mean())),
        intervals={
            "accuracy": bootstrap_interval(correct[0].astype(float) - correct[1], SEED),
            "loss": bootstrap_interval(losses[0] - losses[1], SEED),
        },
    )


def mcnemar(first: int, second: int) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    ``first`` and ``second`` count the examples that only that classifier gets right. Q. McNemar,
    Psychometrika 12 (1947), with the exact binomial distribution instead of an approximation.
    """
    n, least = first + second, min(first, second)
    log_scale = math.lgamma(n + 1) - n * math.log(2)
    tail = math.fsum(
        math.exp(log_scale - math.lgamma(i + 1) - math.lgamma(n - i + 1)) for i in range(least + 1)
    )
    return min(1.0, 2 * tail)


def bootstrap_interval(
    differences: np.ndarray, seed: int, rounds: int = 2000
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of paired ``differences``, float (n,).

    B. Efron and R. Tibshirani, "An introduction to the bootstrap" (1993).
    """
    rng, n = np.random.default_rng(seed), len(differences)
    means = [differences[rng.integers(0, n, n)].mean() for _ in range(rounds)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
