"""How many epochs a training can have in a given time, by measuring some steps of it."""

from dataclasses import replace
from statistics import fmean

import numpy as np

from hardmax.data.datasets import Examples
from hardmax.errors import ArgumentError
from hardmax.networks.layers import Network
from hardmax.runs.members import advising, members_of, session_of
from hardmax.runs.settings import AUTO, Settings

__all__ = ["MOST_EPOCHS", "epochs_within"]

#: The number of steps in each of the measured epochs, and that of these, the first of which warms
#: up and does not count.
STEPS, EPOCHS = 8, 3

#: The share of the time that the epochs shall take by the measurement. An epoch on all examples
#: takes a little longer than its parts, whose examples stay in the processor's caches.
AIM = 0.95

#: The most epochs. Further ones are hardly of use.
MOST_EPOCHS = 300


def epochs_within(
    settings: Settings, network: Network, train: Examples, held_out: Examples | None
) -> int:
    """Return the number of epochs that the training of all networks can have in its minutes.

    Each of the networks is like ``network``. Its epochs are evaluated on ``held_out``, or on folds
    if the settings have any. The time of compiling does not count. Raises ArgumentError if there
    is not enough time for one epoch, and what a training raises.
    """
    assert settings.minutes is not None
    augment = "shift" if settings.augment == AUTO else settings.augment
    few = replace(settings, minutes=None, epochs=EPOCHS, augment=augment, patience=None)
    member = members_of(few, train, held_out)[0]
    seconds = few.members * _epoch_seconds(few, network, member.train, member.held_out)
    epochs = int(AIM * 60 * settings.minutes / seconds)
    if not epochs:
        raise ArgumentError(
            f"{settings.minutes:g} minutes are not enough: an epoch of {settings.model} takes "
            f"about {seconds / 60:.2g} minutes here; allow more, or choose a smaller model or size "
            "of the images"
        )
    return min(epochs, MOST_EPOCHS)


def _epoch_seconds(
    settings: Settings, network: Network, train: Examples, held_out: Examples | None
) -> float:
    """Return the seconds that an epoch of a network takes, by epochs of a part of the examples."""
    size = settings.batch(len(train))
    share = min(STEPS * size / len(train), 1)

    def part_of(examples: Examples) -> Examples:
        return examples.take(np.arange(max(round(share * len(examples)), 1)))

    part, others = part_of(train), None if held_out is None else part_of(held_out)
    session = session_of(settings, network, settings.seed, part)
    with advising(settings):
        session.fit(part, others, size, balanced=settings.balanced, augment=settings.augmentations)
    seconds = fmean(epoch["seconds"] or 0.0 for epoch in session.trainer.history[1:])
    (agreed,) = session.trainer.group.from_first(np.asarray(seconds))
    return float(agreed) * len(train) / len(part)
