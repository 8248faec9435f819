"""Prediction sets: for each example the classes that cover the true one with some probability.

Split conformal prediction with adaptive prediction sets (APS): Y. Romano, M. Sesia and E. Candès,
"Classification with valid and adaptive coverage", NeurIPS 2020. The conformity score of a class is
the probability of all classes before it, the most likely first, and a random share of its own.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TypedDict

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.evaluation.metrics import softmax, wilson_interval
from hardmax.json_values import Json

__all__ = ["Conformity", "ConformityRecord", "SetSummary", "check_coverage", "conformity_scores"]

#: The most conformity scores that are stored; of more, as many quantiles are.
MAX_SCORES = 1000

#: The coverage that an evaluation checks.
CHECKED = 0.9

#: The number of examples whose sets are computed at a time; classes may be many.
BLOCK = 256

#: The streams of random numbers for the held-out examples and for new ones.
HELD_OUT, NEW = 0, 1


@dataclass(frozen=True)
class SetSummary:
    """How sets of a ``coverage`` do on labeled examples.

    The fraction ``covered`` with its 95 % Wilson ``interval``, the mean number of classes,
    ``size``, and the fraction of ``empty`` sets.
    """

    coverage: float
    covered: float
    interval: tuple[float, float]
    size: float
    empty: float

    def as_dict(self) -> dict[str, Json]:
        """Return the fields as JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"sets of {100 * self.coverage:g} % coverage: cover {self.covered:.4f} (95 % interval "
            f"{low:.4f} to {high:.4f}), {self.size:.2f} classes on average"
        )


class ConformityRecord(TypedDict):
    """A ``Conformity`` without its seed, as JSON values."""

    count: int
    scores: list[float]


@dataclass(frozen=True)
class Conformity:
    """Conformity scores of ``count`` held-out examples, by which the sets of others are chosen.

    ``scores`` are ascending: all of them or, of more than MAX_SCORES, those at evenly spaced
    ranks. ``seed`` determines the random shares.
    """

    count: int
    scores: tuple[float, ...]
    seed: int

    @classmethod
    def of(cls, scores: np.ndarray, labels: np.ndarray, seed: int) -> "Conformity":
        """Return the conformity of held-out examples.

        ``scores`` are calibrated, float (n, classes); ``labels`` are integers (n,).
        """
        found = np.concatenate(
            [
                np.take_along_axis(block, labels[at : at + BLOCK, None], 1)[:, 0]
                for at, block in _blocks(scores, seed, HELD_OUT)
            ]
        )
        ranks = _ranks(len(found), min(len(found), MAX_SCORES))
        return cls(len(found), tuple(np.sort(found)[ranks - 1].tolist()), seed)

    def as_record(self) -> ConformityRecord:
        """Return the count and the scores as JSON values."""
        return {"count": self.count, "scores": [*self.scores]}

    def threshold(self, coverage: float) -> float:
        """Return the highest conformity score of the classes in a set of some coverage.

        It is the score of rank (count + 1) * coverage, rounded up, which guarantees the coverage;
        infinity, for sets of all classes, if there are too few scores for that.
        """
        # Rounding must not make 10 * 0.9 a little more than 9.
        rank = math.ceil(round((self.count + 1) * coverage, 9))
        if rank > self.count:
            return math.inf
        stored = _ranks(self.count, len(self.scores))
        return self.scores[int(np.searchsorted(stored, rank))]

    def sets(self, scores: np.ndarray, coverage: float, start: int = 0) -> list[list[int]]:
        """Return the classes in the set of each example, the most likely first.

        ``scores`` are calibrated, float (n, classes), those of the examples from position ``start``
        on.
        """
        threshold = self.threshold(coverage)
        return [
            [int(number) for number in np.argsort(row, kind="stable") if row[number] <= threshold]
            for _, block in _blocks(scores, self.seed, NEW, start)
            for row in block
        ]

    def summary(self, scores: np.ndarray, labels: np.ndarray) -> SetSummary:
        """Evaluate sets of a coverage of CHECKED on labeled examples.

        ``scores`` are calibrated, float (n, classes); ``labels`` are integers (n,).
        """
        threshold = self.threshold(CHECKED)
        covered, sizes = [], []
        for at, block in _blocks(scores, self.seed, NEW):
            inside = block <= threshold
            covered.append(np.take_along_axis(inside, labels[at : at + BLOCK, None], 1)[:, 0])
            sizes.append(inside.sum(axis=1))
        correct, size = np.concatenate(covered), np.concatenate(sizes)
        return SetSummary(
            coverage=CHECKED,
            covered=float(correct.mean()),
            interval=wilson_interval(int(correct.sum()), len(correct)),
            size=float(size.mean()),
            empty=float((size == 0).mean()),
        )


def check_coverage(coverage: float) -> float:
    """Return ``coverage``. Raises ArgumentError unless it is between 0 and 1."""
    if not 0 < coverage < 1:
        raise ArgumentError(
            f"the coverage of prediction sets must be between 0 and 1, got {coverage}"
        )
    return coverage


def conformity_scores(probabilities: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the conformity score of each class, float64 (n, classes).

    ``probabilities`` are float (n, classes); ``shares`` are random numbers, float (n,), 0 to 1.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ordered = np.take_along_axis(probabilities, order, 1)
    scores = np.empty_like(probabilities)
    reached = np.cumsum(ordered, axis=1) - (1 - shares[:, None]) * ordered
    np.put_along_axis(scores, order, reached, 1)
    return scores


def _blocks(
    scores: np.ndarray, seed: int, stream: int, start: int = 0
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the position of each block of examples in ``scores`` and its conformity scores.

    The random share of an example depends on the seed, the stream and its position alone, where the
    first one has position ``start``.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(stream,))
    bits = np.random.PCG64(sequence).advance(start)
    shares = np.random.Generator(bits).random(len(scores))
    for at in range(0, len(scores), BLOCK):
        probabilities = softmax(scores[at : at + BLOCK])
        yield at, conformity_scores(probabilities, shares[at : at + BLOCK])


def _ranks(count: int, stored: int) -> np.ndarray:
    """Return the ranks of the ``stored`` ones of ``count`` scores, int64, counted from 1."""
    return np.round(np.linspace(1, count, stored)).astype(np.int64)
