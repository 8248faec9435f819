"""How much a network relies on each column of a table, and how its predictions depend on it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from hardmax.evaluation.classification import ClassifierEvaluation

__all__ = ["Change", "Importance", "ScoreRows", "partial_dependence", "permutation_importance"]

#: Returns the scores of rows, float (rows, classes), from float32 (rows, features).
ScoreRows = Callable[[np.ndarray], np.ndarray]

#: About how many float32 values are scored at a time.
CELLS = 2**22


class Change(NamedTuple):
    """Other ``features`` in place of those in ``span``: float32 (rows, width), or (width,)."""

    span: slice
    features: np.ndarray


@dataclass(frozen=True)
class Importance:
    """What permuting a ``column`` costs.

    The fall of the ``accuracy`` and the rise of the log ``loss``, means over the repeats and their
    standard deviations.
    """

    column: str
    accuracy: float
    accuracy_std: float
    loss: float
    loss_std: float


def permutation_importance(
    score: ScoreRows,
    values: np.ndarray,
    evaluation: ClassifierEvaluation,
    columns: Sequence[tuple[str, slice]],
    *,
    repeats: int,
    seed: int,
) -> list[Importance]:
    """Return the importance of each column, by the rise of the log loss, the most important first.

    ``values`` are the encoded rows, float32 (rows, features), and ``evaluation`` is theirs;
    ``columns`` are the names of columns and their features, which are permuted together.
    L. Breiman, "Random forests", Machine Learning 45 (2001), for any classifier and as in
    scikit-learn.
    """
    rng = np.random.default_rng(seed)
    permuted = (
        Change(span, values[rng.permutation(len(values)), span])
        for _, span in columns
        for _ in range(repeats)
    )
    after = [
        replace(evaluation, scores=scores) for scores in _changed_scores(score, values, permuted)
    ]
    falls = evaluation.accuracy - np.reshape([one.accuracy for one in after], (-1, repeats))
    rises = np.reshape([one.loss for one in after], (-1, repeats)) - evaluation.loss
    found = [
        Importance(
            column=name,
            accuracy=float(fall.mean()),
            accuracy_std=float(fall.std()),
            loss=float(rise.mean()),
            loss_std=float(rise.std()),
        )
        for (name, _), fall, rise in zip(columns, falls, rises, strict=True)
    ]
    return sorted(found, key=lambda one: -one.loss)


def partial_dependence(
    score: ScoreRows,
    values: np.ndarray,
    evaluation: ClassifierEvaluation,
    grids: Sequence[Change],
) -> list[np.ndarray]:
    """Return the mean probabilities if all rows get a value, for each value in each grid.

    ``values`` are the encoded rows, float32 (rows, features), and ``evaluation`` is theirs. A grid
    has encoded values of a column, float32 (values, width), for the features in its span. Returns
    float64 (values, classes) for each. J. H. Friedman, "Greedy function approximation: a gradient
    boosting machine", Annals of Statistics 29 (2001).
    """
    changes = [Change(span, value) for span, grid in grids for value in grid]
    means = iter(
        replace(evaluation, scores=scores).probabilities.mean(axis=0)
        for scores in _changed_scores(score, values, changes)
    )
    return [np.array([*islice(means, len(grid))]) for _, grid in grids]


def _changed_scores(
    score: ScoreRows, values: np.ndarray, changes: Iterable[Change]
) -> Iterator[np.ndarray]:
    """Yield the scores of all rows after each change, many changes at a time."""
    waiting = iter(changes)
    at_once = max(1, CELLS // values.size)
    while some := [*islice(waiting, at_once)]:
        stacked = np.tile(values, (len(some), 1, 1))
        for rows, (span, features) in zip(stacked, some, strict=True):
            rows[:, span] = features
        yield from np.split(score(stacked.reshape(-1, values.shape[1])), len(some))
