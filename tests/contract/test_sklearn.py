"""The scikit-learn estimator: scikit-learn's own checks, pipelines, data frames and images."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_class_weight_classifiers, check_estimator
from support import mixed_table

from hardmax.errors import DataError, DivergenceError
from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import Sequence
from hardmax.sklearn import HardmaxClassifier


@pytest.fixture
def make(framework):
    """A function that returns a classifier of the framework under test."""
    return lambda **settings: HardmaxClassifier(
        framework=framework, **{"random_state": 0, **settings}
    )


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), np.array(["setosa", "versicolor", "virginica"])[y]


#: The checks that can fail, and why.
EXPECTED = {
    "check_methods_sample_order_invariance": "it allows differences of 1e-7, less than a rounding "
    "error of float32, and rows in other places of a matrix product are rounded differently",
    "check_sample_weight_equivalence_on_dense_data": "repeated examples are in other batches, as "
    "with scikit-learn's SGDClassifier; a test below has them in one batch",
    "check_class_weight_classifiers": "its inputs are not scaled, for which 20 epochs are too few; "
    "a test below has more",
}


def check(framework):
    """Run the checks of scikit-learn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks warn about those that are skipped
        check_estimator(
            HardmaxClassifier(framework=framework), on_skip=None, expected_failed_checks=EXPECTED
        )


def test_scores_do_not_depend_on_the_order_of_the_rows(make, iris):
    X, y = iris
    model = make().fit(X, y)
    order = np.random.default_rng(0).permutation(len(X))
    scores = model.decision_function(X)
    differences = model.decision_function(X[order]) - scores[order]
    assert np.abs(differences).max() <= 4 * np.finfo(np.float32).eps * np.abs(scores).max()


@pytest.mark.shared
def test_the_estimator_passes_the_checks_of_scikit_learn(framework):
    check(framework)


@pytest.mark.slow
@pytest.mark.usefixtures("without_optimizing")
def test_the_estimator_passes_the_checks_in_other_frameworks(framework):
    if framework == "torch":
        pytest.skip("a quick test has these checks")
    check(framework)


def test_predictions_agree_with_logistic_regression(make, iris):
    X, y = iris
    model = make(epochs=200, lr=0.3).fit(X, y)
    other = LogisticRegression(C=np.inf, max_iter=10_000).fit(X, y)
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    # Random states 0 to 3 give 0.987 to 0.993 and 0.973 to 0.98.
    assert (model.predict(X) == other.predict(X)).mean() > 0.96
    assert model.score(X, y) > 0.95
    p = model.predict_proba(X)
    assert p.dtype == model.decision_function(X).dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert (model.classes_[p.argmax(axis=1)] == model.predict(X)).all()


def test_scores_are_computed_from_the_weights(make, iris):
    X, y = iris
    model = make().fit(X, y)
    expected = X @ model.weights_["1.weight"].T + model.weights_["1.bias"]
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-5)
    assert len(model.history_) == 20
    initial = initial_weights(model.network_, (4,), 0, "normal")
    assert not np.array_equal(initial["1.weight"], model.weights_["1.weight"])


@pytest.mark.shared
def test_the_estimator_works_in_pipelines_grid_searches_and_calibration(make):
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), make(epochs=30))
    # Random states 0 to 3 give 0.907 to 0.92, and 0.92 calibrated.
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.88
    search = GridSearchCV(pipeline, {"hardmaxclassifier__lr": [1e-6, 0.1]}, cv=3).fit(X, y)
    assert search.best_params_ == {"hardmaxclassifier__lr": 0.1}
    calibrated = CalibratedClassifierCV(pipeline, cv=3).fit(X, y)
    assert calibrated.score(X, y) > 0.88


def test_the_same_random_state_gives_identical_scores(make, iris):
    X, y = iris
    model = make(model="mlp", hidden=(8,), epochs=2)
    scores = model.fit(X, y).decision_function(X)
    np.testing.assert_array_equal(clone(model).fit(X, y).decision_function(X), scores)
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(restored.decision_function(X), scores)
    other = clone(model).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(other.decision_function(X), scores)


def test_a_mixed_data_frame_requires_no_pipeline(make):
    frame = mixed_table(800)
    X, y = frame.drop(columns="outcome"), frame["outcome"]
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    model = make().fit(X_train, y_train)
    assert model.n_features_in_ == 20
    assert model.feature_names_in_.tolist() == [*X.columns]
    # 85 % of the labels are "no"; random states 0 to 5 give 0.88 to 0.885.
    assert model.score(X_test, y_test) > 0.86
    shuffled = X_test[[*reversed(X_test.columns)]]
    np.testing.assert_array_equal(model.predict_proba(shuffled), model.predict_proba(X_test))
    with pytest.raises(DataError, match="no column 'letter'"):
        model.predict(X_test.drop(columns="letter"))
    with pytest.raises(DataError, match="must be a data frame"):
        model.predict(X_test.to_numpy())
    with pytest.raises(DataError, match="0 rows"):
        model.predict(X_test[:0])
    assert model.left_out_["same"] == "constant"


def test_columns_are_dropped_and_kept_and_new_categories_are_warned_of(make):
    frame = mixed_table(200, missing=0)[["letter", "number 0", "whole", "outcome"]]
    X, y = frame.drop(columns="outcome").assign(id=range(200)), frame["outcome"]
    assert make().fit(X, y).left_out_["id"].startswith("identifier: 200 distinct integers")
    model = make(keep=("id",), drop=("whole",)).fit(X, y)
    assert [code.name for code in model.encoding_.columns] == ["letter", "number 0", "id"]
    assert (model.left_out_, model.n_features_in_) == ({}, 4)
    with pytest.warns(UserWarning, match="X, column letter: 200 of the rows have .* such as 'z'"):
        model.predict(X.assign(letter="z"))
    with pytest.raises(DataError, match="no column 'wholes'; did you mean 'whole'"):
        make(drop=("wholes",)).fit(X, y)
    with pytest.raises(DataError, match="drop and keep apply only to a data frame"):
        make(drop=("whole",)).fit(X[["whole", "id"]], y)


def test_a_numeric_data_frame_is_used_like_an_array(make, iris):
    X, y = iris
    frame = pd.DataFrame(X, columns=[*"abcd"])
    model = make().fit(frame, y)
    assert model.feature_names_in_.tolist() == [*"abcd"]
    assert model.encoding_ is None
    np.testing.assert_array_equal(
        model.decision_function(frame), make().fit(X, y).decision_function(X)
    )
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"a": "z"}))


def assert_close(one, other, atol=1e-5):
    for name, weight in one.weights_.items():
        np.testing.assert_allclose(weight, other.weights_[name], rtol=0, atol=atol)


def test_in_one_batch_weighted_examples_count_like_repeated_ones(make, iris):
    X, y = iris
    counts = np.random.default_rng(0).integers(0, 4, len(y))
    one = make(batch_size=1000).fit(X, y, sample_weight=counts)
    assert_close(one, make(batch_size=1000).fit(X.repeat(counts, 0), y.repeat(counts)))
    # Those of weight 0 are left out, in whatever batches, and only the ratios matter.
    kept = counts > 0
    some = make(epochs=2).fit(X, y, sample_weight=kept * 3.0)
    other = make(epochs=2).fit(X[kept], y[kept])
    np.testing.assert_array_equal(some.decision_function(X), other.decision_function(X))


def test_class_weights_are_weights_of_their_examples(make, iris):
    X, y = iris[0][:120], iris[1][:120]
    counts = np.unique(y, return_counts=True)[1]
    weights = {"setosa": 3.0, "versicolor": 1.0, "virginica": 0.5}
    for class_weight, of_classes in ((weights, [*weights.values()]), ("balanced", 1 / counts)):
        one = make(class_weight=class_weight, epochs=3).fit(X, y)
        factors = np.asarray(of_classes)[np.unique(y, return_inverse=True)[1]]
        assert_close(one, make(epochs=3).fit(X, y, sample_weight=factors), 1e-6)
    # The accuracy in the history is that of the examples, whatever their classes weigh.
    scored = make(batch_size=1000, epochs=2, lr=1e-30, class_weight=weights).fit(X, y)
    assert scored.history_[1]["train_accuracy"] == pytest.approx(scored.score(X, y))


@pytest.mark.shared
def test_heavy_classes_are_predicted_after_enough_epochs():
    check_class_weight_classifiers("HardmaxClassifier", HardmaxClassifier(epochs=100))


@pytest.mark.shared
def test_invalid_weights_are_rejected(make, iris):
    X, y = iris
    for class_weight in ({"setosa": -1, "versicolor": 1, "virginica": 1}, dict.fromkeys(y, 0)):
        with pytest.raises(ValueError, match="class_weight must have finite numbers"):
            make(class_weight=class_weight).fit(X, y)
    with pytest.raises(ValueError, match="not in class_weight"):
        make(class_weight={"setosa": 2, "rose": 1}).fit(X, y)
    with pytest.raises(ValueError, match="balanced and class_weight both"):
        make(class_weight="balanced", balanced=True).fit(X, y)
    with pytest.raises(ValueError, match="without regard to sample_weight"):
        make(balanced=True).fit(X, y, sample_weight=np.ones(len(y)))
    with pytest.raises(ValueError, match="class_weight must not be balanced in partial_fit"):
        make(class_weight="balanced").partial_fit(X, y, classes=np.unique(y))


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw-ntk"])
def test_calls_of_partial_fit_are_epochs_of_one_training(make, iris, optimizer):
    X, y = iris
    # In one batch, so that the orders of the epochs do not matter; without the weight decay that
    # adamw-ntk lets decrease in the course of a fit.
    momentum = {"momentum": 0.9} if optimizer == "sgd" else {}
    settings = {"batch_size": 1000, "optimizer": optimizer, "lr": 0.05, **momentum}
    model = make(**settings, schedule="cosine")
    for _ in range(4):
        model.partial_fit(X, y, classes=np.unique(y))
    whole = make(**settings, epochs=4).fit(X, y)
    assert_close(model, whole)
    assert [record["epoch"] for record in model.history_] == [1, 2, 3, 4]
    losses = [[record["train_loss"] for record in one.history_] for one in (model, whole)]
    np.testing.assert_allclose(*losses, rtol=1e-5)
    assert losses[0] == sorted(losses[0], reverse=True)
    assert model.score(X, y) > 0.5


@pytest.mark.shared
def test_partial_fit_continues_a_fit_and_an_unpickled_model(make, iris):
    X, y = iris
    model = make(epochs=2).fit(X, y)
    before = model.weights_
    restored = pickle.loads(pickle.dumps(model.partial_fit(X, y)))
    assert len(restored.partial_fit(X, y).history_) == 4
    assert not np.array_equal(before["1.weight"], model.weights_["1.weight"])
    assert restored.score(X, y) > 0.7
    assert len(model.fit(X, y).history_) == 2


@pytest.mark.shared
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "auto"}, "choose its model and augment"),
        ({"augment": "auto"}, "choose its model and augment"),
        ({"folds": 2}, "leave out folds, ensemble, pretrained and minutes"),
        ({"augment": "flip"}, "not the rows of a table; leave out 'flip'"),
    ],
)
def test_partial_fit_does_not_choose(make, iris, settings, message):
    X, y = iris
    with pytest.raises(ValueError, match=message):
        make(**settings).partial_fit(X, y, classes=np.unique(y))


@pytest.mark.shared
def test_partial_fit_knows_its_classes_from_the_first_call(make, iris):
    X, y = iris
    model = make()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    model.partial_fit(X[:60], y[:60], classes=[*np.unique(y), "rose"])
    assert model.predict_proba(X).shape == (len(X), 4)
    with pytest.raises(DataError, match="y has labels that are not in classes: tulip"):
        model.partial_fit(X, np.where(y == "setosa", "tulip", y))
    with pytest.raises(ValueError, match="4 features"):
        model.partial_fit(X[:, :3], y)
    with pytest.raises(ValueError, match="not the same as on last call"):
        model.partial_fit(X, y, classes=np.unique(y))


@pytest.mark.shared
def test_frames_of_other_libraries_are_read_like_those_of_pandas(make):
    frame = mixed_table(300)
    frame["level"] = pd.Categorical(frame["letter"])
    X, y, weights = frame.drop(columns="outcome"), frame["outcome"], frame["whole"].fillna(0)
    model = make(epochs=2).fit(X, y, sample_weight=weights)
    expected = model.predict_proba(X)
    for convert in (pl.from_pandas, pa.Table.from_pandas):
        columns = [convert(one.to_frame())[one.name] for one in (y, weights)]
        other = make(epochs=2).fit(convert(X), columns[0], sample_weight=columns[1])
        assert other.feature_names_in_.tolist() == [*X.columns]
        for one in (model, other):
            np.testing.assert_array_equal(one.predict_proba(convert(X)), expected)
            np.testing.assert_array_equal(one.predict(convert(X)), model.predict(X))
        with pytest.raises(DataError, match="0 rows"):
            model.predict(convert(X)[:0])
        half = make().partial_fit(convert(X), columns[0], classes=["no", "yes"])
        assert half.partial_fit(X, y).n_features_in_ == X.shape[1]


@pytest.mark.shared
@pytest.mark.parametrize("convert", [pl.DataFrame, pa.table])
def test_numeric_frames_of_other_libraries_are_used_like_arrays(make, iris, convert):
    X, y = iris
    frame = convert({name: X[:, i] for i, name in enumerate("abcd")})
    model = make(epochs=2).fit(frame, y)
    assert (model.feature_names_in_.tolist(), model.encoding_) == ([*"abcd"], None)
    expected = make(epochs=2).fit(X, y).decision_function(X)
    np.testing.assert_array_equal(model.decision_function(frame), expected)


def test_arrays_of_images_are_classified(make):
    digits = load_digits()
    X = np.rint(digits.images * 255 / 16).astype(np.uint8)
    model = make(model="softmax-regression", epochs=10).fit(X[:1000], digits.target[:1000])
    flat = make(epochs=10).fit(X[:1000].reshape(1000, -1) / 255, digits.target[:1000])
    assert model.score(X[1000:], digits.target[1000:]) > 0.88  # random states 0 to 4: 0.91
    np.testing.assert_allclose(
        model.decision_function(X[:50]),
        flat.decision_function(X[:50].reshape(50, -1) / 255),
        atol=1e-4,
    )
    few = make(model="small-resnet", widths=(4,)).fit(X[:40], digits.target[:40])
    assert len(few.history_) == 40
    small = make(widths=(8, 16), epochs=3).fit(X[:1000], digits.target[:1000])
    assert sum(isinstance(layer, Sequence) for layer in small.network_) == 2
    assert small.score(X[1000:], digits.target[1000:]) > 0.7  # random states 0 to 4: 0.80 to 0.90
    with pytest.raises(DataError, match=r"shape \(8, 3, 1\), but was \(8, 8, 1\) in fit"):
        model.predict(X[:5, :, :3])
    with pytest.raises(ValueError, match="choose its model and augment"):
        make().partial_fit(X, digits.target, classes=range(10))


@pytest.mark.shared
@pytest.mark.parametrize("as_frame", [False, True])
def test_copies_in_one_fold_keep_probabilities_from_being_certain(make, as_frame):
    """Labels are noise; with copies in several folds, the mean would be above 0.9."""
    generator = np.random.default_rng(0)
    X = np.tile(generator.normal(size=(100, 20)), (6, 1))
    y = np.tile(generator.permutation(["u", "v"] * 50), 6)
    if as_frame:
        X = pd.DataFrame(X).add_prefix("x").assign(kind=["a", "b"] * 300, number=range(600))
    classifier = make(model="mlp", folds=3, lr=0.5, epochs=20).fit(X, y)
    assert classifier.predict_proba(X).max(axis=1).mean() < 0.85


@pytest.mark.shared
def test_invalid_data_and_parameters_are_rejected(make, iris):
    X, y = iris
    with pytest.raises(ValueError, match="only one class"):
        make().fit(X[:10], y[:10])
    with pytest.raises(ValueError, match="unknown model 'mpl'"):
        make(model="mpl").fit(X, y)
    with pytest.raises(ValueError, match="epochs"):
        make(epochs=0).fit(X, y)
    with pytest.raises(ValueError, match="lenet does not fit"):
        make(model="lenet").fit(X, y)
    with pytest.raises(ValueError, match="too large for float32"):
        make().fit(X * 1e300, y)
    with pytest.raises(ValueError, match="uint8"):
        make().fit(np.ones((len(y), 4, 4)), y)
    with pytest.raises(DivergenceError, match="smaller"):
        make(lr=1e38).fit(X, y)
    with pytest.raises(NotFittedError):
        make().predict(X)
