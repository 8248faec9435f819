"""The number of epochs in a given time, by the seconds that an example takes."""

import numpy as np
import pytest

from hardmax.data.datasets import Images, Vectors
from hardmax.errors import ArgumentError
from hardmax.runs import pace
from hardmax.runs.auto import chosen
from hardmax.runs.settings import Settings

TRAIN, HELD_OUT = (
    Images(np.zeros((count, 8, 8, 1), np.uint8), np.arange(count) % 2) for count in (1000, 250)
)


@pytest.fixture
def measured(monkeypatch):
    """What is measured, each time 1 ms for each training example."""
    calls = []

    def measure(settings, network, train, held_out):
        calls.append((len(train), len(held_out)))
        return 0.001 * len(train)

    monkeypatch.setattr(pace, "_epoch_seconds", measure)
    return calls


@pytest.mark.parametrize(
    ("options", "epochs", "counts"),
    [
        # 95 % of the time.
        ({}, 57, (1000, 250)),
        ({"ensemble": 4}, 14, (1000, 250)),
        # Each network is trained on 800 images: 5 of them take 4 s for an epoch.
        ({"folds": 5}, 14, (800, 200)),
        ({"folds": 5, "ensemble": 10}, 7, (800, 200)),
    ],
)
def test_the_networks_share_the_time(measured, options, epochs, counts):
    settings = Settings(data="x", model="lenet", minutes=1.0, **options)
    assert pace.epochs_within(settings, (), TRAIN, HELD_OUT) == epochs
    assert measured == [counts]


def test_there_is_a_largest_number_of_epochs(measured):
    settings = Settings(data="x", model="lenet", minutes=1e4)
    assert pace.epochs_within(settings, (), TRAIN, HELD_OUT) == pace.MOST_EPOCHS


def test_the_time_must_be_enough_for_an_epoch(measured):
    settings = Settings(data="x", model="lenet", minutes=0.01)
    with pytest.raises(ArgumentError, match=r"0\.01 minutes are not .*lenet takes about 0\.017 mi"):
        pace.epochs_within(settings, (), TRAIN, HELD_OUT)


def test_the_epochs_decide_whether_images_are_shifted(measured):
    for minutes, epochs, augment in ((0.27, 15, "none"), (0.3, 17, "shift")):
        settings = chosen(
            Settings(data="x", minutes=minutes, precision="float32"),
            TRAIN,
            None,
            classes=("1", "2"),
            has_validation=False,
            held_out=HELD_OUT,
        )
        assert (settings.model, settings.minutes) == ("small-resnet", None)
        assert (settings.epochs, settings.augment) == (epochs, augment)
        # The settings of a run can be read again.
        assert Settings.from_record(settings.as_record()) == settings


def test_minutes_are_not_for_tables():
    rows = Vectors(np.zeros((9, 2), np.float32), np.arange(9) % 2)
    settings = Settings(data="t.csv", label="y", minutes=1.0)
    with pytest.raises(ArgumentError, match="minutes are for the training of a network on images"):
        chosen(settings, rows, None, classes=("1", "2"), has_validation=False)
