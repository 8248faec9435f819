"""The report of a run: one self-contained HTML file."""

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from hardmax.data.datasets import Examples
from hardmax.data.row_encoding import RowEncoding
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.explanation import Explanation
from hardmax.evaluation.metrics import frequent_confusions
from hardmax.evaluation.slices import SMALLEST
from hardmax.evaluation.thresholds import POSITIVE, thresholds
from hardmax.plotting.progress import duration
from hardmax.reports import charts, columns, mistakes
from hardmax.reports.advice import Finished, conclusions
from hardmax.reports.baselines import conclusion
from hardmax.reports.conclusions import Outcome
from hardmax.reports.curves import training_curves
from hardmax.reports.links import Links
from hardmax.reports.pictures import png
from hardmax.reports.records import RunRecord
from hardmax.reports.suspects import Suspects
from hardmax.training.contracts import EpochRecord

__all__ = ["render"]

#: With more classes a list of confusions replaces the confusion matrix, which would be unreadable.
MATRIX_CLASSES = 50

#: The length of that list.
CONFUSIONS = 30

#: The most characters of a text in a cell that stays on one line.
ONE_LINE = 24


def render(
    record: RunRecord,
    examples: Examples,
    evaluation: ClassifierEvaluation,
    epochs: Sequence[EpochRecord] = (),
    source: str = "",
    explanation: Explanation | None = None,
    suspects: Sequence[Suspects] = (),
    maps: np.ndarray | None = None,
    *,
    encoding: RowEncoding | None = None,
    weights: int | None = None,
    links: Links | None = None,
) -> str:
    """Return the report of a run as an HTML document.

    ``record`` is the record of the run, ``epochs`` its history and ``evaluation`` that of the test
    set ``examples``. Without ``epochs`` it reports a later evaluation on the data ``source``. An
    ``explanation`` is shown as well, and so are the ``suspects`` of each set, and the activation
    ``maps`` of the worst mistakes, float32 (mistakes, rows, columns). ``encoding`` is that of a
    table, ``weights`` the number of weights of the network, and ``links`` lead to image files.
    """
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("hardmax.reports", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration
    environment.filters["breadth"] = _breadth
    shares = _shares(evaluation)
    baselines = record["results"].get("baselines", []) if epochs else []
    setting = record["settings"].get
    has_validation = record["data"]["validation"] or setting("folds")
    held_out = "validation" if has_validation else "test"
    finished = Finished(
        record=record,
        outcome=Outcome(
            evaluation,
            examples.words[1],
            baselines,
            groups=examples.groups,
            has_class_weights=bool(setting("balanced") or setting("class_weights")),
        ),
        epochs=epochs,
        held_out=held_out,
        suspects=suspects,
    )
    return environment.get_template("report.html.jinja").render(
        record=record,
        conclusions=conclusions(finished),
        epochs=epochs,
        source=source,
        held_out=held_out,
        curves=training_curves(record, epochs, held_out) if epochs else [],
        baselines=baselines,
        conclusion=conclusion(baselines, evaluation.count) if baselines else "",
        examples=examples.words[1],
        evaluation=evaluation,
        accuracies=_accuracies(record),
        chance_loss=math.log(len(evaluation.classes)),
        drawings=[
            charts.reliability(evaluation),
            charts.coverage(evaluation),
            *charts.class_curves(evaluation),
        ],
        shares=shares,
        confusions=frequent_confusions(evaluation.labels, evaluation.predictions, CONFUSIONS)
        if shares is None
        else [],
        mistakes=mistakes.described(examples, evaluation, maps=maps, links=links),
        cells=mistakes.shown_cells(
            examples, evaluation, encoding=encoding, explanation=explanation
        ),
        weights=weights,
        columns=columns.described(encoding, record["data"]["preprocessing"]),
        thresholds=thresholds(evaluation),
        positive=evaluation.classes[POSITIVE] if len(evaluation.classes) == 2 else "",
        map_size=None if maps is None else maps.shape[1:],
        has_dark_map=maps is not None and not maps.any(axis=(1, 2)).all(),
        suspects=suspects,
        pictures=[[*map(png, () if one.images is None else one.images)] for one in suspects],
        hrefs=[
            [None if links is None else links.href(one.part, shown.place) for shown in one.shown]
            for one in suspects
        ],
        explanation=explanation,
        smallest_slice=SMALLEST,
        bars=[] if explanation is None else charts.importance_bars(explanation.importances),
        bars_csv="" if explanation is None else charts.importance_csv(explanation.importances),
        dependences=[] if explanation is None else charts.dependences(explanation),
    )


def _breadth(text: str) -> str:
    """Return the CSS class of a cell, which keeps a long text from having a line per word."""
    return "whole" if len(text) <= ONE_LINE else "long"


def _accuracies(record: RunRecord) -> dict[str, float]:
    """Return the mean and the range of the validation accuracies of the members of an ensemble."""
    members = record["results"].get("members", [])
    found = [member["validation_accuracy"] or 0.0 for member in members]
    return {"mean": fmean(found), "low": min(found), "high": max(found)} if found else {}


def _shares(evaluation: ClassifierEvaluation) -> list[list[float]] | None:
    """Return the confusion matrix normalized by row; None if it has too many classes to show."""
    confusion = evaluation.confusion
    if confusion is None or len(confusion) > MATRIX_CLASSES:
        return None
    shares: np.ndarray = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return [[float(share) for share in row] for row in shares]
