"""Evaluates and compares runs."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from hardmax import frameworks
from hardmax.data.datasets import Examples
from hardmax.errors import ArgumentError, DataError
from hardmax.evaluation import paired_tests
from hardmax.evaluation.calibration import fit_temperature
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.decision_rules import Costs, check_below, read_costs
from hardmax.evaluation.explanation import Explanation
from hardmax.evaluation.paired_tests import Pair
from hardmax.json_values import Json
from hardmax.reports.records import CalibrationRecord
from hardmax.reports.report import render
from hardmax.reports.suspects import Suspects, as_json
from hardmax.runs.activation import mistake_maps
from hardmax.runs.data import check_fit, links_of, load_data
from hardmax.runs.run import Run
from hardmax.runs.session import Session

__all__ = [
    "Calibration",
    "Comparison",
    "EvaluatedRun",
    "calibrated_on",
    "compare",
    "evaluate",
    "evaluate_on",
    "read_rule",
    "read_rules",
    "session_of",
]


@dataclass(frozen=True)
class EvaluatedRun:
    """A run, the name of the data it was evaluated on, its test set and the evaluation.

    ``framework`` computed the scores; None is that of the training.
    """

    run: Run
    source: str
    test: Examples
    evaluation: ClassifierEvaluation
    framework: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the evaluation as a JSON-compatible dict."""
        before = self.evaluation.uncalibrated
        return {
            **self.evaluation.as_dict(),
            "temperature": self.evaluation.temperature,
            "uncalibrated": before and before.summary(),
            "rules": self.evaluation.rules,
            "suspects": as_json(self.suspects),
        }

    @cached_property
    def suspects(self) -> list[Suspects]:
        """The test examples whose labels may be wrong, as the only set."""
        return [Suspects.of("test", self.test, self.evaluation)]

    def report(self, folder: Path, explanation: Explanation | None = None) -> str:
        """Return the evaluation, and the explanation if there is one, as an HTML document.

        Its links to images are relative to the ``folder`` that it is for.
        """
        return render(
            self.run.record,
            self.test,
            self.evaluation,
            source=self.source,
            explanation=explanation,
            suspects=self.suspects,
            maps=mistake_maps(self.run, self.test, self.evaluation, framework=self.framework),
            encoding=self.run.encoding,
            weights=self.run.weight_count,
            links=links_of(self.run, str(folder), self.source),
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
    matrix, below = read_rules(run, costs, below)
    dataset = load_data(run, path, source)
    evaluation = evaluate_on(run, dataset.test, framework, costs=matrix, below=below)
    dataset.log_notices(log)
    return EvaluatedRun(run, source or run.settings.data, dataset.test, evaluation, framework)


def evaluate_on(
    run: Run,
    examples: Examples,
    framework: str | None,
    *,
    costs: Costs | None = None,
    below: float | None = None,
) -> ClassifierEvaluation:
    """Return the evaluation of a run on examples; the arguments are those of ``evaluate``."""
    # The batch size of the training, so that sums round as they did there.
    size = run.settings.batch(len(examples))
    return ClassifierEvaluation(
        session_of(run, framework).scores(examples, size),
        examples.labels,
        examples.weights,
        classes=run.classes,
        temperature=run.temperature,
        costs=costs,
        below=below,
        conformity=run.conformity,
    )


def read_rules(
    run: Run, costs: Path | None, below: float | None
) -> tuple[Costs | None, float | None]:
    """Return the costs read from a file and the checked probability to abstain below."""
    matrix = None if costs is None else read_costs(costs, run.classes)
    return matrix, None if below is None else check_below(below)


def read_rule(
    run: Run, costs: Path | None, below: float | None
) -> tuple[Costs | None, float | None]:
    """Return the same as ``read_rules``. Raises ArgumentError if both are given."""
    if costs is not None and below is not None:
        raise ArgumentError(
            "use either costs or a probability to abstain below, not both; to let costs abstain, "
            "give them an extra column with the cost of abstaining"
        )
    return read_rules(run, costs, below)


@dataclass(frozen=True)
class Calibration:
    """The evaluation of held-out examples before and after fitting a temperature on them."""

    before: ClassifierEvaluation
    after: ClassifierEvaluation

    @classmethod
    def fit(cls, before: ClassifierEvaluation, smoothing: float = 0.0) -> "Calibration":
        """Fit the temperature. Raises the same as ``fit_temperature``."""
        temperature = fit_temperature(before.scores, before.labels, before.weights, smoothing)
        return cls(before, replace(before, temperature=temperature))

    @property
    def temperature(self) -> float:
        """The fitted temperature."""
        return self.after.temperature

    def as_dict(self) -> CalibrationRecord:
        """Return the temperature and the metrics as a JSON-compatible dict."""
        return {
            "temperature": self.temperature,
            "before": self.before.summary(),
            "after": self.after.summary(),
        }


def calibrated_on(before: ClassifierEvaluation) -> Calibration | None:
    """Return the calibration on the out-of-fold scores of a training.

    None if the scores are no better than chance. The labels are smoothed by 1 / (n + 2), as in
    J. Platt, "Probabilistic outputs for support vector machines", 1999, because all of few examples
    may be classified correctly.
    """
    try:
        return Calibration.fit(before, smoothing=1 / (before.count + 2))
    except DataError:
        return None


def session_of(run: Run, framework: str | None) -> Session:
    """Return a session with the network of a run, by default in the framework of its training."""
    backend = frameworks.load(framework or run.settings.framework)
    return Session(backend, run.network, run.input_shape, run.weights, device="auto")


@dataclass(frozen=True)
class Comparison:
    """Two runs evaluated on the same test set, each with its own temperature."""

    paths: tuple[str, str]
    first: ClassifierEvaluation
    second: ClassifierEvaluation

    @cached_property
    def pair(self) -> Pair:
        """The comparison of the two evaluations."""
        return paired_tests.compare(self.first, self.second)

    @property
    def temperatures(self) -> tuple[float, float]:
        """The temperatures of the two runs."""
        return self.first.temperature, self.second.temperature

    @cached_property
    def only_by_class(self) -> tuple[dict[str, int], ...]:
        """For each run, how many examples of each class only that run gets right."""
        names = [self.first.classes[label] for label in self.first.labels]
        return tuple(
            dict(Counter(names[i] for i in examples).most_common()) for examples in self.pair.only
        )

    def as_dict(self) -> dict[str, Json]:
        """Return the comparison as a JSON-compatible dict."""
        return {
            "runs": self.paths,
            "temperatures": self.temperatures,
            **self.pair.as_dict(),
            "only_by_class": self.only_by_class,
        }


def compare(first: str, second: str) -> Comparison:
    """Compare two runs on the test set of the data both were trained on.

    The framework of the first run computes the scores of both; each run's temperature is applied.
    Raises RunError for an unusable run, DataError if the runs were trained on different data or
    the data has changed since training.
    """
    one, other = Run.open(first), Run.open(second)
    if one.record["data"]["fingerprint"] != other.record["data"]["fingerprint"]:
        raise DataError(
            f"{first} and {second} were trained on different data, or on the same data split with "
            "a different --seed or --test; only runs with the same test set can be compared"
        )
    dataset = load_data(one, first, None)
    # Each run on a table has its own encoding of the columns.
    encoded = dataset if other.encoding is None else load_data(other, second, None)
    check_fit(other, encoded, second)
    framework = one.settings.framework
    return Comparison(
        (first, second),
        evaluate_on(one, dataset.test, framework),
        evaluate_on(other, encoded.test, framework),
    )
