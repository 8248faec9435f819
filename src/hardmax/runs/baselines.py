"""What plain classifiers reach on the same examples, to compare a network with.

Those of tables are scikit-learn's. Each learns from all rows that are not test rows, as none of
them needs a validation set. ``image_baselines`` has softmax regression on the pixels of images.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np

from hardmax.data.datasets import Dataset, Examples, Images
from hardmax.data.sampling import order
from hardmax.errors import ArgumentError, DivergenceError
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.paired_tests import mcnemar
from hardmax.processes.group import group
from hardmax.reports.records import BaselineRecord
from hardmax.runs.image_baselines import fit_softmax_regression
from hardmax.runs.settings import Settings

__all__ = ["Baseline", "compare_with", "fit_baselines"]

#: Draws rows, and is the random state of the baselines; fixed, as they are a standard.
SEED = 0

#: The most iterations of the logistic regression, which is near its optimum after 20 to 200.
ITERATIONS = 1000

#: The most rows x features x scores of an iteration of the logistic regression: about 0.1 s.
LOGISTIC_SIZE = 10**8

#: The most features x trees per iteration of gradient boosting, and the most classes.
BOOSTED_FEATURES, BOOSTED_CLASSES = 600, 50

#: A feature of a tree costs about as much time as BOOSTED_ROWS rows of it; features x trees per
#: iteration x (1 + rows / BOOSTED_ROWS) is at most BOOSTED_SIZE: 10 to 30 s.
BOOSTED_ROWS, BOOSTED_SIZE = 10_000, 1200

#: The least probability, so that the log loss is finite: that of scikit-learn's ``log_loss``.
LEAST = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline: how many examples and features it learned from, and its test results.

    ``is_correct``: bool (test examples,). ``loss``: the mean log loss.
    """

    name: str
    rows: int
    features: int
    is_correct: np.ndarray
    loss: float


def fit_baselines(
    dataset: Dataset, settings: Settings, log: Callable[[str], None] | None = None
) -> list[Baseline]:
    """Fit the baselines of a table or of images, and evaluate them on the test set.

    Images have no softmax regression if that is the model of the ``settings``. ``log`` receives a
    notice about baselines that cannot be fitted.

    Several processes train the softmax regression together; scikit-learn's classifiers are fitted
    by the first one, while the others wait, and return none.
    """
    baselines, failures = [], []
    takes_part = group().is_first or isinstance(dataset.train, Images)
    for name, fit in (_fits(dataset, settings) if takes_part else {}).items():
        try:
            baselines.append(fit(name))
        except (ValueError, MemoryError, DivergenceError) as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            failures.append(f"{name} ({reason})")
    group().wait()
    if failures and log is not None:
        reasons = "; ".join(failures)
        log(f"{dataset.name}: baselines that could not be trained: {reasons}")
    return baselines


def _fits(dataset: Dataset, settings: Settings) -> dict[str, Callable[[str], Baseline]]:
    """Return what fits and evaluates the baseline of each name."""
    fits: dict[str, Callable[[str], Baseline]] = {
        "most frequent class": partial(_most_frequent, dataset=dataset)
    }
    if dataset.encoding is not None:
        for name, fit in FITS.items():
            fits[name] = partial(_of_rows, fit=fit, dataset=dataset)
        return fits
    if not isinstance(dataset.train, Images):
        return {}
    if settings.model != "softmax-regression":
        fits["softmax regression"] = partial(_of_pixels, dataset=dataset, settings=settings)
    return fits


def compare_with(
    baselines: Sequence[Baseline], evaluation: ClassifierEvaluation
) -> list[BaselineRecord]:
    """Return the results of baselines, each with McNemar's test of a network's ``evaluation``."""
    records: list[BaselineRecord] = []
    for baseline in baselines:
        only_network = int((evaluation.is_correct & ~baseline.is_correct).sum())
        only_baseline = int((baseline.is_correct & ~evaluation.is_correct).sum())
        records.append(
            {
                "name": baseline.name,
                "rows": baseline.rows,
                "features": baseline.features,
                "accuracy": float(np.average(baseline.is_correct, weights=evaluation.weights)),
                "loss": baseline.loss,
                "only_network": only_network,
                "only_baseline": only_baseline,
                "p": mcnemar(only_network, only_baseline),
            }
        )
    return records


@dataclass(frozen=True)
class _Fitted:
    """A classifier of scikit-learn that was fitted to some of the rows and ``columns``."""

    model: Any
    rows: int
    features: int
    columns: np.ndarray | slice


def _most_frequent(name: str, dataset: Dataset) -> Baseline:
    """Return the baseline that predicts the class frequencies."""
    parts, test = _learned_from(dataset), dataset.test
    labels = np.concatenate([part.labels for part in parts])
    totals = np.bincount(labels, _weights(parts), len(dataset.classes))
    probabilities = np.broadcast_to(totals / totals.sum(), (len(test), len(totals)))
    return _baseline(name, len(labels), 0, _evaluation(probabilities, test))


def _of_pixels(name: str, dataset: Dataset, settings: Settings) -> Baseline:
    """Return softmax regression on the pixels of images."""
    evaluation, count = fit_softmax_regression(dataset, settings)
    return _baseline(name, count, prod(dataset.shape), evaluation)


def _of_rows(name: str, fit: Callable[[Dataset], _Fitted], dataset: Dataset) -> Baseline:
    """Return a fitted classifier of the rows of a table.

    It runs on one thread, because the threads of short steps mostly wait for each other.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    test = dataset.test
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Reading the table has already asked whether so many numbers are classes.
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
        fitted = fit(dataset)
        probabilities = np.zeros((len(test), len(dataset.classes)))
        probabilities[:, fitted.model.classes_] = fitted.model.predict_proba(
            test.inputs[:, fitted.columns]
        )
    return _baseline(name, fitted.rows, fitted.features, _evaluation(probabilities, test))


def _evaluation(probabilities: np.ndarray, test: Examples) -> ClassifierEvaluation:
    return ClassifierEvaluation(np.log(np.maximum(probabilities, LEAST)), test.labels, test.weights)


def _baseline(name: str, rows: int, features: int, evaluation: ClassifierEvaluation) -> Baseline:
    return Baseline(name, rows, features, evaluation.is_correct, evaluation.loss)


def _fit_logistic(dataset: Dataset) -> _Fitted:
    """Fit a softmax regression, to as many rows as LOGISTIC_SIZE allows."""
    from sklearn.linear_model import LogisticRegression

    (features,) = dataset.shape
    inputs, labels, weights = _draw(dataset, LOGISTIC_SIZE // (features * _outputs(dataset)))
    model = LogisticRegression(max_iter=ITERATIONS).fit(inputs, labels, weights)
    return _Fitted(model, len(labels), features, slice(None))


def _fit_boosting(dataset: Dataset) -> _Fitted:
    """Fit gradient boosting, to as many rows and features as BOOSTED_SIZE allows."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    if len(dataset.classes) > BOOSTED_CLASSES:
        raise ArgumentError(
            f"it grows a tree for each class and iteration, and there are {len(dataset.classes)} "
            f"classes; at most {BOOSTED_CLASSES} are allowed"
        )
    outputs = _outputs(dataset)
    features = min(*dataset.shape, BOOSTED_FEATURES // outputs)
    inputs, labels, weights = _draw(
        dataset, BOOSTED_ROWS * (BOOSTED_SIZE - features * outputs) // (features * outputs)
    )
    columns = _most_varying(inputs, features)
    model = HistGradientBoostingClassifier(random_state=SEED)
    if np.unique(labels, return_counts=True)[1].min() == 1:
        # A validation set, which more than 10,000 rows are given, needs two rows of each class.
        model.set_params(early_stopping=False)
    model.fit(inputs[:, columns], labels, weights)
    return _Fitted(model, len(labels), features, columns)


#: The classifiers of scikit-learn for the rows of tables.
FITS: dict[str, Callable[[Dataset], _Fitted]] = {
    "LogisticRegression": _fit_logistic,
    "HistGradientBoosting": _fit_boosting,
}


def _outputs(dataset: Dataset) -> int:
    """Return how many scores scikit-learn's classifiers compute for a row: one for two classes."""
    return len(dataset.classes) if len(dataset.classes) > 2 else 1


def _learned_from(dataset: Dataset) -> list[Examples]:
    """Return the parts that baselines learn from."""
    return [part for part in (dataset.train, dataset.validation) if part is not None]


def _weights(parts: Sequence[Examples]) -> np.ndarray | None:
    """Return the weights of the rows of several parts, or None for 1 each."""
    found = [part.weights for part in parts if part.weights is not None]
    return np.concatenate(found) if found else None


def _draw(dataset: Dataset, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Draw about ``most`` rows to learn from: the inputs, the labels and the weights, if any.

    Raises ArgumentError if they are all of one class.
    """
    parts = _learned_from(dataset)
    share = min(1.0, most / sum(map(len, parts)))
    drawn = [
        part.take(np.sort(order(len(part), SEED, 0)[: round(share * len(part))])) for part in parts
    ]
    labels = np.concatenate([part.labels for part in drawn])
    if len(np.unique(labels)) < 2:
        raise ArgumentError(f"it needs rows of two classes, and all {len(labels)} are of one")
    return np.concatenate([part.inputs for part in drawn]), labels, _weights(drawn)


def _most_varying(inputs: np.ndarray, count: int) -> np.ndarray | slice:
    """Return the columns of highest variance, in order; a slice of all if there are not more."""
    if count == inputs.shape[1]:
        return slice(None)
    return np.sort(np.argsort(-inputs.var(axis=0), kind="stable")[:count])
