"""A scikit-learn classifier that trains a network in any of the frameworks."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import _safe_indexing, check_random_state, compute_class_weight
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from hardmax import frameworks
from hardmax.checks import MAX_SEED, listed
from hardmax.data.datasets import Examples, Images, Vectors, split_off
from hardmax.data.options import Reading
from hardmax.data.row_encoding import ordered_features
from hardmax.data.tables.features import features_of, read_columns, wanted_columns
from hardmax.data.tables.frames import has_other_columns, table_of
from hardmax.data.tables.learning import learn
from hardmax.data.tables.notices import of_unseen
from hardmax.data.tables.rows import keys_and_copies
from hardmax.errors import ArgumentError, DataError, DivergenceError
from hardmax.evaluation.calibration import calibrated
from hardmax.evaluation.metrics import softmax
from hardmax.fields import help_of
from hardmax.networks import catalog
from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import Ensemble
from hardmax.runs import auto
from hardmax.runs.evaluate import calibrated_on
from hardmax.runs.fitting import Fitting
from hardmax.runs.members import network_of
from hardmax.runs.parameters import EPOCHS, MODEL, OF_COLUMNS, PARAMETERS, Parameters
from hardmax.runs.session import Session
from hardmax.runs.settings import AUTO, Settings
from hardmax.training.weights import loss_weights

__all__ = ["HardmaxClassifier"]

#: The batch size for computing scores.
BATCH_SIZE = 1024


class HardmaxClassifier(ClassifierMixin, Parameters, BaseEstimator):  # type: ignore[misc]
    """A classifier of vectors, images or data frame rows.

    X is an array of numbers of shape (examples, features), which should be scaled, as they are used
    unchanged; a uint8 array of shape (examples, height, width) or (examples, height, width,
    channels), images with values from 0 to 255; or a data frame of pandas, polars, pyarrow or
    another library with Arrow's C interface. If any column of a data frame is not plain numbers,
    all are encoded and scaled like those of a table, which requires pyarrow.

    The parameters are options of ``hardmax train``, with the same defaults except for ``epochs``
    (20) and ``model``: None is ``auto`` for images, a small residual network, and
    ``softmax-regression`` for vectors and data frames, and the pretrained network with
    ``pretrained``. Their help is below. ``random_state`` and ``class_weight`` (None, "balanced" or
    a dict of weights by class) are scikit-learn's. With ``realmlp`` alone, a fifth of the examples
    is its validation set, and the weights are those of the epoch with the lowest loss on it. With
    ``folds``, or with ``auto`` for vectors and data frames, the probabilities are calibrated on the
    folds.

    Attributes after ``fit``: ``classes_``, the labels; ``n_features_in_`` and, for a data frame,
    ``feature_names_in_``; ``network_``, the layers; ``weights_``, arrays by portable name;
    ``temperature_``, by which scores are divided; ``shape_``, the shape of an example;
    ``encoding_``, the encoding of the columns, or None; ``left_out_``, the reason for each column
    that is not used; ``history_``, a dict per epoch.

    Parameters:
    """

    _session: Session | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on X and the labels y, of any type, shape (examples,).

        ``sample_weight``, numbers of shape (examples,) that are not negative, are the weights of
        the losses, relative to each other; examples of weight 0 are left out. Raises ValueError if
        X, y, a weight or a parameter is invalid, DivergenceError if the loss or a weight of the
        network becomes NaN or infinite.
        """
        self._session = None
        X, y, weights = self._checked(X, y, sample_weight, reset=True)
        self.classes_ = np.unique(y)
        settings = self._settings(X)
        train, held_out = self._start(X, y, weights), None
        if settings.validation is not None:
            train, held_out = split_off(train, settings.validation, settings.seed)
        ordered = ordered_features(self.encoding_)
        settings = auto.chosen(
            settings,
            train,
            ordered,
            classes=[*map(str, self.classes_)],
            has_validation=held_out is not None,
            held_out=held_out,
        )
        fitted = Fitting(
            settings,
            train,
            held_out,
            classes=tuple(map(str, range(len(self.classes_)))),
            ordered=ordered,
            class_weights=self._class_weights(),
        ).fit()
        calibration = None if fitted.out_of_fold is None else calibrated_on(fitted.out_of_fold)
        self.temperature_ = 1.0 if calibration is None else calibration.temperature
        self.network_, self.weights_ = fitted.network, fitted.weights
        self.history_ = fitted.epochs
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on X and y, continuing from the weights and the optimizer's state.

        The first call needs ``classes``, all labels that can occur. It learns the encoding of a
        data frame, and draws the initial weights. The learning rate is constant, whatever
        ``schedule`` and ``warmup`` are, and there is no validation set. The weights of examples are
        relative within a call, and ``class_weight`` may not be "balanced". After ``fit`` or
        unpickling, the weights are continued from, with a new state of the optimizer. Raises the
        errors of ``fit``.
        """
        _check_partial_fit_first_call(self, classes)
        if self.class_weight == "balanced":
            raise ArgumentError(
                "class_weight must not be balanced in partial_fit, which does not know all "
                "examples; give a dict of weights by class"
            )
        is_first = not hasattr(self, "weights_")
        layers = () if is_first else self.network_
        is_ensemble = any(isinstance(layer, Ensemble) for layer in layers)
        X, y, weights = self._checked(X, y, sample_weight, reset=is_first)
        settings = self._settings(X)
        is_auto = AUTO in (settings.model, settings.augment)
        others = (self.folds, self.ensemble, self.pretrained, self.minutes)
        if is_ensemble or is_auto or any(value is not None for value in others):
            raise ArgumentError(
                "partial_fit trains one network from random weights; choose its model and augment, "
                "and leave out folds, ensemble, pretrained and minutes"
            )
        settings = auto.with_precision(replace(settings, schedule="constant", warmup=0.0))
        self.temperature_ = 1.0
        if is_first:
            examples = self._start(X, y, weights)
            ordered = ordered_features(self.encoding_)
            self.network_ = network_of(settings, examples.inputs, len(self.classes_), ordered)
            self.history_ = []
        else:
            examples = self._examples(X, self._numbers(y), weights)
        auto.check_augmentation(settings, examples)
        session = self._session or self._new_session(settings, examples)
        self._session = None  # one that fails is not continued
        session.trainer.is_incremental = True
        session.trainer.seed = (settings.seed + len(self.history_)) % MAX_SEED
        self._train(session, examples, settings)
        self._session = session
        epoch = len(self.history_) + 1
        self.history_ = [*self.history_, {**session.trainer.history[0], "epoch": epoch}]
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes without what belongs to this process."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_session"}

    def decision_function(self, X: Any) -> np.ndarray:
        """Return scores, float32 of shape (examples, classes): the network's, calibrated if it is.

        For two classes: the score of the second minus that of the first, of shape (examples,).
        """
        scores = self._scores(X)
        if len(self.classes_) > 2:
            return scores
        differences: np.ndarray = scores[:, 1] - scores[:, 0]
        return differences

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, float32 of shape (examples, classes)."""
        return softmax(self._scores(X)).astype(np.float32)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most likely class of each example, of shape (examples,)."""
        indices = self._scores(X).argmax(axis=1)
        predicted: np.ndarray = self.classes_[indices]
        return predicted

    def _settings(self, X: Any) -> Settings:
        """Return the parameters as settings of a training on X, which validates them."""
        # An int is used as the seed directly, as on the command line.
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31)
        params = {name: getattr(self, name) for name in PARAMETERS}
        if self.model is None:
            are_images = isinstance(X, np.ndarray) and X.ndim > 2
            params["model"] = AUTO if are_images or self.pretrained is not None else MODEL
        is_given = self.pretrained is not None or params["model"] in auto.OF_DATA
        if self.epochs is None and self.minutes is None and not is_given:
            params["epochs"] = catalog.recipe(params["model"]).get("epochs", EPOCHS)
        return Settings(data="X", seed=int(seed), **params)

    def _checked(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool
    ) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """Return X as an array or a table, y and the weights, float64 or None if all are equal.

        Examples of weight 0 are left out. With ``reset`` the features are those of X.
        """
        is_table = has_other_columns(X) if reset else self.encoding_ is not None
        if is_table:
            y = validate_data(self, y=y)
            check_consistent_length(X, y)
        else:
            if self.column_kinds or self.drop or self.keep:
                raise DataError(
                    "column_kinds, drop and keep apply only to a data frame with columns that are "
                    "not plain numbers; select the columns of other data before"
                )
            X, y = validate_data(self, X, y, allow_nd=True, dtype=None, reset=reset)
        check_classification_targets(y)
        weights = None
        if sample_weight is not None:
            if self.balanced:
                raise ArgumentError(
                    "balanced resamples examples without regard to sample_weight; use "
                    "class_weight='balanced'"
                )
            weights = _check_sample_weight(sample_weight, y, dtype=float, ensure_non_negative=True)
            rows = np.flatnonzero(weights)
            X, y, weights = _safe_indexing(X, rows), y[rows], weights[rows]
            weights = None if (weights == weights[0]).all() else weights
        if is_table:
            X = table_of(X)
            if reset:
                self.feature_names_in_ = np.array(X.column_names, dtype=object)
                self.n_features_in_ = X.num_columns
        return X, y, weights

    def _start(self, X: Any, y: np.ndarray, weights: np.ndarray | None) -> Examples:
        """Learn the encoding of a table; return the examples, and set the attributes."""
        if len(self.classes_) < 2:
            raise DataError(
                f"y has only one class ({self.classes_[0]}); at least two classes are required"
            )
        self.encoding_ = None
        self.left_out_: dict[str, str] = {}
        if hasattr(self, "weights_"):
            del self.weights_
        numbers = self._numbers(y)
        if isinstance(X, np.ndarray):
            examples = _of_array(X, numbers, weights)
        else:
            reading = Reading(**{name: getattr(self, name) for name in OF_COLUMNS})
            table, keep = features_of(Path("X"), X, reading), reading.keep or ()
            columns, empty = read_columns(Path("X"), table, kinds=reading.kinds, keep=keep)
            rows = np.arange(X.num_rows)
            self.encoding_, left_out = learn(columns, rows, keep=keep)
            self.left_out_ = {**empty, **left_out}
            used = self.encoding_.chosen(columns)
            keys, copies = keys_and_copies(used, rows, numbers)
            examples = Vectors(
                self.encoding_.encode(used),
                numbers,
                weights=weights,
                known_keys=keys,
                copies=copies,
            )
        self.shape_ = examples.inputs.shape[1:]
        return examples

    def _new_session(self, settings: Settings, train: Examples) -> Session:
        """Return a session to train the network, from initial weights if it has none yet."""
        weights = getattr(self, "weights_", None) or initial_weights(
            self.network_, self.shape_, settings.seed, settings.initializer, train.inputs
        )
        return Session(
            frameworks.load(self.framework),
            self.network_,
            self.shape_,
            weights,
            settings.recipe,
            precision=settings.precision,
            gradient_clip_val=settings.clip,
            seed=settings.seed,
            device=self.device,
        )

    def _train(self, session: Session, train: Examples, settings: Settings) -> None:
        """Train and set the weights. Raises DivergenceError if one becomes NaN or infinite."""
        session.fit(
            train,
            None,
            settings.batch(len(train)),
            balanced=settings.balanced,
            loss_weights=loss_weights(train, self._class_weights()),
            augment=settings.augmentations,
        )
        found = session.weights()
        if not all(np.isfinite(array).all() for array in found.values()):
            raise DivergenceError(
                f"a weight became NaN or infinite; try a smaller lr than {settings.recipe.rate:g}"
            )
        self.weights_ = found

    def _class_weights(self) -> np.ndarray | str | None:
        """Return the weights of the classes, float64 (classes,), "balanced" or None."""
        if self.class_weight is None:
            return None
        if self.balanced:
            raise ArgumentError(
                "balanced and class_weight both weight the classes; use one of them"
            )
        weights: np.ndarray = compute_class_weight(
            self.class_weight, classes=self.classes_, y=self.classes_
        )
        if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
            raise ArgumentError(
                "class_weight must have finite numbers that are not negative, not all of them 0; "
                f"got {self.class_weight!r}"
            )
        return "balanced" if isinstance(self.class_weight, str) else weights

    def _numbers(self, y: np.ndarray) -> np.ndarray:
        """Return labels as indices into ``classes_``. Raises DataError for any other label."""
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise DataError(
                f"y has labels that are not in classes: {listed(map(str, unknown))}; name all "
                "classes in the first call of partial_fit"
            )
        return np.searchsorted(self.classes_, y)

    def _examples(self, X: Any, labels: np.ndarray, weights: np.ndarray | None = None) -> Examples:
        """Return X, an array or a table, as examples with integer labels."""
        if self.encoding_ is not None:
            columns = wanted_columns(X, self.encoding_)
            for unseen in self.encoding_.unseen(columns):
                warnings.warn(of_unseen("X", unseen), stacklevel=4)
            return Vectors(self.encoding_.encode(columns), labels, weights=weights)
        examples = _of_array(X, labels, weights)
        shape = examples.inputs.shape[1:]
        if shape != self.shape_:
            raise DataError(f"X has examples of shape {shape}, but was {self.shape_} in fit")
        return examples

    def _scores(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "weights_")
        if self.encoding_ is None:
            X = validate_data(self, X, allow_nd=True, dtype=None, reset=False)
        else:
            X = table_of(X)
        examples = self._examples(X, np.zeros(len(X), np.int64))
        session = Session(
            frameworks.load(self.framework),
            self.network_,
            self.shape_,
            self.weights_,
            device=self.device,
        )
        scores = calibrated(session.scores(examples, BATCH_SIZE), self.temperature_)
        # The digits beyond depend on a row's place in its batch.
        return scores.astype(np.float32)


HardmaxClassifier.__doc__ = f"{HardmaxClassifier.__doc__}".rstrip(" ") + help_of(PARAMETERS)


def _of_array(X: np.ndarray, labels: np.ndarray, weights: np.ndarray | None) -> Examples:
    """Return an array as vectors or images with integer labels."""
    if X.ndim == 2:
        return Vectors(_floats(X), labels, weights=weights)
    return Images(X[..., np.newaxis] if X.ndim == 3 else X, labels, weights)


def _floats(X: np.ndarray) -> np.ndarray:
    """Return numbers as float32. Raises DataError if one is too large for it."""
    with np.errstate(over="ignore"):
        values = X.astype(np.float32)
    if not np.isfinite(values).all():
        raise DataError("X has numbers that are too large for float32; scale them")
    return values
