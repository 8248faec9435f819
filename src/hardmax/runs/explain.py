"""Explains what the network of a run makes of the columns of a table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from hardmax.data.datasets import Dataset, Examples, Vectors
from hardmax.data.row_encoding import RowEncoding
from hardmax.data.tables.values import grid, groups
from hardmax.errors import RunError
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.explanation import Dependence, Explanation
from hardmax.evaluation.importance import (
    Change,
    ScoreRows,
    partial_dependence,
    permutation_importance,
)
from hardmax.evaluation.slices import evaluate_slices
from hardmax.runs.evaluate import EvaluatedRun, evaluate, session_of
from hardmax.runs.run import Run
from hardmax.runs.session import Session

__all__ = ["EXPLAINING", "TRAINING", "Effort", "explain", "explain_training"]

#: The rows that are scored at a time. All batches have as many: each size is compiled anew.
BATCH = 1024

#: Fewer rows than this say too little about the importance of columns.
FEWEST = 100


@dataclass(frozen=True)
class Effort:
    """How much is computed for an explanation.

    Columns are permuted ``repeats`` times in at most ``rows`` test rows, in fewer if more than
    about ``cells`` encoded values were to be scored. Partial dependence is that of the ``columns``
    most important ones.
    """

    rows: int
    cells: int
    repeats: int
    columns: int

    def affordable(self, encoding: RowEncoding) -> int:
        """Return the number of rows in which all columns can be permuted."""
        per_row = self.repeats * len(encoding.columns) * encoding.features
        return min(self.rows, self.cells // per_row)


#: The effort of a training, which is to take about a second for its report, and of ``explain``.
TRAINING = Effort(rows=1000, cells=2**27, repeats=3, columns=4)
EXPLAINING = Effort(rows=10_000, cells=2**32, repeats=5, columns=6)


def explain(
    path: str,
    framework: str | None = None,
    effort: Effort = EXPLAINING,
    log: Callable[[str], None] | None = None,
) -> tuple[EvaluatedRun, Explanation]:
    """Evaluate a run on the test set of its table, and explain what it makes of the columns.

    ``framework`` computes the scores, by default the one used for training. ``log`` receives
    notices about how the data was read. Raises RunError for an unusable run or one that was trained
    on images, DataError if the data has changed since training.
    """
    run = Run.open(path)
    if run.encoding is None:
        raise RunError(
            f"{path} was trained on images, which have no columns; only runs on tables can be "
            "explained"
        )
    evaluated = evaluate(path, framework=framework, log=log)
    explanation = _explain_network(
        session_of(run, framework),
        evaluated.test,
        run.encoding,
        evaluated.evaluation,
        seed=run.settings.seed,
        effort=effort,
    )
    return evaluated, explanation


def explain_training(
    session: Session, dataset: Dataset, evaluation: ClassifierEvaluation, *, seed: int, members: int
) -> Explanation | None:
    """Explain a network that was just trained, as ``explain`` does, but with less effort.

    ``members`` is the number of networks that it averages, which each take their time. Returns None
    for images, and for a table of so many columns that it would take long.
    """
    effort = replace(TRAINING, rows=TRAINING.rows // members, cells=TRAINING.cells // members)
    if dataset.encoding is None or effort.affordable(dataset.encoding) < min(FEWEST, effort.rows):
        return None
    return _explain_network(
        session, dataset.test, dataset.encoding, evaluation, seed=seed, effort=effort
    )


def _explain_network(
    session: Session,
    test: Examples,
    encoding: RowEncoding,
    evaluation: ClassifierEvaluation,
    *,
    seed: int,
    effort: Effort,
) -> Explanation:
    """Explain what a network makes of the columns of the encoded rows ``test``.

    ``evaluation`` is that of the network on them; ``seed`` chooses the rows and permutations. The
    rows count alike, whatever their weights.
    """
    assert isinstance(test, Vectors)
    evaluation = replace(evaluation, weights=None)

    def score(values: np.ndarray) -> np.ndarray:
        count = len(values)
        padded = np.pad(values, ((0, -count % BATCH), (0, 0)))
        labels = np.zeros(len(padded), np.int64)
        return session.scores(Vectors(padded, labels), BATCH)[:count]

    names = [code.name for code in encoding.columns]
    count = min(len(test), max(effort.affordable(encoding), FEWEST))
    rows = np.sort(np.random.default_rng(seed).permutation(len(test))[:count])
    chosen = test.take(rows)
    on_rows = replace(evaluation, scores=evaluation.scores[rows], labels=evaluation.labels[rows])
    importances = permutation_importance(
        score,
        chosen.values,
        on_rows,
        [*zip(names, encoding.spans, strict=True)],
        repeats=effort.repeats,
        seed=seed,
    )
    places = [names.index(one.column) for one in importances]
    return Explanation(
        classes=evaluation.classes,
        rows=len(rows),
        repeats=effort.repeats,
        seed=seed,
        importances=importances,
        dependences=_dependences(score, chosen, encoding, places, on_rows, effort.columns),
        slices=evaluate_slices(_groups(test, encoding), evaluation),
    )


def _dependences(
    score: ScoreRows,
    test: Vectors,
    encoding: RowEncoding,
    places: Sequence[int],
    evaluation: ClassifierEvaluation,
    most: int,
) -> list[Dependence]:
    """Return the partial dependence on the first columns, of those at ``places``, that have one."""
    grids = ((place, grid(encoding.columns[place], test.columns[place])) for place in places)
    chosen = [*islice(((place, values) for place, values in grids if values is not None), most)]
    encoded = [
        Change(encoding.spans[place], encoding.encode_column(place, values.column))
        for place, values in chosen
    ]
    found = partial_dependence(score, test.values, evaluation, encoded)
    return [
        Dependence(encoding.columns[place].name, values.texts, probabilities.tolist())
        for (place, values), probabilities in zip(chosen, found, strict=True)
    ]


def _groups(test: Vectors, encoding: RowEncoding) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield the column, the value and the mask of each group of rows."""
    for code, column in zip(encoding.columns, test.columns, strict=True):
        for value, mask in groups(code, column):
            yield code.name, value, mask
