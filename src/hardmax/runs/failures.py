"""What went wrong with a training: it learned nothing, or nothing that helps on the test set."""

import math
from collections.abc import Iterator, Sequence

from hardmax.checks import shortened
from hardmax.data.datasets import Examples
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.majority import against_majority
from hardmax.reports.advice import GROWN
from hardmax.runs.best_weights import TrainingState
from hardmax.runs.members import smaller_rate
from hardmax.runs.settings import Settings

__all__ = ["of_accuracy", "of_losses"]


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

    Of the ``examples``, copies count once.
    """
    found = against_majority(
        evaluation.labels,
        evaluation.predictions,
        examples.groups,
        may_cost_accuracy=settings.balanced or settings.class_weights is not None,
    )
    if not found.is_useless:
        return
    count = len(found.labels)
    distinct = "distinct " if count < evaluation.count else ""
    yield (
        f"not better than the majority class: of {count} {distinct}test {examples.words[1]} "
        f"{found.frequency + found.better - found.worse} are classified correctly, and "
        f"{found.frequency} by always predicting {shortened(evaluation.classes[found.majority])} "
        f"(McNemar's test: p = {found.p:.3g}); the inputs may say nothing about the classes, or "
        "the training was too short"
    )
