"""How far a training is, in words and as a bar."""

import re
from types import SimpleNamespace

import pytest

from hardmax.plotting.progress import Progress, duration


def progress(epoch, batches, seconds, total=10):
    """Return the progress of a training of 4 batches an epoch, which began some seconds ago."""
    training = SimpleNamespace(
        max_epochs=total,
        epoch=epoch,
        train_batch_idx=batches,
        num_train_batches=4,
        history=[None] * epoch,
    )
    made = Progress(training)
    made.start -= seconds
    return made


@pytest.mark.parametrize(
    ("epoch", "batches", "seconds", "words"),
    [
        (0, 0, 3, "epoch 1/10, 0 % of it; 3 seconds"),
        (0, 1, 2, "epoch 1/10, 25 % of it; 2 seconds, about 78 seconds left"),
        (2, 10, 25, "epoch 3/10, 50 % of it; 25 seconds, about 75 seconds left"),
        # While an epoch is evaluated, it is not over.
        (2, 12, 600, "epoch 3/10, 100 % of it; 10 minutes, about 23 minutes left"),
        (9, 40, 30, "epoch 10/10, 100 % of it; 30 seconds, about 0 seconds left"),
    ],
)
def test_a_running_training_is_described(epoch, batches, seconds, words):
    made = progress(epoch, batches, seconds)
    assert str(made) == words
    bar, line = re.fullmatch(r"(<progress .*></progress>) (.*)", made.html()).groups()
    assert line == words
    assert f'value="{batches / 4:g}" max="10"' in bar
    assert re.search(r'aria-label="\w+', bar)


@pytest.mark.parametrize(
    ("epoch", "total", "words"),
    [
        (10, 10, "10 epochs, 25 seconds"),
        (1, 1, "1 epoch, 25 seconds"),
        (1, 10, "1 epoch of 10, 25 seconds"),
        (0, 10, "0 epochs of 10, 25 seconds"),
    ],
)
def test_a_training_that_is_over_is_described(epoch, total, words):
    assert progress(epoch, 4 * epoch, 25.01, total).summary() == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.1234, "0.123 seconds"),
        (1, "1 second"),
        (99, "99 seconds"),
        (125, "2 minutes"),
        (86400, "24 h 0 min"),
    ],
)
def test_durations_are_in_words(seconds, words):
    assert duration(seconds) == words
