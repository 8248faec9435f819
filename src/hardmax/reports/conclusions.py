"""What follows from a run, in two or three sentences; ``docs/report.md`` has the rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.majority import AgainstMajority, against_majority
from hardmax.evaluation.paired_tests import LEVEL
from hardmax.evaluation.slices import Slice, evaluate_slices
from hardmax.reports.baselines import best_of
from hardmax.reports.records import BaselineRecord

__all__ = ["Outcome", "failures", "percent", "result"]

#: A weak class has a recall that is lower than the accuracy by this, and by more than chance.
LOWER = 0.05

#: Classes with fewer test examples are not judged, nor are more classes than MOST_CLASSES.
FEW, MOST_CLASSES = 3, 1000

#: The most weak classes that are named.
NAMED = 3

#: A network predicts nearly always the same class if the share of it is this.
NEARLY_ALL = 0.9


def percent(share: float) -> str:
    """Return a share as a percentage."""
    return f"{100 * share:.1f} %"


@dataclass(frozen=True)
class Outcome:
    """What the evaluation on a test set says; ``examples`` is the plural noun for its examples.

    ``groups``, integers (examples,), tell which of them are copies of one another, and
    ``has_class_weights`` whether the classes were weighted in the training.
    """

    evaluation: ClassifierEvaluation
    examples: str
    baselines: Sequence[BaselineRecord] = ()
    groups: np.ndarray | None = None
    has_class_weights: bool = False

    @cached_property
    def majority(self) -> AgainstMajority:
        """The comparison with always predicting the most frequent class of the test set."""
        return against_majority(
            self.evaluation.labels,
            self.evaluation.predictions,
            self.groups,
            may_cost_accuracy=self.has_class_weights,
        )

    @property
    def has_skill(self) -> bool:
        """Whether it may be useful, as far as the examples tell."""
        return not self.majority.is_useless

    @property
    def has_one_class(self) -> bool:
        """Whether all test examples are of one class."""
        return bool(np.count_nonzero(self.evaluation.counts.support) < 2)

    @cached_property
    def baseline(self) -> BaselineRecord | None:
        """The best baseline that has learned anything, if there is one."""
        best = best_of(self.baselines) if self.baselines else None
        return best if best is not None and best["features"] else None

    @property
    def baseline_lead(self) -> int:
        """How many more examples the best baseline classifies correctly.

        0 if that may be noise, or if the weights of the examples reverse it.
        """
        best = self.baseline
        if best is None or best["p"] >= LEVEL:
            return 0
        lead = best["only_baseline"] - best["only_network"]
        return lead if lead * (best["accuracy"] - self.evaluation.accuracy) > 0 else 0

    @cached_property
    def weak(self) -> list[Slice]:
        """The classes that are recognized worse than the others, the worst first.

        The ``value`` of each is its number. They are found like weak slices of columns.
        """
        evaluation = self.evaluation
        if len(evaluation.classes) > MOST_CLASSES:
            return []
        groups = (
            ("class", str(number), evaluation.labels == number)
            for number in range(len(evaluation.classes))
        )
        found = evaluate_slices(groups, evaluation, FEW)
        limit = evaluation.correct / evaluation.count - LOWER
        weak = [one for one in found if one.is_weak and one.accuracy <= limit]
        return sorted(weak, key=lambda one: one.accuracy)

    def name(self, weak: Slice) -> str:
        """Return the name of a weak class."""
        return self.evaluation.classes[int(weak.value)]

    def taken_for(self, weak: Slice) -> tuple[str, int]:
        """Return what a weak class is most often taken for, and how often."""
        evaluation = self.evaluation
        is_missed = (evaluation.labels == int(weak.value)) & ~evaluation.is_correct
        counts = np.bincount(evaluation.predictions[is_missed])
        return evaluation.classes[int(counts.argmax())], int(counts.max())


def result(outcome: Outcome) -> str:
    """Return how good the network is, against chance and against the best baseline."""
    evaluation, noun = outcome.evaluation, outcome.examples
    interval = ", weighted by their weights"
    if evaluation.interval is not None:
        low, high = evaluation.interval
        interval = f" (95 % interval: {percent(low)} to {percent(high)})"
    figures = (
        f"{percent(evaluation.accuracy)} of the {evaluation.count} test {noun} are classified "
        f"correctly{interval}"
    )
    if outcome.has_one_class:
        return f"{figures}; as all are of one class, this says nothing."
    return f"{figures}, {_against_chance(outcome)}{_against_baseline(outcome)}."


def _against_chance(outcome: Outcome) -> str:
    evaluation, found = outcome.evaluation, outcome.majority
    support = evaluation.counts.support
    share = float(support[found.majority] / support.sum())
    frequent = (
        f"always predicting the most frequent class, {evaluation.classes[found.majority]}, which "
        f"would be correct on {percent(share)}"
    )
    if found.is_better and evaluation.accuracy > share:
        return f"better than {frequent}"
    if not found.is_decided:
        return f"but they are too few to tell whether that is better than {frequent}"
    is_worse = found.is_worse and evaluation.accuracy < share
    verdict = "worse than" if is_worse else "no better than"
    skill = ", but tells the classes apart" if found.is_useful else ""
    # The test counts each example once.
    noise = _noise(found.p) if evaluation.weights is None else ""
    return f"{verdict} {frequent}{noise}{skill}"


def _against_baseline(outcome: Outcome) -> str:
    best = outcome.baseline
    if best is None:
        return ""
    name, reached, lead = best["name"], percent(best["accuracy"]), outcome.baseline_lead
    if not lead:
        return f"; the best baseline, {name}, is about as good with {reached}{_noise(best['p'])}"
    verb = "is beaten by" if lead > 0 else "beats"
    return f"; it {verb} the best baseline, {name} with {reached}{_noise(best['p'])}"


def _noise(p: float) -> str:
    """Return whether a difference is more than noise, in parentheses."""
    verdict = "more than noise" if p < LEVEL else "the difference may be noise"
    return f" ({verdict}; McNemar's test: p {_bounded(p)})"


def _bounded(p: float) -> str:
    return "< 0.0001" if p < 1e-4 else f"= {p:.2g}"


def failures(outcome: Outcome) -> str:
    """Return which classes fail and what they are taken for; "" if there is nothing to say."""
    evaluation, noun = outcome.evaluation, outcome.examples
    shares = evaluation.counts.predicted / evaluation.counts.predicted.sum()
    if not outcome.has_skill:
        if shares.max() < NEARLY_ALL or len(shares) < 2:
            return ""
        always = evaluation.classes[int(shares.argmax())]
        return f"It predicts {always} for {percent(float(shares.max()))} of them."
    if not outcome.weak:
        return _best_and_worst(outcome)
    described = [_described(outcome, one, noun) for one in outcome.weak[:NAMED]]
    left = len(outcome.weak) - len(described)
    more = f" {left} more {'class is' if left == 1 else 'classes are'} weak." if left else ""
    return " ".join(described) + more


def _described(outcome: Outcome, weak: Slice, noun: str) -> str:
    name, missed = outcome.name(weak), weak.count - weak.correct
    other, count = outcome.taken_for(weak)
    taken = "all" if count == missed else str(count)
    verb = "fails" if weak.accuracy < 0.5 else "is weak"
    return (
        f"It {verb} on {name}: of {weak.count} {noun}, {missed} are misclassified, {taken} of them "
        f"as {other}."
    )


def _best_and_worst(outcome: Outcome) -> str:
    evaluation = outcome.evaluation
    recall = [
        (share, name)
        for share, name in zip(evaluation.by_class["recall"], evaluation.classes, strict=True)
        if share is not None
    ]
    (low, worst), (high, best) = (choose(recall, key=lambda one: one[0]) for choose in (min, max))
    range_of = f"of {percent(low)} ({worst}) to {percent(high)} ({best})"
    if low == high:
        range_of = f"of {percent(low)} each"
    return f"No class is recognized clearly worse than the others: they have a recall {range_of}."
