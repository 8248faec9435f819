"""What a run says of new examples: of pictures, and of a table's rows."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hardmax.data.datasets import Examples, Pictures, Vectors
from hardmax.data.images.files import read_picture
from hardmax.data.tables.files import ENDINGS, read_table
from hardmax.data.tables.read import encode_table
from hardmax.errors import ArgumentError, DataError
from hardmax.evaluation.decision_rules import named
from hardmax.evaluation.metrics import log_softmax
from hardmax.runs.evaluate import calibrated, rules_asked, scores_of
from hardmax.runs.run import Run

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Prediction", "Predictions", "predict"]


@dataclass(frozen=True)
class Prediction:
    """The class that a run gives an example, its probability, and those of all classes.

    Probabilities are by the run's temperature, ``scores``, one a class, the network's own.
    ``decision`` is what to do by the rule that was asked for, None to leave it open. ``row`` is the
    place in a table, from 1 on, None of a picture.
    """

    file: str
    label: str
    probability: float
    decision: str | None
    probabilities: dict[str, float]
    scores: list[float]
    row: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it; a picture has no row."""
        own = asdict(self)
        return own if self.row is not None else {k: v for k, v in own.items() if k != "row"}


@dataclass(frozen=True)
class Predictions:
    """Predictions in the order of the examples.

    ``changes`` says how pictures had to be changed. ``table`` has the input's own columns and the
    answers beside them; None of pictures.
    """

    all: list[Prediction]
    changes: list[str]
    table: "pa.Table | None" = None


def predict(
    path: str,
    files: Sequence[str],
    framework: str | None = None,
    costs: Path | None = None,
    below: float | None = None,
) -> Predictions:
    """Return a run's predictions for picture files or, of a table's run, for the rows of a table.

    ``framework`` makes them, or that of the training. Decisions are by the file ``costs``, or left
    open ``below`` a probability. Raises RunError for a run that cannot be used, DataError for a
    file that cannot be read or does not fit the run and costs that do not fit the classes,
    ArgumentError for both rules at once; then nothing is predicted.
    """
    if costs is not None and below is not None:
        raise ArgumentError(
            "predict by costs or abstain below a probability, not both; what it costs to leave a "
            "decision open can stand in a further column of the costs"
        )
    run = Run.open(path)
    asked = rules_asked(run, costs, below)
    table = None
    changes: list[str] = []
    if run.encoding is not None:
        table = _read_one_table(path, files)
        values = encode_table(table, Path(files[0]), run.encoding)
        examples: Examples = Vectors(values, np.zeros(len(values), np.int64))
    else:
        examples, changes = _read_pictures(run, files)
    scores = scores_of(run, examples, framework)
    probabilities = np.exp(log_softmax(calibrated(scores, run.temperature)))
    decisions = named(probabilities, run.classes, *asked)
    of_table = table is not None
    found = [
        Prediction(
            *(files[0 if of_table else i], run.classes[best], float(chances[best])),
            decision,
            dict(zip(run.classes, chances.tolist(), strict=True)),
            own.tolist(),
            i + 1 if of_table else None,
        )
        for i, (best, chances, decision, own) in enumerate(
            zip(scores.argmax(axis=1), probabilities, decisions, scores, strict=True)
        )
    ]
    if table is not None:
        table = _answered(table, found, decides=asked != (None, None))
    return Predictions(found, changes, table)


def _read_pictures(run: Run, files: Sequence[str]) -> tuple[Pictures, list[str]]:
    """Return pictures of the run's shape, and how they were changed for that."""
    read = [read_picture(file, run.input_shape) for file in files]
    changes = [f"{file}: {change}" for file, (_, change) in zip(files, read, strict=True) if change]
    images = np.stack([pixels for pixels, _ in read])
    return Pictures(images, np.zeros(len(files), np.int64)), changes


def _read_one_table(path: str, files: Sequence[str]) -> "pa.Table":
    if len(files) != 1 or Path(files[0]).suffix.lower() not in ENDINGS:
        raise DataError(
            f"{path} was trained on a table; give one table (.csv, .tsv, .parquet), got "
            f"{', '.join(files)}"
        )
    return read_table(Path(files[0]))


def _answered(table: "pa.Table", found: list[Prediction], decides: bool) -> "pa.Table":
    """Return a table with the answers beside its own columns."""
    answers: dict[str, list] = {
        "prediction": [one.label for one in found],
        "probability": [one.probability for one in found],
    }
    if decides:
        answers["decision"] = [one.decision for one in found]
    for label in found[0].probabilities:
        answers[f"probability of {label}"] = [one.probabilities[label] for one in found]
    for name, values in answers.items():
        table = table.append_column(_free_name(name, table.column_names), [values])
    return table


def _free_name(name: str, taken: Sequence[str]) -> str:
    """Return a name, with a number behind it where it is taken."""
    numbered = (f"{name}_{number}" for number in itertools.count(2))
    return name if name not in taken else next(other for other in numbered if other not in taken)
