"""What went wrong with a training: it learned nothing, or nothing that helps on the test set."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from hardmax.checks import shortened
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.paired_tests import mcnemar
from hardmax.runs.best_weights import TrainingState
from hardmax.runs.members import smaller_rate
from hardmax.runs.settings import Settings

__all__ = ["of_accuracy", "of_losses"]

#: A loss that is this many times that of guessing has grown, and a smaller learning rate may help.
GROWN = 1.5

#: A classifier is better than the majority class if the p-value of McNemar's test is below this.
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


def of_accuracy(evaluation: ClassifierEvaluation, words: tuple[str, str]) -> Iterator[str]:
    """Yield a line if a classifier is not better than the majority class of the test set.

    That is so if it does not classify significantly more examples correctly, by McNemar's test of
    the examples one by one, whatever their weights. If too few examples are of other classes for a
    perfect classifier to be better, only a worse one is told. ``words`` are the noun for them.
    """
    counts = np.bincount(evaluation.labels, minlength=len(evaluation.classes))
    majority = int(counts.argmax())
    is_majority = evaluation.labels == majority
    better = int((evaluation.is_correct & ~is_majority).sum())
    worse = int((~evaluation.is_correct & is_majority).sum())
    p = mcnemar(better, worse)
    could_be_better = mcnemar(int((~is_majority).sum()), 0) < LEVEL
    if (p < LEVEL and better > worse) or (p >= LEVEL and not could_be_better):
        return
    yield (
        f"not better than the majority class: of {evaluation.count} test {words[1]} "
        f"{evaluation.correct} are classified correctly, and {counts[majority]} by always "
        f"predicting {shortened(evaluation.classes[majority])} (McNemar's test: p = {p:.3g}); the "
        "inputs may say nothing about the classes, or the training was too short"
    )
