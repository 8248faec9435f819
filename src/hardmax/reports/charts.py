"""Charts of a report, which ``charts.html.jinja`` draws as SVG in the colors of the page."""

from dataclasses import dataclass
from math import floor, sqrt
from typing import NamedTuple

import numpy as np

from hardmax.evaluation.classification import ClassifierEvaluation

__all__ = ["Drawing", "class_curves", "coverage", "reliability"]

#: The size of a drawing, and the edges of its square plot area.
WIDTH, HEIGHT = 330, 306
LEFT, RIGHT, TOP, BOTTOM = 52, 312, 10, 260

#: The most curves, one per color; with more classes the worst are shown.
MAX_CURVES = 10

#: The most points per curve; more could not be told apart.
MAX_POINTS = 200


class Curve(NamedTuple):
    """The name of a curve and its ``points``, in the syntax of an SVG polyline."""

    name: str
    points: str


class Dot(NamedTuple):
    """The position and radius of a dot."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Drawing:
    """Curves over 0 to 1; ``text`` describes them for screen readers.

    The y axis runs from ``low`` to 1. ``diagonal`` draws the line from (0, 0) to (1, 1).
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
        """The ticks of both axes: x, y, label of x, label of y."""
        fractions = [i / 5 for i in range(6)]
        return [
            (*_position(x, x, 0.0), f"{x:g}", f"{self.low + (1 - self.low) * x:.3g}")
            for x in fractions
        ]


def _position(x: float, y: float, low: float) -> tuple[float, float]:
    height = (y - low) / (1 - low)
    return round(LEFT + x * (RIGHT - LEFT), 1), round(BOTTOM - height * (BOTTOM - TOP), 1)


def curve(name: str, xs: np.ndarray, ys: np.ndarray, low: float = 0.0) -> Curve:
    """Return a curve through float points (n,), sampled evenly along its length."""
    length = np.cumsum(np.hypot(np.diff(xs, prepend=xs[0]), np.diff(ys, prepend=ys[0])))
    sampled = np.unique(np.searchsorted(length, np.linspace(0, length[-1], MAX_POINTS)))
    sampled = np.unique(np.clip([0, *sampled, len(xs) - 1], 0, len(xs) - 1))
    positions = (
        _position(float(x), float(y), low) for x, y in zip(xs[sampled], ys[sampled], strict=True)
    )
    return Curve(name, " ".join(f"{x:g},{y:g}" for x, y in positions))


def reliability(evaluation: ClassifierEvaluation) -> Drawing:
    """Draw the accuracy of the predictions in each bin of confidence."""
    points = evaluation.reliability
    xs, ys = (np.array([point[key] for point in points]) for key in ("confidence", "accuracy"))
    summary = "; ".join(
        f"confidence {x:.2f}, accuracy {y:.2f}" for x, y in zip(xs, ys, strict=True)
    )
    return Drawing(
        "Reliability",
        f"Reliability diagram: accuracy by confidence. {summary}.",
        "confidence",
        "accuracy",
        (curve("predictions", xs, ys),),
        tuple(
            Dot(*_position(p["confidence"], p["accuracy"], 0.0), round(2 + 8 * sqrt(p["share"]), 1))
            for p in points
        ),
        diagonal=True,
    )


def coverage(evaluation: ClassifierEvaluation) -> Drawing:
    """Draw the accuracy of the most confident predictions over their coverage."""
    _, covered, accuracy = evaluation.coverage_curve
    low = min(floor(10 * float(accuracy.min())) / 10, 0.9)
    summary = "; ".join(
        f"coverage {point['coverage']:.2f}, accuracy {point['accuracy']:.4f}"
        for point in evaluation.coverage
    )
    return Drawing(
        "Accuracy and coverage",
        f"Accuracy of the most confident predictions by coverage. {summary}.",
        "coverage",
        "accuracy",
        (curve("most confident predictions", covered, accuracy, low),),
        low=low,
    )


def class_curves(evaluation: ClassifierEvaluation) -> list[Drawing]:
    """Draw the one-vs-rest ROC and precision-recall curves.

    With more than MAX_CURVES classes those with the smallest ROC AUC are drawn. Without a class
    that has both curves the list is empty.
    """
    areas = {
        k: one.roc_auc for k, one in enumerate(evaluation.one_vs_rest) if one.roc_auc is not None
    }
    shown = sorted(sorted(areas, key=areas.__getitem__)[:MAX_CURVES])
    if not shown:
        return []
    pairs = [_curves_of_class(evaluation, number) for number in shown]
    subset = f" of the {len(shown)} worst classes" if len(evaluation.classes) > len(shown) else ""
    areas_text, precisions_text = (
        ", ".join(f"{evaluation.classes[k]} {evaluation.by_class[name][k]:.4f}" for k in shown)
        for name in ("roc_auc", "average_precision")
    )
    return [
        Drawing(
            "ROC curves",
            f"ROC curves{subset}, one-vs-rest. ROC AUC: {areas_text}.",
            "false positive rate",
            "true positive rate (recall)",
            tuple(roc for roc, _ in pairs),
            diagonal=True,
        ),
        Drawing(
            "Precision-recall curves",
            f"Precision-recall curves{subset}, one-vs-rest. Average precision: {precisions_text}.",
            "recall",
            "precision",
            tuple(precision for _, precision in pairs),
        ),
    ]


def _curves_of_class(evaluation: ClassifierEvaluation, number: int) -> tuple[Curve, Curve]:
    """Return the ROC curve and the precision-recall curve of a class."""
    true_positives, false_positives = evaluation.ranking(number)
    recall = true_positives / true_positives[-1]
    precision = true_positives / (true_positives + false_positives)
    false = np.append(0, false_positives / false_positives[-1])
    name = evaluation.classes[number]
    return curve(name, false, np.append(0, recall)), curve(name, recall, precision)
