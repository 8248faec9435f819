"""The settings that the model ``auto`` stands for, by the kind and the size of the data."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hardmax import frameworks
from hardmax.data.datasets import Examples, Images, Vectors
from hardmax.errors import ArgumentError
from hardmax.networks import catalog
from hardmax.networks.layers import Network
from hardmax.runs.members import network_of, whole_count
from hardmax.runs.pace import epochs_within
from hardmax.runs.settings import AUTO, Settings, default_batch
from hardmax.training.precision import BFLOAT16, FLOAT32

__all__ = ["OF_DATA", "check_augmentation", "chosen", "described", "with_precision"]

#: The size of the smallest batches of images, for the networks whose recipe depends on the data.
SMALLEST_IMAGE_BATCH = {"small-resnet": 32, "lenet": 16, "lenet-modern": 16}

#: The models whose training the data chooses.
OF_DATA = {AUTO, *SMALLEST_IMAGE_BATCH}

#: The most rows for which an ensemble has this many members.
MEMBERS = ((2_000, 8), (10_000, 5), (50_000, 4), (200_000, 2))

#: A fold has at least this many rows, and a network alone is trained without one of so many.
ROWS_PER_FOLD, LONE_FOLDS = 8, 8

#: The hidden layers of a member. With 256 units each, as in ``realmlp``, a network takes four times
#: as long and is hardly better.
HIDDEN = (128, 128, 128)

#: Those for at most SMALL rows, on which more layers do not help and the probabilities are worse.
SMALL, SMALL_HIDDEN = 500, (64,)

#: The most quantile bins of a number and of all numbers, and rows for each bin. With bins for
#: fewer than SMALLEST_BINNED rows, the probabilities are worse.
MAX_BINS, MAX_ALL_BINS, ROWS_PER_BIN, SMALLEST_BINNED = 96, 2048, 64, 1000

#: The number of steps that the training of a member aims at, and bounds for its epochs.
STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 1000, 10, 64

#: An epoch has about this many steps, unless the batches would be too small or too large.
STEPS_PER_EPOCH, SMALLEST_BATCH = 4, 32


#: The number of images that the training of a network aims to see, and bounds for its epochs.
SEEN, FEWEST_IMAGE_EPOCHS, MOST_IMAGE_EPOCHS = 500_000, 8, 40

#: An epoch of images has about this many steps, unless the batches would be too small or too large.
IMAGE_STEPS_PER_EPOCH, LARGEST_IMAGE_BATCH = 32, 128

#: The learning rate of a small residual network with the largest batches of images. That with
#: smaller ones is lower in proportion: the statistics of BatchNorm are noisy there, and a network
#: hardly learns with the same rate.
IMAGE_RATE = 0.2

#: Where a network with the usual widths could see more than LONG images in more than LONG_EPOCHS
#: epochs, one with LONG_WIDTHS is better if the shorter side of the images has at least LONG_SIDE
#: pixels: it halves them one time less, for which a step takes half as much time again.
LONG_EPOCHS, LONG, LONG_SIDE, LONG_WIDTHS = 40, 3_000_000, 24, (16, 32, 64, 128)

#: Networks that are not trained in bfloat16 unless it is asked for: LeNet gains little by it, and
#: depthwise convolutions take twice as long on CPUs.
WITHOUT_GAIN = {"lenet", "lenet-modern", "mobilenetv2", "efficientnet-lite0"}

#: Images are shifted in trainings of at least this many epochs. In shorter ones a network does not
#: see the same pixels often enough to remember them, and learns more from the images as they are;
#: all but a pretrained one, which remembers them at once.
SHIFTED_EPOCHS = 16

#: The names of classes that are numbers, also those of labels of the type float.
NUMBER = r"[-+]?\d+(\.\d*)?"

#: The words in the names of classes that an image and its mirror image do not share.
SIDES = {"left", "right", "clockwise", "counterclockwise", "anticlockwise"}


def chosen(
    settings: Settings,
    train: Examples,
    ordered: Sequence[int] | None,
    *,
    classes: Sequence[str],
    has_validation: bool,
    held_out: Examples | None = None,
    network: Network | None = None,
) -> Settings:
    """Return settings in which everything is chosen that was left to the data.

    That is a network and a recipe in place of the model ``auto``, the recipe of another model of
    ``OF_DATA``, the number of epochs by the minutes, the augmentation ``auto`` and the precision
    ``auto``. They suit the examples ``train``, in which the features at ``ordered`` have an order,
    if known, and the names of the ``classes``; what the user has set stays. Each epoch is evaluated
    on ``held_out``; ``network`` is the one to train if it is not that of the settings. Raises
    ArgumentError for an augmentation of rows, patience without a validation set, minutes that are
    not for images or not enough, or a device that is not available, and MissingFrameworkError.
    """
    suited: dict[str, Any] = {}
    if settings.minutes is not None and not isinstance(train, Images):
        raise ArgumentError(
            "minutes are for the training of a network on images; leave them out, and set --epochs "
            "or --ensemble"
        )
    if isinstance(train, Images) and settings.model in OF_DATA:
        suited = _for_images(settings, len(train))
    elif isinstance(train, Vectors) and settings.model == AUTO:
        suited = {**_for_rows(settings, train, has_validation), "bins": _bins(train, ordered)}
    if suited:
        # The data has been read with the validation set.
        unset = settings.unset - {"validation"}
        values: dict[str, Any] = {name: suited.get(name) for name in {*unset, "model"}}
        settings = replace(settings, **values)
    if settings.patience is not None and not has_validation and settings.folds is None:
        raise ArgumentError(
            "early stopping (patience) must not use the test set; add --validation FRACTION to "
            "split off a validation set, or --folds"
        )
    settings = with_precision(settings)
    if settings.minutes is not None:
        settings = _within_minutes(settings, train, held_out, network=network, classes=len(classes))
    if settings.augment == AUTO:
        is_shifted = settings.finetune or settings.epochs >= SHIFTED_EPOCHS
        names = _augmentations(train, classes, is_shifted)
        return replace(settings, augment=",".join(names) or "none")
    check_augmentation(settings, train)
    return settings


def _within_minutes(
    settings: Settings,
    train: Examples,
    held_out: Examples | None,
    *,
    network: Network | None,
    classes: int,
) -> Settings:
    """Return the settings with as many epochs as the minutes allow, and widths that suit them.

    ``network`` is the one to train if it is not that of the settings, and keeps its widths.
    """
    are_widths_open = network is None and settings.model == "small-resnet" and not settings.widths
    network = network or network_of(settings, train.inputs, classes, None)
    epochs = epochs_within(settings, network, train, held_out)
    is_long = epochs > LONG_EPOCHS and epochs * len(train) > LONG
    if are_widths_open and is_long and min(train.inputs.shape[1:3]) >= LONG_SIDE:
        more: dict[str, Any] = {"widths": LONG_WIDTHS, "epochs": None}
        settings = replace(settings, **more)
        network = network_of(settings, train.inputs, classes, None)
        epochs = epochs_within(settings, network, train, held_out)
    return replace(settings, minutes=None, epochs=epochs)


def with_precision(settings: Settings) -> Settings:
    """Return settings with a precision in place of ``auto``, once the model is not auto.

    It is bfloat16 where convolutions are trained on a device that computes them faster with it.
    Raises ArgumentError if the device is not available.
    """
    if settings.precision != AUTO:
        return settings
    precision = BFLOAT16 if _is_faster(settings) else FLOAT32
    # With minutes, the number of epochs is still open.
    epochs: Any = settings.epochs if settings.minutes is None else None
    return replace(settings, precision=precision, epochs=epochs)


def _is_faster(settings: Settings) -> bool:
    if not settings.trains_convolutions or settings.model in WITHOUT_GAIN:
        return False
    backend = frameworks.load(settings.framework)
    device = backend.runtime.find_device(settings.device)
    has_fast: bool = backend.runtime.has_fast_bfloat16(device)
    return has_fast


def check_augmentation(settings: Settings, train: Examples) -> None:
    """Raise ArgumentError for an augmentation of examples that are no images."""
    if settings.augment != "none" and not isinstance(train, Images):
        raise ArgumentError(
            f"augmentations change images, not the rows of a table; leave out {settings.augment!r}"
        )


def _for_images(settings: Settings, count: int) -> dict[str, Any]:
    """Return the settings for ``count`` images."""
    model = "small-resnet" if settings.model == AUTO else settings.model
    suited = default_batch(count, IMAGE_STEPS_PER_EPOCH, SMALLEST_IMAGE_BATCH[model])
    batch = settings.batch_size or min(suited, LARGEST_IMAGE_BATCH)
    epochs = min(max(SEEN // count, FEWEST_IMAGE_EPOCHS), MOST_IMAGE_EPOCHS)
    rate = IMAGE_RATE * min(batch, LARGEST_IMAGE_BATCH) / LARGEST_IMAGE_BATCH
    return {
        "model": model,
        "batch_size": batch,
        "lr": rate if model == "small-resnet" and settings.optimizer == "sgd" else None,
        "epochs": epochs if settings.minutes is None else None,
        "augment": AUTO if settings.model == AUTO else None,
    }


def _augmentations(train: Examples, classes: Sequence[str], is_shifted: bool) -> tuple[str, ...]:
    """Return the augmentations of images of these classes; those of rows are ().

    With ``shift`` if ``is_shifted``; without ``flip`` if mirror images may belong to another class:
    if all names are numbers or single characters, as those of digits and letters, or if some tell
    left from right.
    """
    if not isinstance(train, Images):
        return ()
    are_symbols = all(len(name) == 1 or re.fullmatch(NUMBER, name) for name in classes)
    words = {word for name in classes for word in re.findall("[a-z]+", name.lower())}
    flip = () if are_symbols or words & SIDES else ("flip",)
    return (*flip, *(("shift",) if is_shifted else ()))


def _bins(train: Vectors, ordered: Sequence[int] | None) -> int | None:
    """Return the number of bins of each number, or None for none."""
    numbers = train.inputs.shape[1] if ordered is None else len(ordered)
    if not numbers or len(train) < SMALLEST_BINNED:
        return None
    bins = min(len(train) // ROWS_PER_BIN, MAX_BINS, MAX_ALL_BINS // numbers)
    return bins if bins > 1 else None


def _for_rows(settings: Settings, train: Vectors, has_validation: bool) -> dict[str, Any]:
    """Return the settings for the rows of a table."""
    count = len(train)
    members = settings.ensemble or next((size for most, size in MEMBERS if count <= most), 1)
    batch = settings.batch_size or default_batch(count, STEPS_PER_EPOCH, SMALLEST_BATCH)
    epochs = round(STEPS / max(count // batch, 1))
    suited = {
        **catalog.REALMLP,
        "model": "realmlp",
        "hidden": HIDDEN if count > SMALL else SMALL_HIDDEN,
        "batch_size": batch,
        "epochs": min(max(epochs, FEWEST_EPOCHS), MOST_EPOCHS),
        "ensemble": None if settings.folds else members,
    }
    if not has_validation:
        folds = max(min(members if members > 1 else LONE_FOLDS, count // ROWS_PER_FOLD), 2)
        folds = min(folds, whole_count(train)[0])
        return {**suited, "folds": folds if folds > 1 else None, "patience": None}
    return suited


def _of_pretrained(settings: Settings) -> str:
    epochs = f"{settings.epochs} epoch{'s' * (settings.epochs > 1)}"
    if settings.finetune:
        training = (
            f"its last layer is trained first, then all layers for {epochs}, augmentation "
            f"{settings.augment}"
        )
    else:
        training = f"its last layer is trained for {epochs}; --finetune would train all layers"
    return f"{settings.model}: pretrained on ImageNet; {training}"


def described(settings: Settings) -> str:
    """Return in words what ``auto`` chose, or how a pretrained network is trained."""
    if settings.pretrained is not None:
        return _of_pretrained(settings)
    if settings.model == "small-resnet":
        widths = f" (widths {','.join(map(str, settings.widths))})" if settings.widths else ""
        return (
            f"auto: model small-resnet{widths}, {settings.epochs} epochs in batches of "
            f"{settings.batch_size}, augmentation {settings.augment}"
        )
    count, epochs = settings.members, settings.epochs
    networks = "1 network" if count == 1 else f"{count} networks"
    hidden = "hidden " + ",".join(map(str, settings.hidden or ()))
    bins = f", {settings.bins} bins" if settings.bins else ""
    model = f"{settings.model} ({hidden}{bins})" if settings.hidden else settings.model
    each = "each " if count > 1 else ""
    folds = f", {each}without one of {settings.folds} folds of the training set"
    return f"auto: {networks} of model {model}, {epochs} epoch{'s' * (epochs > 1)}" + folds * (
        settings.folds is not None
    )
