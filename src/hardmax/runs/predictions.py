"""Predictions for single examples, and files of them."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hardmax.data.tables.writing import TableWriter, with_columns
from hardmax.errors import RunError
from hardmax.files import open_whole
from hardmax.json_values import Json
from hardmax.runs.record import dumps

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Batch", "Prediction", "as_text", "open_predictions", "with_predictions"]


class Prediction(NamedTuple):
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
        entries = self._asdict()
        for name in ("prediction_set", "row"):
            if entries[name] is None:
                del entries[name]
        return entries


class Batch(NamedTuple):
    """Predictions that are made together; for rows, the ``part`` of the table that has these."""

    predictions: list[Prediction]
    part: "pa.Table | None" = None


def as_text(prediction_set: list[str] | None) -> str:
    """Return a prediction set as a JSON array, since the name of a class may have any separator."""
    return json.dumps(prediction_set, ensure_ascii=False)


def with_predictions(batch: Batch, *, decides: bool) -> "pa.Table":
    """Return the rows of a batch, or the files of its images, with columns for the predictions.

    ``decides`` is whether there is one of decisions.
    """
    columns = _columns(batch.predictions, decides)
    if batch.part is None:
        # Not every file name can be encoded.
        names = (one.file.encode("utf-8", "backslashreplace") for one in batch.predictions)
        columns = {"file": [name.decode() for name in names], **columns}
    return with_columns(batch.part, columns)


@contextlib.contextmanager
def open_predictions(
    path: Path, *, is_table: bool, decides: bool
) -> Iterator[Callable[[Batch], None]]:
    """Yield a function that writes predictions to a file, batch by batch.

    The file is a table of its ending; for images, one that ends in .jsonl has the JSON of a
    prediction per line. It appears when the block ends without an error. Raises RunError if it
    cannot be written.
    """
    try:
        with open_whole(path) as file:
            ending = path.suffix.lower()
            if ending == ".jsonl" and not is_table:
                yield lambda batch: file.writelines(
                    f"{dumps(prediction.as_dict())}\n".encode() for prediction in batch.predictions
                )
            else:
                writer = TableWriter(file, ending)
                yield lambda batch: writer.write(with_predictions(batch, decides=decides))
                writer.close()
    except BrokenPipeError:  # of what the block printed
        raise
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error


def _columns(
    predictions: Sequence[Prediction], decides: bool
) -> dict[str, Sequence[float] | Sequence[str | None]]:
    columns: dict[str, Sequence[float] | Sequence[str | None]] = {
        "prediction": [one.label for one in predictions],
        "probability": [one.probability for one in predictions],
    }
    if decides:
        columns["decision"] = [one.decision for one in predictions]
    if predictions[0].prediction_set is not None:
        columns["prediction_set"] = [as_text(one.prediction_set) for one in predictions]
    for label in predictions[0].probabilities:
        columns[f"probability of {label}"] = [one.probabilities[label] for one in predictions]
    return columns
