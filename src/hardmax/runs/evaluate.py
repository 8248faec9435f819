"""What is learnt about runs: they are judged, calibrated and compared."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hardmax import frameworks
from hardmax.data.datasets import Examples, split_off
from hardmax.errors import DataError, RunError
from hardmax.evaluation import paired_tests
from hardmax.evaluation.calibration import fit_temperature
from hardmax.evaluation.classification import Judgement, judge
from hardmax.evaluation.decision_rules import Costs, check_below, outcomes, read_costs
from hardmax.evaluation.metrics import log_softmax
from hardmax.evaluation.paired_tests import Pair
from hardmax.reports.report import render
from hardmax.runs.data import check_fit, load_data
from hardmax.runs.run import Run
from hardmax.runs.session import Equipment
from hardmax.runs.writer import write_record

__all__ = [
    "Calibration",
    "Compared",
    "Judged",
    "calibrate",
    "calibrated",
    "compare",
    "evaluate",
    "rules_asked",
    "scores_of",
]


@dataclass(frozen=True)
class Judged:
    """A run, the test set that it was judged on, its scores, and what they are worth.

    ``source`` names the data; ``scores`` are float of shape (examples, classes), divided by the
    run's temperature. ``uncalibrated`` is what they would be worth without; None where that is 1.
    ``rules`` has what comes of each rule of decision (``decisions.outcomes``), if any was asked
    for.
    """

    run: Run
    source: str
    test: Examples
    scores: np.ndarray
    judgement: Judgement
    uncalibrated: Judgement | None
    rules: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON has them."""
        before = self.uncalibrated
        return {
            **self.judgement.as_dict(),
            "temperature": self.run.temperature,
            "uncalibrated": before and before.summary(),
            "rules": self.rules,
        }

    def report(self) -> str:
        """Return all of it as an HTML document."""
        return render(
            *(self.run.record, [], self.test, self.scores, self.run.classes, self.judgement),
            self.source,
            self.uncalibrated,
            self.rules,
        )


def evaluate(
    path: str,
    source: str | None = None,
    framework: str | None = None,
    costs: Path | None = None,
    below: float | None = None,
    say: Callable[[str], None] | None = None,
) -> Judged:
    """Judge a run on the test set of the data it was trained on, or on that of ``source``.

    ``framework`` does it, or that of the training. Deciding by the file ``costs``, and leaving
    decisions open ``below`` a probability, are judged beside. ``say`` is given what a person
    should know of how the data was read. Raises RunError for a run that cannot be used, DataError
    for data or costs that do not fit it, or data that is no longer what the run was trained on.
    """
    run = Run.open(path)
    asked = rules_asked(run, costs, below)
    dataset = load_data(run, path, source)
    scores, labels = scores_of(run, dataset.test, framework), dataset.test.labels
    dataset.tell(say)
    own = run.entry("asked", "data", str)
    cooled = calibrated(scores, run.temperature)
    uncalibrated = None if run.temperature == 1 else judge(scores, labels)
    judged = judge(cooled, labels)
    rules = outcomes(np.exp(log_softmax(cooled)), labels, *asked) if asked != (None, None) else []
    return Judged(run, source or own, dataset.test, cooled, judged, uncalibrated, rules)


def rules_asked(
    run: Run, costs: Path | None, below: float | None
) -> tuple[Costs | None, float | None]:
    """Return the costs and the probability to abstain below that are asked for."""
    read = None if costs is None else read_costs(costs, run.classes)
    return read, None if below is None else check_below(below)


@dataclass(frozen=True)
class Calibration:
    """A temperature, and how the validation examples that it was fitted on are judged by it."""

    temperature: float
    before: Judgement
    after: Judgement

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "temperature": self.temperature,
            "before": self.before.summary(),
            "after": self.after.summary(),
        }


def calibrate(path: str, framework: str | None = None) -> Calibration:
    """Fit a temperature on a run's validation part, and keep it in the run.

    ``framework`` computes the scores, or that of the training. Raises RunError for a run that
    cannot be used or written or has no validation part, DataError for data that is no longer what
    it was trained on, or by which no temperature can be fitted.
    """
    run = Run.open(path)
    fraction = run.entry("asked", "validation", float | None)
    if fraction is None:
        raise RunError(
            f"{path} was trained without a validation part, and a temperature must not be fitted "
            "on what it was trained on or is judged on; train with --validation FRACTION"
        )
    dataset = load_data(run, path, None)
    _, part = split_off(dataset.train, fraction, run.entry("asked", "seed", int))
    scores = scores_of(run, part, framework)
    temperature = fit_temperature(scores, part.labels)
    after = judge(calibrated(scores, temperature), part.labels)
    calibration = Calibration(temperature, judge(scores, part.labels), after)
    write_record(Path(path), {**run.record, "calibration": calibration.as_dict()})
    return calibration


def calibrated(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Return scores, float (n, classes), divided by a temperature."""
    # In float64, so that no two scores become equal.
    return scores if temperature == 1 else scores.astype(np.float64) / temperature


def scores_of(run: Run, examples: Examples, framework: str | None) -> np.ndarray:
    """Return a run's scores of examples, float32 of shape (examples, classes).

    A sibling computes them, that of the training unless another is named.
    """
    sibling = frameworks.load(framework or run.entry("asked", "framework", str))
    equipment = Equipment(sibling, run.network, run.input_shape, run.weights, device="auto")
    # The batches of the training, so that the sums round as they did there.
    return equipment.scores(examples, run.entry("asked", "batch_size", int))


@dataclass(frozen=True)
class Compared:
    """Two runs on the test set of both, each by its temperature.

    ``classes`` has the true classes' names by example.
    """

    paths: tuple[str, str]
    temperatures: tuple[float, float]
    classes: list[str]
    pair: Pair

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "runs": self.paths,
            "temperatures": self.temperatures,
            **self.pair.as_dict(),
            "alone": self.alone(),
        }

    def alone(self) -> tuple[dict[str, int], ...]:
        """Return, of each run, how many of which class it alone decides rightly."""
        return tuple(
            dict(Counter(self.classes[place] for place in places).most_common())
            for places in self.pair.only
        )


def compare(first: str, second: str) -> Compared:
    """Compare two runs on the test set that both were trained beside.

    The framework of the first computes the scores of both; each run's temperature is applied.
    Raises RunError for a run that cannot be used, DataError where the runs are of different data,
    or of data that is no longer what they were trained on.
    """
    one, other = Run.open(first), Run.open(second)
    if one.entry("data", "fingerprint", str) != other.entry("data", "fingerprint", str):
        raise DataError(
            f"{first} and {second} were trained on different data, or on the same data split by "
            "another --seed or --test; only runs beside the same test examples can be compared"
        )
    dataset = load_data(one, first, None)
    # Of a table each run has learnt its own encoding.
    same = dataset if other.encoding is None else load_data(other, second, None)
    check_fit(other, same, second)
    framework = one.entry("asked", "framework", str)
    scores, others = (
        calibrated(scores_of(run, own.test, framework), run.temperature)
        for run, own in ((one, dataset), (other, same))
    )
    labels = dataset.test.labels
    names = [dataset.classes[label] for label in labels]
    temperatures = (one.temperature, other.temperature)
    return Compared(
        (first, second), temperatures, names, paired_tests.compare(scores, others, labels)
    )
