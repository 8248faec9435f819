"""Curves for a page: what ``drawings.html.jinja`` draws as SVG, in the page's own colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, sqrt
from typing import NamedTuple

import numpy as np

from hardmax.evaluation.classification import Judgement
from hardmax.evaluation.decision_rules import coverage_curve
from hardmax.evaluation.one_vs_rest import log_confidence, one_against_rest, ranking

__all__ = ["Drawing", "class_curves", "coverage", "reliability"]

#: A drawing's size, and the edges of the square in which the curves lie.
WIDTH, HEIGHT = 330, 306
LEFT, RIGHT, TOP, BOTTOM = 52, 312, 10, 260

#: As many curves as have a colour of their own; of more classes the worst are shown.
MOST = 10

#: A curve has at most so many points; more could not be told apart.
POINTS = 200


class Curve(NamedTuple):
    """A curve's name and its ``points``, as the attribute of an SVG's polyline has them."""

    name: str
    points: str


class Dot(NamedTuple):
    """A dot's place and radius."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Drawing:
    """Curves over 0 to 1; ``text`` says what is to be seen, for those who do not see it.

    ``low`` is where the axis of y begins; it ends at 1. ``diagonal`` draws a line from (0, 0).
    """

    title: str
    text: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    dots: tuple[Dot, ...] = ()
    low: float = 0.0
    diagonal: bool = False

    size = (WIDTH, HEIGHT)
    edges = (LEFT, RIGHT, TOP, BOTTOM)

    @property
    def ticks(self) -> list[tuple[float, float, str, str]]:
        """The places and the labels of ticks on both axes: x, y, x's label, y's label."""
        shares = [i / 5 for i in range(6)]
        return [
            (*_place(x, x, 0.0), f"{x:g}", f"{self.low + (1 - self.low) * x:.3g}") for x in shares
        ]


def _place(x: float, y: float, low: float) -> tuple[float, float]:
    height = (y - low) / (1 - low)
    return round(LEFT + x * (RIGHT - LEFT), 1), round(BOTTOM - height * (BOTTOM - TOP), 1)


def curve(name: str, xs: np.ndarray, ys: np.ndarray, low: float = 0.0) -> Curve:
    """Return a curve through float points (n,), thinned out evenly along its length."""
    length = np.cumsum(np.hypot(np.diff(xs, prepend=xs[0]), np.diff(ys, prepend=ys[0])))
    kept = np.unique(np.searchsorted(length, np.linspace(0, length[-1], POINTS)))
    kept = np.unique(np.clip([0, *kept, len(xs) - 1], 0, len(xs) - 1))
    places = (_place(float(x), float(y), low) for x, y in zip(xs[kept], ys[kept], strict=True))
    return Curve(name, " ".join(f"{x:g},{y:g}" for x, y in places))


def reliability(judged: Judgement) -> Drawing:
    """Draw how often the decisions of each bin of confidence are right."""
    points = judged.reliability
    xs, ys = (np.array([point[key] for point in points]) for key in ("confidence", "accuracy"))
    told = "; ".join(f"{x:.2f} sure, {y:.2f} right" for x, y in zip(xs, ys, strict=True))
    return Drawing(
        "Reliability",
        f"Reliability diagram: the share of right decisions by confidence. {told}.",
        "confidence",
        "share of right decisions",
        (curve("decisions", xs, ys),),
        tuple(
            Dot(*_place(p["confidence"], p["accuracy"], 0.0), round(2 + 8 * sqrt(p["share"]), 1))
            for p in points
        ),
        diagonal=True,
    )


def coverage(scores: np.ndarray, labels: np.ndarray, judged: Judgement) -> Drawing:
    """Draw the accuracy of the surest decisions over their share.

    ``scores`` are float (n, classes), ``labels`` integers (n,).
    """
    right = scores.argmax(axis=1) == labels
    _, covered, accuracy = coverage_curve(log_confidence(scores), right, np.ones(len(labels)))
    low = min(floor(10 * float(accuracy.min())) / 10, 0.9)
    told = "; ".join(
        f"{point['accuracy']:.4f} of the surest {point['coverage']:.2f}"
        for point in judged.coverage
    )
    return Drawing(
        "Accuracy and coverage",
        f"The share of right decisions among the surest ones. {told}.",
        "coverage: share that is decided",
        "share of right decisions",
        (curve("surest decisions", covered, accuracy, low),),
        low=low,
    )


def class_curves(
    scores: np.ndarray, labels: np.ndarray, classes: Sequence[str], judged: Judgement
) -> list[Drawing]:
    """Draw the ROC and the precision-recall curves, one class against the rest.

    ``scores`` are float (n, classes), ``labels`` integers (n,). Of more than MOST classes those of
    least area are drawn; there is no drawing without a class that has both curves.
    """
    areas = judged.classes["roc_auc"]
    shown = sorted((k for k, area in enumerate(areas) if area is not None), key=areas.__getitem__)
    shown = sorted(shown[:MOST])
    if not shown:
        return []
    roc, precision = [], []
    for number, column in zip(shown, one_against_rest(scores, labels, shown), strict=True):
        hits, alarms = ranking(*column, np.ones(len(labels)))
        recall = hits / hits[-1]
        false = np.append(0, alarms / alarms[-1])
        roc.append(curve(classes[number], false, np.append(0, recall)))
        precision.append(curve(classes[number], recall, hits / (hits + alarms)))
    which = f"Of the {len(shown)} classes" if len(classes) > len(shown) else "Of the classes"
    told = ", ".join(f"{classes[k]} {areas[k]:.4f}" for k in shown)
    precisions = judged.classes["average_precision"]
    told_precision = ", ".join(f"{classes[k]} {precisions[k]:.4f}" for k in shown)
    return [
        Drawing(
            "ROC curves",
            f"ROC curves, one class against the rest. {which} the areas are: {told}.",
            "share of the others taken for it",
            "share of the class found (recall)",
            tuple(roc),
            diagonal=True,
        ),
        Drawing(
            "Precision and recall",
            f"Precision over recall. {which} the average precisions are: {told_precision}.",
            "recall",
            "precision",
            tuple(precision),
        ),
    ]
