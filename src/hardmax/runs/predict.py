"""Predictions of a run for new images or table rows."""

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hardmax.data.datasets import Examples, Images, Vectors
from hardmax.data.images.files import read_image
from hardmax.data.images.scan import images_below
from hardmax.data.tables.features import encode_table
from hardmax.data.tables.files import TableFile, is_table_name, read_table
from hardmax.errors import ArgumentError, DataError, RunError
from hardmax.evaluation.calibration import calibrated
from hardmax.evaluation.conformal import check_coverage
from hardmax.evaluation.decision_rules import Costs, named
from hardmax.evaluation.metrics import log_softmax
from hardmax.json_values import Json
from hardmax.runs.evaluate import read_rules, scores_of
from hardmax.runs.run import Run

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Prediction", "Predictions", "as_text", "predict"]


@dataclass(frozen=True)
class Prediction:
    """The predicted class of an example, its probability, and those of all classes.

    Probabilities use the run's temperature; ``scores``, one per class, are those of the network.
    ``decision`` follows the given rule, by default the predicted class; None means to abstain.
    ``prediction_set`` has the classes that cover the true one with the given probability, the most
    likely first; None if no coverage was given. ``row`` is the row of a table, counted from 1, or
    None for an image.
    """

    file: str
    label: str
    probability: float
    decision: str | None
    probabilities: dict[str, float]
    scores: list[float]
    prediction_set: list[str] | None = None
    row: int | None = None

    def as_dict(self) -> dict[str, Json]:
        """Return the fields as a JSON-compatible dict, without a set or row that is None."""
        entries = asdict(self)
        for name in ("prediction_set", "row"):
            if entries[name] is None:
                del entries[name]
        return entries


@dataclass(frozen=True)
class Predictions:
    """Predictions in the order of the examples.

    ``changes`` describes how images were converted, and ``notices`` what the user should know.
    ``table`` has the columns of the input followed by those of the predictions; None for
    images.
    """

    all: list[Prediction]
    changes: list[str]
    table: "pa.Table | None" = None
    notices: tuple[str, ...] = ()


def predict(
    path: str,
    files: Sequence[str],
    framework: str | None = None,
    *,
    costs: Path | None = None,
    below: float | None = None,
    coverage: float | None = None,
) -> Predictions:
    """Return the predictions of a run for image files or for the rows of one table.

    A folder stands for the images below it. ``framework`` computes the predictions, by default the
    one used for training. Decisions minimize the expected cost given by the file ``costs``, or
    abstain ``below`` a probability. Prediction sets have the given ``coverage``. Raises RunError
    for an unusable run or, with ``coverage``, one without a validation set, DataError for a file
    that cannot be read or does not fit the run or costs that do not fit the classes, ArgumentError
    for both rules at once or a coverage that is not between 0 and 1.
    """
    if costs is not None and below is not None:
        raise ArgumentError(
            "use either costs or a probability to abstain below, not both; to let costs abstain, "
            "give them an extra column with the cost of abstaining"
        )
    run = Run.open(path)
    rules = read_rules(run, costs, below)
    about_sets = [] if coverage is None else _check_sets(run, path, coverage)
    predicted = partial(_predict, run, framework, rules, coverage)
    if run.encoding is None:
        files = [*itertools.chain.from_iterable(map(_image_files, files))]
        images, changes = _read_images(run, files)
        return Predictions(predicted(images, files), changes, notices=(*about_sets,))
    table, about_file = _read_one_table(path, files, run)
    values, about_rows = encode_table(table, Path(files[0]), run.encoding)
    rows = Vectors(values, np.zeros(len(values), np.int64))
    predictions = [
        replace(prediction, row=row)
        for row, prediction in enumerate(predicted(rows, [files[0]] * len(rows)), 1)
    ]
    table = _with_predictions(table, predictions, decides=rules != (None, None))
    return Predictions(predictions, [], table, (*about_file, *about_rows, *about_sets))


def _check_sets(run: Run, path: str, coverage: float) -> list[str]:
    """Return a notice if sets have all classes. Raises like ``predict``."""
    check_coverage(coverage)
    if run.conformity is None:
        raise RunError(
            f"{path} was trained without a validation set, from which prediction sets are "
            "calibrated; train with --validation FRACTION"
        )
    if math.isfinite(run.conformity.threshold(coverage)):
        return []
    return [
        f"the {run.conformity.count} validation examples of {path} are too few for a coverage of "
        f"{coverage:g}; each set has all classes"
    ]


def _predict(
    run: Run,
    framework: str | None,
    rules: tuple[Costs | None, float | None],
    coverage: float | None,
    examples: Examples,
    files: Sequence[str],
) -> list[Prediction]:
    """Return the predictions for examples, each from the file at its position in ``files``."""
    scores = scores_of(run, examples, framework)
    with_temperature = calibrated(scores, run.temperature)
    probabilities = np.exp(log_softmax(with_temperature))
    decisions = named(probabilities, run.classes, *rules)
    return [
        Prediction(
            file=file,
            label=run.classes[best],
            probability=float(row[best]),
            decision=decision,
            probabilities=dict(zip(run.classes, row.tolist(), strict=True)),
            scores=row_scores.tolist(),
            prediction_set=members,
        )
        for file, best, row, decision, row_scores, members in zip(
            files,
            scores.argmax(axis=1),
            probabilities,
            decisions,
            scores,
            _sets(run, with_temperature, coverage),
            strict=True,
        )
    ]


def _sets(run: Run, scores: np.ndarray, coverage: float | None) -> Sequence[list[str] | None]:
    """Return the prediction set of each example by its calibrated scores; None without coverage."""
    if coverage is None or run.conformity is None:
        return [None] * len(scores)
    return [
        [run.classes[number] for number in numbers]
        for numbers in run.conformity.sets(scores, coverage)
    ]


def _read_images(run: Run, files: Sequence[str]) -> tuple[Images, list[str]]:
    """Return images of the run's shape, and how they were converted to it."""
    converted = [read_image(file, run.input_shape, run.settings) for file in files]
    changes = [
        f"{file}: {change}" for file, (_, change) in zip(files, converted, strict=True) if change
    ]
    images = np.stack([pixels for pixels, _ in converted])
    return Images(images, np.zeros(len(files), np.int64)), changes


def _image_files(path: str) -> list[str]:
    """Return the images below a folder, or the path of a file."""
    return images_below(path) if Path(path).is_dir() else [path]


def _read_one_table(path: str, files: Sequence[str], run: Run) -> TableFile:
    if len(files) != 1 or not is_table_name(files[0]):
        raise DataError(
            f"{path} was trained on a table; give it one table, such as a .csv or .parquet file, "
            f"got {', '.join(files)}"
        )
    settings, encoding = run.settings, run.encoding
    known = [code.name for code in encoding.columns] if encoding else []
    return read_table(
        Path(files[0]), known, header=settings.header, encoding=settings.text_encoding
    )


def _with_predictions(
    table: "pa.Table", predictions: list[Prediction], *, decides: bool
) -> "pa.Table":
    """Return a table with columns for the predictions appended."""
    columns: dict[str, Sequence[str | float | None]] = {
        "prediction": [one.label for one in predictions],
        "probability": [one.probability for one in predictions],
    }
    if decides:
        columns["decision"] = [one.decision for one in predictions]
    if predictions[0].prediction_set is not None:
        columns["prediction_set"] = [as_text(one.prediction_set) for one in predictions]
    for label in predictions[0].probabilities:
        columns[f"probability of {label}"] = [one.probabilities[label] for one in predictions]
    for name, values in columns.items():
        table = table.append_column(_free_name(name, table.column_names), [values])
    return table


def as_text(prediction_set: list[str] | None) -> str:
    """Return a prediction set as a JSON array, since the name of a class may have any separator."""
    return json.dumps(prediction_set, ensure_ascii=False)


def _free_name(name: str, taken: Sequence[str]) -> str:
    """Return the name, with a number appended if it is taken."""
    numbered = (f"{name}_{number}" for number in itertools.count(2))
    return name if name not in taken else next(other for other in numbered if other not in taken)
