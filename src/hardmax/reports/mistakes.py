"""The wrong predictions that a report shows: those with the highest probability."""

from typing import TypedDict

import numpy as np

from hardmax.checks import shortened
from hardmax.data.datasets import Examples, Images, Vectors
from hardmax.data.row_encoding import RowEncoding
from hardmax.data.tables.values import cells
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.explanation import Explanation
from hardmax.reports.links import Links
from hardmax.reports.pictures import png, with_map

__all__ = ["Mistake", "described", "shown_cells", "worst_mistakes"]

#: The number of worst mistakes shown.
MISTAKES = 24

#: The most columns of a table whose cells are shown.
MOST_COLUMNS = 12


class Mistake(TypedDict):
    """A wrong prediction, and where the example is.

    ``image`` is the image, and ``map`` the same with its activation map, as data URLs, or None.
    ``href`` is the address of its file, if it has one.
    """

    image: str | None
    map: str | None
    place: str | int
    href: str | None
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
    examples: Examples,
    evaluation: ClassifierEvaluation,
    *,
    maps: np.ndarray | None,
    links: Links | None,
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
            "href": None if links is None else links.href("test", place),
            "true": evaluation.classes[evaluation.labels[i]],
            "predicted": evaluation.classes[evaluation.predictions[i]],
            "probability": float(evaluation.confidence[i]),
        }
        for number, (i, place) in enumerate(zip(worst, places, strict=True))
    ]


def shown_cells(
    examples: Examples,
    evaluation: ClassifierEvaluation,
    *,
    encoding: RowEncoding | None,
    explanation: Explanation | None,
) -> tuple[list[str], list[list[str]]]:
    """Return the names of columns of a table, and their cells in each row of a worst mistake.

    Of many columns they are the most important ones, if an ``explanation`` says which.
    """
    if encoding is None or not isinstance(examples, Vectors):
        return [], []
    columns = {
        code.name: (code, column)
        for code, column in zip(encoding.columns, examples.columns, strict=True)
    }
    ranked = [*columns] if explanation is None else [one.column for one in explanation.importances]
    names = ranked[:MOST_COLUMNS]
    worst = worst_mistakes(evaluation)
    texts = [cells(columns[name][0], columns[name][1].take(worst)) for name in names]
    return names, [[*map(shortened, row)] for row in zip(*texts, strict=True)]
