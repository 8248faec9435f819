"""The curves of a training: loss, accuracy and learning rate by epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from math import ceil, isfinite

import numpy as np

from hardmax.reports.drawing import Curve, Dot, Drawing, Range, curve, position, whole_ticks
from hardmax.reports.records import RunRecord
from hardmax.training.contracts import EpochRecord
from hardmax.training.recipes import Recipe

__all__ = ["recipe_of", "training_curves"]

#: A larger loss has no place in a drawing.
LARGEST = 1e300


def training_curves(
    record: RunRecord, epochs: Sequence[EpochRecord], held_out: str
) -> list[Drawing]:
    """Return the curves of a training; ``held_out`` names the set that epochs were evaluated on.

    There is one of the learning rate unless it was constant.
    """
    drawings = [_metric(epochs, held_out, key) for key in ("loss", "accuracy")]
    rate = _learning_rate(record, len(epochs))
    return drawings if rate is None else [*drawings, rate]


def _metric(epochs: Sequence[EpochRecord], held_out: str, key: str) -> Drawing:
    across = Range(0.0, float(len(epochs)))
    found = {
        name: [
            (number, value)
            for number, epoch in enumerate(epochs, 1)
            if (value := epoch[f"{part}_{key}"]) is not None and isfinite(value) and value < LARGEST
        ]
        for name, part in (("training", "train"), (held_out, "val"))
    }
    values = [value for points in found.values() for _, value in points]
    if key == "loss":
        up = Range.up_to(max(values, default=1.0))
    else:
        up = Range.of_shares(min(values, default=0.0), max(values, default=1.0))
    return Drawing(
        f"{key} by epoch".capitalize(),
        f"Training and {held_out} {key} by epoch",
        "epoch",
        key,
        tuple(_curve(name, points, across, up) for name, points in found.items() if points),
        # A line through a single point is invisible.
        tuple(
            Dot(*position(across.fraction(x), up.fraction(y)), 3)
            for points in found.values()
            if len(points) == 1
            for x, y in points
        ),
        across=across,
        up=up,
        x_ticks=whole_ticks(len(epochs)),
    )


def _curve(name: str, points: Sequence[tuple[int, float]], across: Range, up: Range) -> Curve:
    xs, ys = np.array(points, float).T
    return curve(name, xs, ys, across=across, up=up)


def _learning_rate(record: RunRecord, epochs: int) -> Drawing | None:
    """Draw the learning rate of the completed epochs."""
    settings = record["settings"]
    recipe = recipe_of(settings)
    if recipe.schedule == "constant" and not recipe.warmup:
        return None
    size, planned = settings["batch_size"], settings["epochs"]
    assert isinstance(size, int)
    assert isinstance(planned, int)
    batches = ceil(record["data"]["train"] / size)
    rates = recipe.rates(batches, planned)[: batches * epochs].astype(float)
    across, up = Range(0.0, float(epochs)), Range.up_to(float(rates.max()))
    return Drawing(
        "Learning rate",
        f"Learning rate by epoch, at most {recipe.rate:g}",
        "epoch",
        "learning rate",
        (curve("learning rate", np.arange(len(rates)) / batches, rates, across=across, up=up),),
        across=across,
        up=up,
        x_ticks=whole_ticks(epochs),
    )


def recipe_of(settings: Mapping[str, object]) -> Recipe:
    """Return the recipe among the settings of a run, as they are recorded."""
    names = [one.name for one in fields(Recipe) if one.name in settings]
    return Recipe(**{name: settings[name] for name in names})  # type: ignore[arg-type]
