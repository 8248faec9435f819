"""Predictions for single examples, and files of them."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from hardmax.data.tables.writing import TableWriter, with_columns
from hardmax.errors import RunError
from hardmax.files import open_whole
from hardmax.json_values import Json
from hardmax.runs.record import dumps

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Batch", "Prediction", "as_text", "open_predictions", "with_predictions"]

#: The number of predictions, or else of their probabilities, that are written together. Small row
#: groups would make a Parquet file large and slow to read.
PART, PART_PROBABILITIES = 2**14, 2**18


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
    """Return the rows of a batch with columns for their predictions appended.

    ``decides`` is whether there is one of decisions.
    """
    return with_columns(batch.part, _columns(batch.predictions, decides))


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
            if is_table:
                writer = TableWriter(file, ending)
                yield lambda batch: writer.write(with_predictions(batch, decides=decides))
                writer.close()
            elif ending == ".jsonl":
                yield lambda batch: file.writelines(
                    f"{dumps(prediction.as_dict())}\n".encode() for prediction in batch.predictions
                )
            else:
                table = _ImageTable(file, ending, decides)
                yield table.write
                table.close()
    except BrokenPipeError:  # of what the block printed
        raise
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error


class _ImageTable:
    """A table of predictions for images, written to a file in parts."""

    def __init__(self, file: IO[bytes], ending: str, decides: bool):
        self.writer = TableWriter(file, ending)
        self.decides = decides
        self.part: list[Prediction] = []

    def write(self, batch: Batch) -> None:
        """Add a row for each prediction."""
        self.part.extend(batch.predictions)
        if len(self.part) >= min(PART, PART_PROBABILITIES // len(self.part[0].probabilities)):
            self._write_part()

    def close(self) -> None:
        """Write what is left."""
        if self.part:
            self._write_part()
        self.writer.close()

    def _write_part(self) -> None:
        # Not every file name can be encoded.
        names = [one.file.encode("utf-8", "backslashreplace").decode() for one in self.part]
        self.writer.write(with_columns(None, {"file": names, **_columns(self.part, self.decides)}))
        self.part = []


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
