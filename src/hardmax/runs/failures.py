"""What went wrong with a training: it learned nothing, or nothing that helps on the test set."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from hardmax.checks import shortened
from hardmax.data.datasets import Examples
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.paired_tests import mcnemar
from hardmax.runs.best_weights import TrainingState
from hardmax.runs.members import smaller_rate
from hardmax.runs.settings import Settings

__all__ = ["chance_of_agreement", "of_accuracy", "of_losses"]

#: A loss that is this many times that of guessing has grown, and a smaller learning rate may help.
GROWN = 1.5

#: A difference is more than chance if the p-value of its test is below this.
LEVEL = 0.05


def of_losses(
    settings: Settings, classes: Sequence[str], states: Sequence[TrainingState]
) -> Iterator[str]:
    """Yield a line if a network ends worse than equal probabilities, on both of its sets.

    On the training set alone that is no fault: the mean over an epoch includes its first steps, and
    dropout and augmentation; nor is it on the other one, on which networks may be overconfident.
    """
    guessing = math.log(len(classes))
    losses = max((_losses(state) for state in states), key=min)
    if min(losses) <= guessing:
        return
    advice = (
        f"try another --lr than {settings.recipe.lr:g} or more --epochs, and check the labels"
        if min(losses) <= GROWN * guessing
        else smaller_rate(settings)
    )
    yield (
        f"the training finished with a loss of {losses[0]:.3g}, worse than guessing: equal "
        f"probabilities for {len(classes)} classes give {guessing:.3g}; {advice}"
    )


def _losses(state: TrainingState) -> list[float]:
    """Return the losses of the epoch whose weights are saved, that of training first."""
    losses = (state.record["train_loss"], state.record["val_loss"])
    return [loss for loss in losses if loss is not None]


def of_accuracy(
    settings: Settings, evaluation: ClassifierEvaluation, examples: Examples
) -> Iterator[str]:
    """Yield a line if a classifier is not better than the majority class of the test set.

    It is better if it classifies significantly more of the ``examples`` correctly, by McNemar's
    test, or if not significantly fewer, but they agree with its predictions more than by chance:
    also a useful classifier may hardly predict a rare class, and one that was trained with
    weighted classes predicts it too often. Copies count once, and weights do not matter. Too few
    examples for a perfect classifier to be better are not judged.
    """
    rows = np.sort(np.unique(examples.groups, return_index=True)[1])
    labels, predictions = evaluation.labels[rows], evaluation.predictions[rows]
    counts = np.bincount(labels, minlength=len(evaluation.classes))
    majority = int(counts.argmax())
    is_majority = labels == majority
    better = int(((predictions == labels) & ~is_majority).sum())
    worse = int(((predictions != labels) & is_majority).sum())
    p = mcnemar(better, worse)
    if p < LEVEL and better > worse:
        return
    is_weighted = settings.balanced or settings.class_weights is not None
    if p >= LEVEL or is_weighted:
        could_be_better = mcnemar(int((~is_majority).sum()), 0) < LEVEL
        if not could_be_better or chance_of_agreement(labels, predictions) < LEVEL:
            return
    distinct = "distinct " if len(rows) < evaluation.count else ""
    yield (
        f"not better than the majority class: of {len(rows)} {distinct}test {examples.words[1]} "
        f"{counts[majority] + better - worse} are classified correctly, and {counts[majority]} by "
        f"always predicting {shortened(evaluation.classes[majority])} (McNemar's test: p = "
        f"{p:.3g}); the inputs may say nothing about the classes, or the training was too short"
    )


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
