"""Charts of a report, which ``charts.html.jinja`` draws as SVG in the colors of the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import NamedTuple

import numpy as np

from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.explanation import Dependence, Explanation
from hardmax.evaluation.importance import Importance

__all__ = [
    "Drawing",
    "class_curves",
    "coverage",
    "dependences",
    "importance_bars",
    "reliability",
]

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

    The y axis runs from ``low`` to ``high``. ``diagonal`` draws the line from (0, 0) to (1, 1).
    ``values`` are written below the x axis, at even distances, in place of numbers.
    """

    title: str
    text: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    dots: tuple[Dot, ...] = ()
    low: float = 0.0
    diagonal: bool = False
    high: float = 1.0
    values: tuple[str, ...] = ()

    size = (WIDTH, HEIGHT)
    edges = (LEFT, RIGHT, TOP, BOTTOM)

    @property
    def ticks(self) -> list[tuple[float, float, str, str]]:
        """The ticks of both axes: x, y, label of x, label of y."""
        fractions = [i / 5 for i in range(6)]
        return [
            (*_position(x, x), f"{x:g}", f"{self.low + (self.high - self.low) * x:.3g}")
            for x in fractions
        ]

    @property
    def places(self) -> list[tuple[float, str]]:
        """The x coordinates of the ``values``."""
        return [
            (_position(x, 0.0)[0], value)
            for x, value in zip(_even(len(self.values)), self.values, strict=True)
        ]


def _even(count: int) -> list[float]:
    """Return as many numbers at even distances from 0 to 1; one alone is in the middle."""
    return [0.5] if count == 1 else [number / (count - 1) for number in range(count)]


def _position(x: float, y: float, low: float = 0.0, high: float = 1.0) -> tuple[float, float]:
    height = (y - low) / (high - low)
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


class Bar(NamedTuple):
    """A bar of a column's ``importance``: its length, and the ends of its spread, 0 to 100."""

    importance: Importance
    length: float
    spread: tuple[float, float]


def importance_bars(importances: Sequence[Importance]) -> list[Bar]:
    """Return a bar for each importance; the spread is a standard deviation to both sides."""
    longest = max((one.loss + one.loss_std for one in importances), default=0.0)

    def position(loss: float) -> float:
        return round(100 * max(loss, 0.0) / longest, 1) if longest > 0 else 0.0

    return [
        Bar(
            one,
            position(one.loss),
            (position(one.loss - one.loss_std), position(one.loss + one.loss_std)),
        )
        for one in importances
    ]


def dependences(explanation: Explanation) -> list[Drawing]:
    """Draw the partial dependences, all with the same y axis; of many classes, the first ones."""
    if not explanation.dependences:
        return []
    shown = explanation.shown[:MAX_CURVES]
    found = [
        row[number]
        for one in explanation.dependences
        for row in one.probabilities
        for number, _ in shown
    ]
    low, high = floor(10 * min(found)) / 10, min(ceil(10 * max(found)) / 10, 1.0)
    return [_dependence(one, shown, low, max(high, low + 0.1)) for one in explanation.dependences]


def _dependence(
    one: Dependence, classes: Sequence[tuple[int, str]], low: float, high: float
) -> Drawing:
    """Draw the mean probability of each class, a number and a name, over the values of a column."""
    xs, rows = _even(len(one.values)), one.probabilities
    positions = {
        name: [_position(x, row[number], low, high) for x, row in zip(xs, rows, strict=True)]
        for number, name in classes
    }
    line = next(iter(positions.values()))
    summary = "; ".join(
        f"{value}: {', '.join(f'{row[number]:.3f}' for number, _ in classes)}"
        for value, row in zip(one.values, rows, strict=True)
    )
    return Drawing(
        one.column,
        f"Mean probability of {', '.join(positions)} by {one.column}. {summary}.",
        "",
        "mean probability",
        tuple(
            Curve(name, " ".join(f"{x:g},{y:g}" for x, y in points))
            for name, points in positions.items()
        ),
        # Dots have one color, so that they are for one curve only.
        tuple(Dot(x, y, 2.5) for x, y in line) if len(positions) == 1 else (),
        low=low,
        high=high,
        values=tuple(value if len(value) <= 10 else value[:9] + "…" for value in one.values),
    )
