"""The number of epochs in a given time, by the seconds that an example takes."""

import numpy as np
import pytest

from hardmax.data.datasets import Dataset, Images, Vectors
from hardmax.errors import ArgumentError
from hardmax.runs import auto, pace
from hardmax.runs.auto import chosen
from hardmax.runs.preparation import Prepared
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


def test_the_notice_has_the_options_that_repeat_the_training():
    dataset = Dataset("x", TRAIN, HELD_OUT, ("1", "2"))
    asked = Settings(data="x", minutes=30.0)
    for widths, options in (
        (None, "--epochs 31 repeats it"),
        ((64, 128), "--widths 64,128 --epochs 31 repeats it"),
    ):
        found = Settings(data="x", model="small-resnet", epochs=31, widths=widths)
        lines = []
        Prepared(asked, found, dataset, None).log_choices(lines.append)
        assert lines[-1] == f"30 minutes: 31 epochs; {options}"


@pytest.mark.parametrize(("side", "widths"), [(23, None), (24, (16, 32, 64, 128))])
def test_a_long_training_halves_images_one_time_less(measured, side, widths):
    images = Images(np.zeros((20_000, side, 30, 1), np.uint8), np.arange(20_000) % 2)

    def of(**options):
        settings = Settings(data="x", precision="float32", **options)
        classes = ("1", "2")
        found = chosen(
            settings, images, None, classes=classes, has_validation=False, held_out=HELD_OUT
        )
        return found.widths, found.epochs

    # An epoch takes 20 s. More than 150 epochs see more than 3 million images.
    assert of(minutes=52.7) == (None, 150)
    assert of(minutes=53.0) == (widths, 151)
    assert measured == [(20_000, 250)] * (2 if widths is None else 3)
    assert of(minutes=53.0, widths=(16,)) == ((16,), 151)
    assert of(epochs=151) == (None, 151)


def test_a_training_of_few_epochs_has_the_usual_network(measured, monkeypatch):
    monkeypatch.setattr(auto, "LONG", 40_000)
    monkeypatch.setattr(auto, "LONG_SIDE", 1)
    for minutes, epochs, widths in ((0.71, 40, None), (0.72, 41, (16, 32, 64, 128))):
        settings = chosen(
            Settings(data="x", precision="float32", minutes=minutes),
            TRAIN,
            None,
            classes=("1", "2"),
            has_validation=False,
            held_out=HELD_OUT,
        )
        assert (settings.epochs, settings.widths) == (epochs, widths)


def test_minutes_are_not_for_tables():
    rows = Vectors(np.zeros((9, 2), np.float32), np.arange(9) % 2)
    settings = Settings(data="t.csv", label="y", minutes=1.0)
    with pytest.raises(ArgumentError, match="minutes are for the training of a network on images"):
        chosen(settings, rows, None, classes=("1", "2"), has_validation=False)
