"""The wrong predictions that a report shows: those with the highest probability."""

from typing import TypedDict

import numpy as np

from hardmax.data.datasets import Examples, Images
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.reports.pictures import png, with_map

__all__ = ["Mistake", "described", "worst_mistakes"]

#: The number of worst mistakes shown.
MISTAKES = 24


class Mistake(TypedDict):
    """A wrong prediction, and where the example is.

    ``image`` is the image, and ``map`` the same with its activation map, as data URLs, or None.
    """

    image: str | None
    map: str | None
    place: str | int
    true: str
    predicted: str
    probability: float


def worst_mistakes(evaluation: ClassifierEvaluation) -> np.ndarray:
    """Return the positions, int64, of the worst mistakes, the worst first."""
    wrong = np.flatnonzero(~evaluation.is_correct)
    order = np.argsort(-evaluation.log_confidence[wrong], kind="stable")
    worst: np.ndarray = wrong[order[:MISTAKES]]
    return worst


def described(
    examples: Examples, evaluation: ClassifierEvaluation, maps: np.ndarray | None
) -> list[Mistake]:
    """Return the worst mistakes; ``maps`` are their activation maps, if there are any."""
    worst = worst_mistakes(evaluation)
    _, places = examples.source(worst)
    return [
        {
            "image": png(examples.images[i]) if isinstance(examples, Images) else None,
            "map": (
                png(with_map(examples.images[i], maps[number]))
                if isinstance(examples, Images) and maps is not None
                else None
            ),
            "place": place,
            "true": evaluation.classes[evaluation.labels[i]],
            "predicted": evaluation.classes[evaluation.predictions[i]],
            "probability": float(evaluation.confidence[i]),
        }
        for number, (i, place) in enumerate(zip(worst, places, strict=True))
    ]
