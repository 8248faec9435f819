"""The examples whose labels may be wrong, as reports, JSON and CSV show them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hardmax.checks import plain
from hardmax.data.datasets import Examples, Images
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.json_values import Json

__all__ = ["Suspect", "Suspects", "as_csv", "as_json", "described"]

#: The number of suspects of each set that a report shows.
SHOWN = 20


class Suspect(NamedTuple):
    """An example whose label may be wrong, with its label and its prediction."""

    place: str | int
    label: str
    label_probability: float
    predicted: str
    predicted_probability: float


@dataclass(frozen=True, eq=False)
class Suspects:
    """The suspects ``found`` in a set of ``count`` examples, the most suspicious first.

    ``part`` names the set: training, validation or test. ``source`` says what places are, as in
    ``Examples.source``. ``images`` are those of the first suspects, at most SHOWN, uint8 (shown,
    height, width, channels); None if they are not images.
    """

    part: str
    count: int
    source: str
    found: list[Suspect]
    images: np.ndarray | None

    @classmethod
    def of(
        cls,
        part: str,
        examples: Examples,
        evaluation: ClassifierEvaluation,
        rows: np.ndarray | None = None,
    ) -> "Suspects":
        """Return the suspects of a set, by the ``evaluation`` of its examples.

        With ``rows``, int64 (n,), it is that of the examples at these positions alone.
        """
        suspects, classes = evaluation.label_issues.suspects, evaluation.classes
        positions = suspects if rows is None else rows[suspects]
        source, places = examples.source(positions)
        columns = (
            [plain(place) if isinstance(place, str) else place for place in places],
            [classes[number] for number in evaluation.labels[suspects]],
            np.exp(-evaluation.losses[suspects]).tolist(),
            [classes[number] for number in evaluation.predictions[suspects]],
            evaluation.confidence[suspects].tolist(),
        )
        return cls(
            part=part,
            count=evaluation.count,
            source=source,
            found=[Suspect(*values) for values in zip(*columns, strict=True)],
            images=examples.images[positions[:SHOWN]] if isinstance(examples, Images) else None,
        )

    @property
    def shown(self) -> list[Suspect]:
        """The suspects that a report shows."""
        return self.found[:SHOWN]

    def records(self) -> list[dict[str, Json]]:
        """Return the suspects as JSON-compatible dicts; the ``source`` is the key of the place."""
        keys = (self.source, *Suspect._fields[1:])
        return [dict(zip(keys, suspect, strict=True)) for suspect in self.found]


def described(sets: Sequence[Suspects]) -> str:
    """Return how many examples of each set are suspects, in words; "" if none are."""
    numbers = [f"{len(one.found)} of {one.count} {one.part}" for one in sets if one.found]
    return f"{' and '.join(numbers)} examples may be mislabeled" if numbers else ""


def as_json(sets: Sequence[Suspects]) -> dict[str, Json]:
    """Return the number of suspects of each set, and all of them, as JSON values."""
    return {one.part: {"count": len(one.found), "examples": one.records()} for one in sets}


def as_csv(sets: Sequence[Suspects]) -> str:
    """Return all suspects as CSV, with a column for each source."""
    sources = dict.fromkeys(one.source for one in sets)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["set", *sources, *Suspect._fields[1:]], lineterminator="\n")
    writer.writeheader()
    for one in sets:
        writer.writerows({"set": one.part, **record} for record in one.records())
    return text.getvalue()
