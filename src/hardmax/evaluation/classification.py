"""The evaluation of a classifier: its scores and labels, and all metrics derived from them."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from hardmax.evaluation.calibration import calibrated, reliability
from hardmax.evaluation.conformal import Conformity, SetSummary
from hardmax.evaluation.counts import ClassCounts, mean_over_classes
from hardmax.evaluation.decision_rules import Costs, Outcome, coverage, coverage_curve, outcomes
from hardmax.evaluation.examples import ExampleResults, check_scores, evaluate_examples
from hardmax.evaluation.label_issues import LabelIssues, find_label_issues
from hardmax.evaluation.metrics import Evaluation, confusion_matrix, softmax, wilson_interval
from hardmax.evaluation.one_vs_rest import OneVsRest, brier, ranking
from hardmax.json_values import Json

__all__ = ["ClassifierEvaluation"]

#: The most classes for a confusion matrix, whose size is quadratic in them.
MATRIX_CLASSES = 1000

#: The largest k of top-k accuracy.
MAX_K = 5

#: Entries of ``as_dict`` that are too long for a summary.
DETAILS = ("classes", "confusion", "reliability", "coverage")


@dataclass(frozen=True, eq=False)
class ClassifierEvaluation:
    """Scores of labeled examples; what is derived from them is computed when it is first used.

    ``scores``: float (n, classes), scores or log-probabilities. ``labels``: integers (n,).
    ``weights``: float (n,), None for 1 each. ``classes``: the class names, by default numbers.
    Scores are divided by the ``temperature`` wherever probabilities matter. ``costs`` and
    ``below`` are the decision rules to evaluate, as in ``decision_rules.outcomes``, and prediction
    sets are chosen by ``conformity``.

    Ties between scores go to the first class, as in argmax. Undefined metrics are None. Raises
    ArgumentError if shapes do not match, a label is out of range, a score is not finite, a weight
    is negative, or no weight is above 0.
    """

    scores: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    temperature: float = 1.0
    costs: Costs | None = None
    below: float | None = None
    conformity: Conformity | None = None

    def __post_init__(self) -> None:
        check_scores(self.scores, self.labels, self.example_weights)
        if not self.classes:
            numbers = tuple(str(number) for number in range(self.scores.shape[1]))
            object.__setattr__(self, "classes", numbers)

    @cached_property
    def example_weights(self) -> np.ndarray:
        """The weight of each example, float64 (n,)."""
        if self.weights is None:
            return np.ones(len(self.labels))
        return np.asarray(self.weights, np.float64)

    @cached_property
    def calibrated(self) -> np.ndarray:
        """The scores divided by the temperature, float (n, classes)."""
        return calibrated(self.scores, self.temperature)

    @cached_property
    def uncalibrated(self) -> Self | None:
        """The evaluation of the same scores without the temperature; None if that is 1."""
        if self.temperature == 1:
            return None
        # The conformity scores are those of the calibrated probabilities.
        return replace(self, temperature=1.0, conformity=None)

    @cached_property
    def probabilities(self) -> np.ndarray:
        """The probabilities, float64 (n, classes)."""
        return softmax(self.calibrated)

    @cached_property
    def _examples(self) -> ExampleResults:
        return evaluate_examples(self.calibrated, self.labels)

    @property
    def predictions(self) -> np.ndarray:
        """The predicted class of each example, int64 (n,)."""
        return self._examples.predicted

    @property
    def losses(self) -> np.ndarray:
        """The log loss of each example, float64 (n,)."""
        return self._examples.loss

    @property
    def log_confidence(self) -> np.ndarray:
        """The log-probability of each prediction, float64 (n,)."""
        return self._examples.log_highest

    @cached_property
    def confidence(self) -> np.ndarray:
        """The probability of each prediction, float64 (n,)."""
        confidence: np.ndarray = np.exp(self.log_confidence)
        return confidence

    @cached_property
    def is_correct(self) -> np.ndarray:
        """Whether each prediction is correct, bool (n,)."""
        is_correct: np.ndarray = self._examples.rank == 0
        return is_correct

    @property
    def count(self) -> int:
        """The number of examples."""
        return len(self.labels)

    @cached_property
    def correct(self) -> int:
        """The number of examples that are classified correctly."""
        return int(self.is_correct.sum())

    @cached_property
    def accuracy(self) -> float:
        """The fraction of examples that are classified correctly."""
        return self._mean(self.is_correct)

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % Wilson interval of the accuracy; None with weights."""
        return wilson_interval(self.correct, self.count) if self.weights is None else None

    @cached_property
    def loss(self) -> float:
        """The log loss."""
        return self._mean(self.losses)

    @cached_property
    def counts(self) -> ClassCounts:
        """The true positives, predictions and examples of each class."""
        w, classes = self.example_weights, self.scores.shape[1]
        return ClassCounts(
            np.bincount(self.labels, w * self.is_correct, classes),
            np.bincount(self.predictions, w, classes),
            np.bincount(self.labels, w, classes),
        )

    @cached_property
    def majority(self) -> float:
        """The accuracy of always predicting the most frequent class."""
        return float(self.counts.support.max() / self.counts.support.sum())

    @cached_property
    def top(self) -> dict[str, float]:
        """The top-k accuracies by k."""
        ks = range(2, min(MAX_K + 1, self.scores.shape[1]))
        return {str(k): self._mean(self._examples.rank < k) for k in ks}

    @cached_property
    def one_vs_rest(self) -> list[OneVsRest]:
        """The metrics of each class against the others."""
        return [
            OneVsRest.of(self._class_logs(number), self.labels == number, self.example_weights)
            for number in range(self.scores.shape[1])
        ]

    def ranking(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the true and false positives of a class at each threshold, float64 (thresholds,).

        They are not stored, because all classes together have as many as there are scores.
        """
        return ranking(self._class_logs(number), self.labels == number, self.example_weights)

    def _class_logs(self, number: int) -> np.ndarray:
        """Return the log-probabilities of a class, float64 (n,)."""
        column = self.calibrated[:, number].astype(np.float64)
        logs: np.ndarray = column - self._highest_scores + self.log_confidence
        return logs

    @cached_property
    def _highest_scores(self) -> np.ndarray:
        highest: np.ndarray = self.calibrated.max(axis=1)
        return highest

    @cached_property
    def brier(self) -> dict[str, float]:
        """The Brier score and its parts."""
        return brier(self._mean(self._examples.squared), self.one_vs_rest)

    @cached_property
    def by_class(self) -> dict[str, list[float | None]]:
        """The metrics of the classes, lists with one entry per class."""
        return {
            **self.counts.ratios(),
            "roc_auc": [one.roc_auc for one in self.one_vs_rest],
            "average_precision": [one.average_precision for one in self.one_vs_rest],
            "support": self.counts.support.tolist(),
        }

    @cached_property
    def macro(self) -> dict[str, float]:
        """Means of precision, recall and F1 over the classes that occur or are predicted."""
        return mean_over_classes(self.counts.ratios(), self.counts.present)

    @cached_property
    def weighted(self) -> dict[str, float]:
        """Means of precision, recall and F1, weighted by the number of examples of a class."""
        return mean_over_classes(self.counts.ratios(), self.counts.support)

    @cached_property
    def kappa(self) -> float | None:
        """Cohen's kappa."""
        return self.counts.kappa()

    @cached_property
    def matthews(self) -> float | None:
        """The Matthews correlation."""
        return self.counts.matthews()

    @cached_property
    def roc_auc(self) -> float | None:
        """The mean one-vs-rest ROC AUC of the classes for which it is defined."""
        return _defined_mean(self.by_class["roc_auc"])

    @cached_property
    def average_precision(self) -> float | None:
        """The mean one-vs-rest average precision of the classes for which it is defined."""
        return _defined_mean(self.by_class["average_precision"])

    @cached_property
    def reliability(self) -> list[dict[str, float]]:
        """The points of the reliability diagram."""
        return reliability(self.confidence, self.is_correct, self.example_weights)

    @cached_property
    def calibration_error(self) -> float:
        """The expected calibration error."""
        return sum(
            point["share"] * abs(point["accuracy"] - point["confidence"])
            for point in self.reliability
        )

    @cached_property
    def confusion(self) -> np.ndarray | None:
        """The confusion matrix, true classes in rows; None for more than MATRIX_CLASSES."""
        classes = self.scores.shape[1]
        if classes > MATRIX_CLASSES:
            return None
        return confusion_matrix(self.labels, self.predictions, classes, self.weights)

    @cached_property
    def coverage_curve(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The coverage curve by log-confidence, which is distinct even where confidence is 1."""
        return coverage_curve(self.log_confidence, self.is_correct, self.example_weights)

    @cached_property
    def coverage(self) -> list[dict[str, float]]:
        """The accuracy of the most confident predictions."""
        return coverage(self.confidence, self.is_correct, self.example_weights)

    @cached_property
    def rules(self) -> list[Outcome]:
        """The outcome of each decision rule; empty if none was given."""
        if self.costs is None and self.below is None:
            return []
        return outcomes(
            self.probabilities,
            self.labels,
            self.example_weights,
            costs=self.costs,
            below=self.below,
        )

    @cached_property
    def label_issues(self) -> LabelIssues:
        """The examples whose labels may be wrong; their weights do not matter."""
        return find_label_issues(self.calibrated, self.labels, self._examples)

    @cached_property
    def prediction_sets(self) -> SetSummary | None:
        """How prediction sets do on the examples; None without ``conformity``."""
        if self.conformity is None:
            return None
        return self.conformity.summary(self.calibrated, self.labels)

    def _mean(self, values: np.ndarray) -> float:
        return float(np.average(values, weights=self.example_weights))

    def __str__(self) -> str:
        return str(self._overall())

    def _overall(self) -> Evaluation:
        return Evaluation(self.count, self.correct, self.accuracy, self.interval, self.loss)

    def as_dict(self) -> dict[str, Json]:
        """Return the metrics as JSON values."""
        return {
            **self.summary(),
            "classes": self.by_class,
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "reliability": self.reliability,
            "coverage": self.coverage,
        }

    def summary(self) -> dict[str, Json]:
        """Return the metrics as JSON values, without those that have an entry per class or bin."""
        sets = self.prediction_sets
        return {
            **self._overall().as_dict(),
            "majority": self.majority,
            "top": self.top,
            "brier": self.brier,
            "macro": self.macro,
            "weighted": self.weighted,
            "kappa": self.kappa,
            "matthews": self.matthews,
            "roc_auc": self.roc_auc,
            "average_precision": self.average_precision,
            "calibration_error": self.calibration_error,
            "prediction_sets": None if sets is None else sets.as_dict(),
        }

    def figures(self) -> str:
        """Return the main metrics other than accuracy and loss on one line."""
        figures = {
            # With few classes, top-k accuracy is trivially high.
            f"top {MAX_K}": self.top[str(MAX_K)] if len(self.classes) > 10 else None,
            "macro F1": self.macro["f1"],
            "kappa": self.kappa,
            "MCC": self.matthews,
            "ROC AUC": self.roc_auc,
            "average precision": self.average_precision,
            "Brier score": self.brier["score"],
            "ECE": self.calibration_error,
            "majority-class accuracy": self.majority,
        }
        return ", ".join(
            f"{name} {value:.4f}" for name, value in figures.items() if value is not None
        )


def _defined_mean(values: list[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None
