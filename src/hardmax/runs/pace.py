"""How many epochs a training can have in a given time, by measuring some steps of it."""

from dataclasses import replace
from statistics import fmean

import numpy as np

from hardmax.data.datasets import Examples
from hardmax.errors import ArgumentError
from hardmax.runs.members import network_of, session_of
from hardmax.runs.settings import AUTO, Settings

__all__ = ["epochs_within"]

#: The number of steps in each of the measured epochs, and that of these, the first of which warms
#: up and does not count.
STEPS, EPOCHS = 8, 3

#: The most epochs. Further ones are hardly of use.
MOST_EPOCHS = 300


def epochs_within(settings: Settings, train: Examples, evaluated: int, classes: int) -> int:
    """Return the number of epochs that the training of all networks can have in its minutes.

    ``evaluated`` is the number of examples that each epoch is evaluated on. The time of compiling
    does not count. Raises ArgumentError if there is not enough time for one epoch.
    """
    assert settings.minutes is not None
    count = len(train)
    if settings.folds is not None:
        evaluated = count // settings.folds
        count -= evaluated
    seconds = _seconds_per_example(settings, train, evaluated / count, classes)
    seconds *= count * settings.members
    epochs = int(60 * settings.minutes / seconds)
    if not epochs:
        raise ArgumentError(
            f"{settings.minutes:g} minutes are not enough: an epoch of {settings.model} takes "
            f"about {seconds / 60:.2g} minutes here; allow more, or choose a smaller model or size "
            "of the images"
        )
    return min(epochs, MOST_EPOCHS)


def _seconds_per_example(
    settings: Settings, train: Examples, evaluated: float, classes: int
) -> float:
    """Return the seconds of an epoch of one network by the number of its training examples.

    ``evaluated`` is the number of examples to evaluate for each of these.
    """
    size = settings.batch(len(train))
    part = train.take(np.arange(min(STEPS * size, len(train))))
    held_out = train.take(np.arange(round(evaluated * len(part)))) if evaluated else None
    augment = "shift" if settings.augment == AUTO else settings.augment
    measured = replace(settings, minutes=None, epochs=EPOCHS, augment=augment, patience=None)
    network = network_of(measured, train.inputs, classes, None)
    session = session_of(measured, network, settings.seed, part)
    session.fit(part, held_out, size, balanced=settings.balanced, augment=measured.augmentations)
    return fmean(epoch["seconds"] or 0.0 for epoch in session.trainer.history[1:]) / len(part)
