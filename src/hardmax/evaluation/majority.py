"""Is a classifier better than always predicting the majority class of the test set?"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hardmax.evaluation.paired_tests import LEVEL, mcnemar

__all__ = ["AgainstMajority", "against_majority", "chance_of_agreement"]


@dataclass(frozen=True)
class AgainstMajority:
    """Predictions for test examples, compared with always predicting their majority class.

    ``labels`` and ``predictions`` are classes, int64 (n,) with n > 0; weights do not matter. With
    ``may_cost_accuracy``, as after a training with weighted classes, a classifier may be useful
    although it classifies significantly fewer examples correctly.
    """

    labels: np.ndarray
    predictions: np.ndarray
    may_cost_accuracy: bool = False

    @cached_property
    def majority(self) -> int:
        """The number of the most frequent class."""
        return int(np.bincount(self.labels).argmax())

    @cached_property
    def _is_majority(self) -> np.ndarray:
        is_majority: np.ndarray = self.labels == self.majority
        return is_majority

    @property
    def frequency(self) -> int:
        """The number of examples of the majority class."""
        return int(self._is_majority.sum())

    @cached_property
    def better(self) -> int:
        """The number of examples that only the classifier classifies correctly."""
        return int(((self.predictions == self.labels) & ~self._is_majority).sum())

    @cached_property
    def worse(self) -> int:
        """The number of examples that only the majority class classifies correctly."""
        return int(((self.predictions != self.labels) & self._is_majority).sum())

    @cached_property
    def p(self) -> float:
        """The p-value of McNemar's test."""
        return mcnemar(self.better, self.worse)

    @property
    def is_better(self) -> bool:
        """Whether it classifies significantly more examples correctly."""
        return self.better > self.worse and self.p < LEVEL

    @property
    def is_worse(self) -> bool:
        """Whether it classifies significantly fewer examples correctly."""
        return self.better < self.worse and self.p < LEVEL

    @cached_property
    def is_useful(self) -> bool:
        """Whether it is better, or not worse and tells classes apart.

        It does the latter if predictions and labels agree more than by chance: also a useful
        classifier may hardly predict a rare class.
        """
        if self.is_better:
            return True
        if self.is_worse and not self.may_cost_accuracy:
            return False
        return chance_of_agreement(self.labels, self.predictions) < LEVEL

    @property
    def is_decided(self) -> bool:
        """Whether it is significantly worse, or a perfect classifier would be better."""
        others = len(self.labels) - self.frequency
        return (self.is_worse and not self.may_cost_accuracy) or mcnemar(others, 0) < LEVEL

    @property
    def is_useless(self) -> bool:
        """Whether there are enough examples to tell that it is not useful."""
        return self.is_decided and not self.is_useful


def against_majority(
    labels: np.ndarray,
    predictions: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    may_cost_accuracy: bool = False,
) -> AgainstMajority:
    """Return the comparison of predictions, both int64 (n,), in which copies count once.

    Copies of one another have the same number in ``groups``, (n,).
    """
    rows: np.ndarray | slice = slice(None)
    if groups is not None:
        rows = np.sort(np.unique(groups, return_index=True)[1])
    return AgainstMajority(labels[rows], predictions[rows], may_cost_accuracy)


def chance_of_agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Return the p-value of the one-sided test that Cohen's kappa is above 0.

    ``first`` and ``second`` are classes, int64 (n,), n > 1. The number of equal ones is compared
    with that of random permutations, whose mean and variance are known, in the normal
    approximation. Without any variance, as with one class alone, it is 1.
    """
    from scipy.stats import norm

    n, classes = len(first), int(max(first.max(), second.max())) + 1
    p, q = (np.bincount(one, minlength=classes) / n for one in (first, second))
    variance = n * n / (n - 1) * (p @ q + (p @ q) ** 2 - (p * q) @ (p + q))
    if variance <= 0:
        return 1.0
    return float(norm.sf(((first == second).sum() - n * (p @ q)) / np.sqrt(variance)))
