"""What the model ``auto`` stands for."""

from dataclasses import replace

import numpy as np
import pytest

from hardmax.data.datasets import Images, Vectors
from hardmax.errors import ArgumentError
from hardmax.runs.auto import chosen, described
from hardmax.runs.settings import Settings

CLASSES = ("coat", "boot")


def rows(count):
    return Vectors(np.zeros((count, 2), np.float32), np.arange(count) % 2)


@pytest.mark.parametrize(
    ("count", "members", "folds"),
    [(10, 8, 2), (40, 8, 5), (1_500, 8, 8), (5_000, 5, 5), (20_000, 4, 4), (300_000, 1, 8)],
)
def test_small_tables_have_more_members(count, members, folds):
    settings = chosen(
        Settings(data="t.csv", label="y"), rows(count), None, classes=CLASSES, has_validation=False
    )
    assert (settings.members, settings.folds) == (members, folds)
    assert (settings.model, settings.optimizer, settings.rate) == ("realmlp", "adamw-ntk", 0.04)
    assert (settings.validation, settings.patience) == (None, None)
    steps = settings.epochs * max(count // settings.batch_size, 1)
    assert steps <= max(1500, 10 * count / settings.batch_size)


def test_what_the_user_has_set_stays():
    given = {"epochs": 3, "hidden": (7,), "lr": 0.01, "ensemble": 2, "batch_size": 64}
    settings = chosen(
        Settings(data="t.csv", label="y", **given),
        rows(900),
        None,
        classes=CLASSES,
        has_validation=False,
    )
    assert {name: getattr(settings, name) for name in given} == given
    assert settings.folds == 2
    other = Settings(data="t.csv", label="y", model="mlp")
    found = chosen(other, rows(900), None, classes=CLASSES, has_validation=False)
    assert found == replace(other, precision="float32")


@pytest.mark.parametrize(
    ("count", "ordered", "bins"),
    [
        (999, None, None),
        (1_000, None, 15),
        (6_400, None, 96),
        (9_000, (0, 1), 96),
        (9_000, (), None),
        (9_000, range(100), 20),
        (9_000, range(1025), None),
    ],
)
def test_large_tables_have_quantile_bins(count, ordered, bins):
    settings = Settings(data="t.csv", label="y")
    assert (
        chosen(settings, rows(count), ordered, classes=CLASSES, has_validation=False).bins == bins
    )


def test_a_validation_set_replaces_the_folds():
    settings = Settings(data="t.csv", label="y", validation=0.2)
    settings = chosen(settings, rows(900), None, classes=CLASSES, has_validation=True)
    assert (settings.folds, settings.members, settings.validation) == (None, 8, 0.2)
    assert settings.patience is not None


def test_rows_in_the_order_of_time_have_a_validation_set():
    assert Settings(data="t.csv", label="y", time="when").validation == 0.2


def images(count):
    return Images(np.zeros((count, 2, 2, 1), np.uint8), np.arange(count) % 2)


def chosen_for_images(count, classes=CLASSES, **given):
    # The precision auto would ask a framework.
    return chosen(
        Settings(data="clothes", precision="float32", **given),
        images(count),
        None,
        classes=classes,
        has_validation=False,
    )


@pytest.mark.parametrize(
    ("count", "batch_size", "rate", "epochs"),
    [
        (4, 32, 0.05, 40),
        (1_500, 32, 0.05, 40),
        (3_000, 64, 0.1, 40),
        (20_000, 128, 0.2, 25),
        (900_000, 128, 0.2, 8),
    ],
)
def test_images_have_a_small_residual_network(count, batch_size, rate, epochs):
    settings = chosen_for_images(count)
    assert (settings.model, settings.schedule, settings.momentum) == (
        "small-resnet",
        "one-cycle",
        0.9,
    )
    assert (settings.batch_size, settings.lr, settings.epochs) == (batch_size, rate, epochs)
    assert (settings.members, settings.folds, settings.validation) == (1, None, None)


def test_a_small_resnet_by_name_has_the_same_recipe_without_augmentation():
    found, named = chosen_for_images(900), chosen_for_images(900, model="small-resnet")
    assert found.augment == "flip,shift"
    assert replace(found, augment="none") == named


@pytest.mark.parametrize(("model", "rate"), [("lenet", 0.05), ("lenet-modern", 0.001)])
def test_lenet_has_small_batches_and_its_own_recipe(model, rate):
    for count, batch_size, epochs in ((481, 16, 40), (60_000, 128, 8)):
        settings = chosen_for_images(count, model=model)
        assert (settings.batch_size, settings.epochs, settings.lr) == (batch_size, epochs, rate)
        assert (settings.model, settings.schedule, settings.augment) == (model, "one-cycle", "none")
    given = {"epochs": 3, "optimizer": "adamw", "batch_size": 7, "init": "he"}
    settings = chosen_for_images(481, model=model, **given)
    assert {name: getattr(settings, name) for name in given} == given
    assert (settings.rate, settings.momentum) == (0.001, 0.0)


def test_the_rate_for_images_follows_from_the_size_of_the_batches():
    for size, rate in ((8, 0.0125), (64, 0.1), (128, 0.2), (10**20, 0.2)):
        assert chosen_for_images(900, batch_size=size).lr == rate
    assert chosen_for_images(900, batch_size=64, lr=0.3).lr == 0.3


def test_what_the_user_has_set_for_images_stays():
    given = {"epochs": 3, "optimizer": "adam", "widths": (4,), "augment": "none", "batch_size": 7}
    settings = chosen_for_images(900, **given)
    assert {name: getattr(settings, name) for name in given} == given
    # What belongs to another optimizer is not taken.
    assert (settings.lr, settings.momentum, settings.weight_decay) == (0.001, 0.0, 5e-4)


@pytest.mark.parametrize(
    ("classes", "augment"),
    [
        (("coat", "ankle boot"), "flip,shift"),
        (("cat", "1"), "flip,shift"),
        (("0", "1", "11"), "shift"),
        (("0.0", "1.0", "-1"), "shift"),
        (("a", "B", "ß"), "shift"),
        (("turn-left", "straight"), "shift"),
        (("RIGHT hand", "foot"), "shift"),
        (("bright", "leftover"), "flip,shift"),
    ],
)
def test_images_are_not_flipped_where_that_may_change_the_class(classes, augment):
    assert chosen_for_images(900, classes).augment == augment
    # Few epochs have no shift.
    flip = "flip" if "flip" in augment else "none"
    assert chosen_for_images(60_000, classes).augment == flip
    assert chosen_for_images(900, classes, epochs=15).augment == flip
    alexnet = {"model": "alexnet", "augment": "auto"}
    assert chosen_for_images(900, classes, **alexnet).augment == flip
    assert chosen_for_images(900, classes, **alexnet, epochs=16).augment == augment
    assert chosen_for_images(900, classes, model="alexnet").augment == "none"


def test_rows_are_not_augmented():
    for given in ({}, {"augment": "auto"}, {"augment": "none", "model": "mlp"}):
        settings = Settings(data="t.csv", label="y", **given)
        settings = chosen(settings, rows(90), None, classes=CLASSES, has_validation=False)
        assert settings.augment == "none"
    settings = Settings(data="t.csv", label="y", augment="shift")
    with pytest.raises(ArgumentError, match="not the rows of a table; leave out 'shift'"):
        chosen(settings, rows(90), None, classes=CLASSES, has_validation=False)


def test_the_choice_is_one_line():
    settings = chosen(
        Settings(data="t.csv", label="y"), rows(900), None, classes=CLASSES, has_validation=False
    )
    assert described(settings) == (
        "auto: 8 networks of model realmlp (hidden 128,128,128), 64 epochs, each without one of 8 "
        "folds of the training set"
    )
    settings = chosen(
        Settings(data="t.csv", label="y"), rows(2000), None, classes=CLASSES, has_validation=False
    )
    assert "(hidden 128,128,128, 31 bins)" in described(settings)
    assert described(chosen_for_images(900)) == (
        "auto: model small-resnet, 40 epochs in batches of 32, augmentation flip,shift"
    )


@pytest.mark.parametrize("other", [{"validation": 0.2}, {"time": "when"}])
def test_folds_exclude_other_ways_to_validate(other):
    with pytest.raises(ArgumentError, match="folds"):
        Settings(data="t.csv", label="y", folds=3, **other)
