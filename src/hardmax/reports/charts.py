"""The charts of an evaluation and of an explanation."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.explanation import Dependence, Explanation
from hardmax.evaluation.importance import Importance
from hardmax.reports.drawing import (
    Curve,
    Dot,
    Drawing,
    Range,
    csv_url,
    curve,
    even,
    polyline,
    position,
)

__all__ = [
    "class_curves",
    "coverage",
    "dependences",
    "importance_bars",
    "importance_csv",
    "reliability",
]

#: The most curves, one per color; with more classes the worst are shown.
MAX_CURVES = 10


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
            Dot(*position(p["confidence"], p["accuracy"]), round(2 + 8 * sqrt(p["share"]), 1))
            for p in points
        ),
        diagonal=True,
    )


def coverage(evaluation: ClassifierEvaluation) -> Drawing:
    """Draw the accuracy of the most confident predictions over their coverage."""
    _, covered, accuracy = evaluation.coverage_curve
    up = Range.of_shares(float(accuracy.min()), 1.0)
    summary = "; ".join(
        f"coverage {point['coverage']:.2f}, accuracy {point['accuracy']:.4f}"
        for point in evaluation.coverage
    )
    return Drawing(
        "Accuracy and coverage",
        f"Accuracy of the most confident predictions by coverage. {summary}.",
        "coverage",
        "accuracy",
        (curve("most confident predictions", covered, accuracy, up=up),),
        up=up,
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


def importance_csv(importances: Sequence[Importance]) -> str:
    """Return the importances as CSV, as a data URL."""
    header = ("column", "loss", "loss std", "accuracy", "accuracy std")
    return csv_url(
        header,
        [
            (one.column, one.loss, one.loss_std, one.accuracy, one.accuracy_std)
            for one in importances
        ],
    )


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
    up = Range.of_shares(min(found), max(found))
    return [_dependence(one, shown, up) for one in explanation.dependences]


def _dependence(one: Dependence, classes: Sequence[tuple[int, str]], up: Range) -> Drawing:
    """Draw the mean probability of each class, a number and a name, over the values of a column."""
    xs, rows = even(len(one.values)), one.probabilities
    positions = {
        name: [position(x, up.fraction(row[number])) for x, row in zip(xs, rows, strict=True)]
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
            Curve(
                name,
                polyline(positions[name]),
                tuple((value, row[number]) for value, row in zip(one.values, rows, strict=True)),
            )
            for number, name in classes
        ),
        # Dots have one color, so that they are for one curve only.
        tuple(Dot(x, y, 2.5) for x, y in line) if len(positions) == 1 else (),
        up=up,
        values=tuple(value if len(value) <= 10 else value[:9] + "…" for value in one.values),
    )
