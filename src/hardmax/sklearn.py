"""A scikit-learn classifier that trains a network in any of the frameworks."""

import warnings
from collections.abc import Iterator
from dataclasses import field, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from hardmax import frameworks
from hardmax.data.datasets import Examples, Images, Vectors
from hardmax.data.options import Reading, ReadingOptions
from hardmax.data.splitting import split_rows
from hardmax.data.tables.arrow import need_pyarrow
from hardmax.data.tables.columns import Column
from hardmax.data.tables.features import features_of, read_columns, wanted_columns
from hardmax.data.tables.learning import learn
from hardmax.data.tables.notices import of_unseen
from hardmax.errors import DataError
from hardmax.evaluation.calibration import calibrated
from hardmax.evaluation.metrics import log_softmax
from hardmax.fields import allowed_values, options_of
from hardmax.networks import catalog
from hardmax.runs import auto
from hardmax.runs.evaluate import calibrated_on
from hardmax.runs.fitting import Fitting
from hardmax.runs.session import Session
from hardmax.runs.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["HardmaxClassifier"]

#: The batch size for computing scores.
BATCH_SIZE = 1024


#: The settings for reading a data frame's columns.
OF_COLUMNS = {"column_kinds", "drop", "keep"}

#: The settings of a training that are parameters of the estimator; ``fit`` receives the data, and
#: ``random_state`` is the seed.
PARAMETERS = {
    name: pair
    for name, pair in options_of(Settings).items()
    if name not in {*options_of(ReadingOptions), "data", "patience"} - OF_COLUMNS
}

#: The number of epochs if neither it nor a model that has another is given, and the model: the only
#: defaults that are not those of ``hardmax train``.
EPOCHS, MODEL = 20, "softmax-regression"


def _parameter_fields() -> Iterator[tuple[str, Any, Any]]:
    """Yield the name, the type and the field of each parameter of the estimator."""
    for name, (setting, _) in PARAMETERS.items():
        is_positional = name in ("model", "framework")
        default = MODEL if name == "model" else setting.default
        yield name, setting.type, field(default=default, kw_only=not is_positional)
    yield "random_state", Any, field(default=None, kw_only=True)


# scikit-learn takes the parameters of an estimator from the signature of its __init__.
_Parameters: Any = make_dataclass("_Parameters", _parameter_fields(), eq=False, repr=False)


class HardmaxClassifier(ClassifierMixin, _Parameters, BaseEstimator):  # type: ignore[misc]
    """A classifier of vectors, images or data frame rows.

    X is an array of numbers of shape (examples, features), which should be scaled, as they are used
    unchanged; a uint8 array of shape (examples, height, width) or (examples, height, width,
    channels), images with values from 0 to 255; or a pandas data frame. If any column of a data
    frame is not plain numbers, all are encoded and scaled like those of a table, which requires
    pyarrow.

    The parameters are options of ``hardmax train``, with the same defaults except for ``epochs``
    (20) and ``model`` (softmax-regression); their help is below. ``random_state`` is
    scikit-learn's. The models ``auto`` and ``realmlp`` are for vectors and data frames. With
    ``realmlp`` alone, a fifth of the examples is its validation set, and the weights are those of
    the epoch with the lowest loss on it. With ``folds`` or ``auto`` the probabilities are
    calibrated on the folds.

    Attributes after ``fit``: ``classes_``, the labels; ``n_features_in_`` and, for a data frame,
    ``feature_names_in_``; ``network_``, the layers; ``weights_``, arrays by portable name;
    ``temperature_``, by which scores are divided; ``shape_``, the shape of an example;
    ``encoding_``, the encoding of the columns, or None; ``left_out_``, the reason for each column
    that is not used; ``history_``, a dict per epoch.

    Parameters:
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on X and the labels y, of any type, shape (examples,).

        Raises ValueError if X, y or a parameter is invalid, DivergenceError if the loss or a weight
        becomes NaN or infinite.
        """
        examples = self._learn(X, y)
        train, held_out = examples, None
        settings = self._settings()
        if settings.validation is not None:
            rows, others = split_rows(examples.labels, settings.validation, settings.seed)
            train, held_out = examples.take(rows), examples.take(others)
        settings = auto.chosen(settings, train, has_validation=held_out is not None)
        fitted = Fitting(
            settings,
            train,
            held_out,
            classes=tuple(map(str, range(len(self.classes_)))),
            ordered=None if self.encoding_ is None else self.encoding_.ordered,
        ).fit()
        calibration = None if fitted.out_of_fold is None else calibrated_on(fitted.out_of_fold)
        self.temperature_ = 1.0 if calibration is None else calibration.temperature
        self.network_, self.weights_ = fitted.network, fitted.weights
        self.shape_ = train.inputs.shape[1:]
        self.history_ = fitted.epochs
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return scores, float32 of shape (examples, classes), as the network computes them.

        For two classes: the score of the second minus that of the first, of shape (examples,).
        """
        scores = self._scores(X)
        if len(self.classes_) > 2:
            return scores
        differences: np.ndarray = scores[:, 1] - scores[:, 0]
        return differences

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, float32 of shape (examples, classes)."""
        probabilities: np.ndarray = np.exp(log_softmax(self._scores(X))).astype(np.float32)
        return probabilities

    def predict(self, X: Any) -> np.ndarray:
        """Return the most likely class of each example, of shape (examples,)."""
        indices = self._scores(X).argmax(axis=1)
        predicted: np.ndarray = self.classes_[indices]
        return predicted

    def _settings(self) -> Settings:
        """Return the parameters as training settings, which validates them."""
        # An int is used as the seed directly, as on the command line.
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31)
        params = {name: getattr(self, name) for name in PARAMETERS}
        if self.epochs is None:
            params["epochs"] = catalog.recipe(self.model).get("epochs", EPOCHS)
        return Settings(data="X", seed=int(seed), **params)

    def _learn(self, X: Any, y: Any) -> Examples:
        """Return the examples of X with labels as indices into ``classes_``; set the attributes."""
        self.encoding_ = None
        self.left_out_: dict[str, str] = {}
        columns: list[Column] = []
        if _has_other_columns(X):
            y = validate_data(self, y=y)
            check_consistent_length(X, y)
            reading = Reading(**{name: getattr(self, name) for name in OF_COLUMNS})
            rows = np.arange(len(X))
            table, keep = features_of(Path("X"), _table(X), reading), reading.keep or ()
            columns, empty = read_columns(Path("X"), table, kinds=reading.kinds, keep=keep)
            self.encoding_, left_out = learn(columns, rows, keep=keep)
            self.left_out_ = {**empty, **left_out}
            self.feature_names_in_ = np.array([*X.columns], dtype=object)
            self.n_features_in_ = X.shape[1]
        else:
            if self.column_kinds or self.drop or self.keep:
                raise DataError(
                    "column_kinds, drop and keep apply only to a data frame with columns that are "
                    "not plain numbers; select the columns of other data before"
                )
            X, y = validate_data(self, X, y, allow_nd=True, dtype=None)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(
                f"y has only one class ({self.classes_[0]}); at least two classes are required"
            )
        if self.encoding_ is not None:
            return Vectors(self.encoding_.encode(self.encoding_.chosen(columns)), labels)
        return self._examples(X, labels)

    def _examples(self, X: Any, labels: np.ndarray) -> Examples:
        """Return X as examples with integer labels."""
        if self.encoding_ is not None:
            columns = wanted_columns(_table(X), self.encoding_)
            for unseen in self.encoding_.unseen(columns):
                warnings.warn(of_unseen("X", unseen), stacklevel=4)
            return Vectors(self.encoding_.encode(columns), labels)
        if X.ndim == 2:
            return Vectors(_floats(X), labels)
        return Images(X[..., np.newaxis] if X.ndim == 3 else X, labels)

    def _scores(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        if self.encoding_ is None:
            X = validate_data(self, X, allow_nd=True, dtype=None, reset=False)
        examples = self._examples(X, np.zeros(len(X), np.int64))
        shape = examples.inputs.shape[1:]
        if shape != self.shape_:
            raise DataError(f"X has examples of shape {shape}, but was {self.shape_} in fit")
        session = Session(
            frameworks.load(self.framework),
            self.network_,
            shape,
            self.weights_,
            device=self.device,
        )
        scores = calibrated(session.scores(examples, BATCH_SIZE), self.temperature_)
        # The digits beyond depend on a row's place in its batch.
        return scores.astype(np.float32)


def _help(name: str) -> str:
    """Return the lines of the docstring for a parameter."""
    setting, option = PARAMETERS[name]
    return f"        {name}: {allowed_values(setting.type, option)}.\n            {option.help}\n"


HardmaxClassifier.__doc__ = f"{HardmaxClassifier.__doc__}".rstrip(" ") + "".join(
    map(_help, PARAMETERS)
)


def _has_other_columns(X: Any) -> bool:
    """Return whether X is a data frame with any column that is not plain numbers."""
    kinds = getattr(X, "dtypes", None)
    if not hasattr(X, "columns") or kinds is None:
        return False
    return any(getattr(kind, "kind", "O") not in "iuf" for kind in kinds)


def _table(X: Any) -> "pa.Table":
    """Return a data frame as a table. Raises DataError if X is not one, or has no rows."""
    pa = need_pyarrow()
    if not hasattr(X, "columns"):
        raise DataError(f"X must be a data frame, as in fit; got {type(X)}")
    if not len(X):
        raise DataError("X has 0 rows; at least 1 is required")
    try:
        return pa.Table.from_pandas(X, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"X has a column that cannot be read: {error}") from error


def _floats(X: np.ndarray) -> np.ndarray:
    """Return numbers as float32. Raises DataError if one is too large for it."""
    with np.errstate(over="ignore"):
        values = X.astype(np.float32)
    if not np.isfinite(values).all():
        raise DataError("X has numbers that are too large for float32; scale them")
    return values
