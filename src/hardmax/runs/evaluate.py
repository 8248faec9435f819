"""Evaluates, calibrates and compares runs."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hardmax import frameworks
from hardmax.data.datasets import Examples
from hardmax.errors import DataError, RunError
from hardmax.evaluation import paired_tests
from hardmax.evaluation.calibration import fit_temperature
from hardmax.evaluation.classification import ClassificationMetrics, evaluate_scores
from hardmax.evaluation.decision_rules import Costs, check_below, outcomes, read_costs
from hardmax.evaluation.metrics import log_softmax
from hardmax.evaluation.paired_tests import Pair
from hardmax.reports.report import render
from hardmax.runs.data import check_fit, load_data
from hardmax.runs.run import Run
from hardmax.runs.session import Session
from hardmax.runs.writer import write_record

__all__ = [
    "Calibration",
    "Comparison",
    "EvaluatedRun",
    "calibrate",
    "calibrated",
    "compare",
    "evaluate",
    "read_rules",
    "scores_of",
]


@dataclass(frozen=True)
class EvaluatedRun:
    """A run, the test set it was evaluated on, its scores and their metrics.

    ``source`` names the data; ``scores`` are float of shape (examples, classes), divided by the
    run's temperature. ``uncalibrated`` has the metrics without the temperature; None if that is 1.
    ``rules`` has the outcome of each decision rule (``decision_rules.outcomes``), if any was given.
    """

    run: Run
    source: str
    test: Examples
    scores: np.ndarray
    metrics: ClassificationMetrics
    uncalibrated: ClassificationMetrics | None
    rules: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Return the metrics as a JSON-compatible dict."""
        before = self.uncalibrated
        return {
            **self.metrics.as_dict(),
            "temperature": self.run.temperature,
            "uncalibrated": before and before.summary(),
            "rules": self.rules,
        }

    def report(self) -> str:
        """Return the evaluation as an HTML document."""
        return render(
            *(self.run.record, [], self.test, self.scores, self.run.classes, self.metrics),
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
    log: Callable[[str], None] | None = None,
) -> EvaluatedRun:
    """Evaluate a run on the test set of the data it was trained on, or on that of ``source``.

    ``framework`` computes the scores, by default the one used for training. The decision rules
    given by the file ``costs`` and by abstaining ``below`` a probability are evaluated as well.
    ``log`` receives notices about how the data was read. Raises RunError for an unusable run,
    DataError if data or costs do not fit it or the data has changed since training.
    """
    run = Run.open(path)
    rule_options = read_rules(run, costs, below)
    dataset = load_data(run, path, source)
    scores, labels = scores_of(run, dataset.test, framework), dataset.test.labels
    dataset.log_notices(log)
    original = run.entry("settings", "data", str)
    scaled = calibrated(scores, run.temperature)
    uncalibrated = None if run.temperature == 1 else evaluate_scores(scores, labels)
    metrics = evaluate_scores(scaled, labels)
    rules = []
    if rule_options != (None, None):
        rules = outcomes(np.exp(log_softmax(scaled)), labels, *rule_options)
    return EvaluatedRun(run, source or original, dataset.test, scaled, metrics, uncalibrated, rules)


def read_rules(
    run: Run, costs: Path | None, below: float | None
) -> tuple[Costs | None, float | None]:
    """Return the costs read from a file and the checked probability to abstain below."""
    matrix = None if costs is None else read_costs(costs, run.classes)
    return matrix, None if below is None else check_below(below)


@dataclass(frozen=True)
class Calibration:
    """A temperature, and the metrics of the validation set it was fitted on, before and after."""

    temperature: float
    before: ClassificationMetrics
    after: ClassificationMetrics

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a JSON-compatible dict."""
        return {
            "temperature": self.temperature,
            "before": self.before.summary(),
            "after": self.after.summary(),
        }


def calibrate(path: str, framework: str | None = None) -> Calibration:
    """Fit a temperature on the validation set of a run and save it in the run.

    ``framework`` computes the scores, by default the one used for training. Raises RunError if the
    run is unusable, cannot be written or has no validation set, DataError if the data has changed
    since training or no temperature can be fitted to it.
    """
    run = Run.open(path)
    fraction = run.entry("settings", "validation", float | None)
    if fraction is None:
        raise RunError(
            f"{path} was trained without a validation set, and a temperature must not be fitted on "
            "the training set or the test set; train with --validation FRACTION"
        )
    part = load_data(run, path, None, fraction).validation
    assert part is not None
    scores = scores_of(run, part, framework)
    temperature = fit_temperature(scores, part.labels)
    after = evaluate_scores(calibrated(scores, temperature), part.labels)
    calibration = Calibration(temperature, evaluate_scores(scores, part.labels), after)
    write_record(Path(path), {**run.record, "calibration": calibration.as_dict()})
    return calibration


def calibrated(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Return scores, float (n, classes), divided by a temperature."""
    # In float64, so that different scores stay different.
    return scores if temperature == 1 else scores.astype(np.float64) / temperature


def scores_of(run: Run, examples: Examples, framework: str | None) -> np.ndarray:
    """Return the scores a run gives examples, float32 of shape (examples, classes).

    ``framework`` computes them, by default the one used for training.
    """
    backend = frameworks.load(framework or run.entry("settings", "framework", str))
    session = Session(backend, run.network, run.input_shape, run.weights, device="auto")
    # The batch size of the training, so that sums round as they did there.
    return session.scores(examples, run.entry("settings", "batch_size", int))


@dataclass(frozen=True)
class Comparison:
    """Two runs evaluated on the same test set, each with its own temperature.

    ``classes`` has the name of the true class of each example.
    """

    paths: tuple[str, str]
    temperatures: tuple[float, float]
    classes: list[str]
    pair: Pair

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a JSON-compatible dict."""
        return {
            "runs": self.paths,
            "temperatures": self.temperatures,
            **self.pair.as_dict(),
            "only_by_class": self.only_by_class(),
        }

    def only_by_class(self) -> tuple[dict[str, int], ...]:
        """Return, for each run, how many examples of each class only that run gets right."""
        return tuple(
            dict(Counter(self.classes[i] for i in examples).most_common())
            for examples in self.pair.only
        )


def compare(first: str, second: str) -> Comparison:
    """Compare two runs on the test set of the data both were trained on.

    The framework of the first run computes the scores of both; each run's temperature is applied.
    Raises RunError for an unusable run, DataError if the runs were trained on different data or
    the data has changed since training.
    """
    one, other = Run.open(first), Run.open(second)
    if one.entry("data", "fingerprint", str) != other.entry("data", "fingerprint", str):
        raise DataError(
            f"{first} and {second} were trained on different data, or on the same data split with "
            "a different --seed or --test; only runs with the same test set can be compared"
        )
    dataset = load_data(one, first, None)
    # Each run on a table has its own encoding of the columns.
    encoded = dataset if other.encoding is None else load_data(other, second, None)
    check_fit(other, encoded, second)
    framework = one.entry("settings", "framework", str)
    scores, others = (
        calibrated(scores_of(run, data.test, framework), run.temperature)
        for run, data in ((one, dataset), (other, encoded))
    )
    labels = dataset.test.labels
    names = [dataset.classes[label] for label in labels]
    temperatures = (one.temperature, other.temperature)
    return Comparison(
        (first, second), temperatures, names, paired_tests.compare(scores, others, labels)
    )
