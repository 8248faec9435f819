"""Permutation importance against scikit-learn, and partial dependence against its formula."""

import numpy as np
import pytest
from sklearn.inspection import permutation_importance as of_scikit_learn
from sklearn.linear_model import LogisticRegression

from hardmax.evaluation import importance
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.importance import Change, partial_dependence, permutation_importance

#: The last column has two features.
COLUMNS = [("strong", slice(0, 1)), ("ignored", slice(1, 2)), ("weak", slice(2, 4))]


@pytest.fixture(scope="module")
def case():
    """Rows, a model of three of their four features, its scores of rows, and the evaluation."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 4)).astype(np.float32)
    labels = (values @ [2, 0, 0.6, 0.3] + rng.logistic(size=400) > 0).astype(np.int64)
    model = LogisticRegression().fit(values, labels)
    model.coef_[0, 1] = 0

    def score(rows):
        return model.predict_log_proba(rows.astype(np.float64))

    return values, labels, model, score, ClassifierEvaluation(score(values), labels)


def test_the_importance_is_that_of_scikit_learn(case):
    values, labels, model, score, evaluation = case
    single = [(str(i), slice(i, i + 1)) for i in range(4)]
    found = permutation_importance(score, values, evaluation, single, repeats=60, seed=1)
    assert [one.loss for one in found] == sorted((one.loss for one in found), reverse=True)
    expected = of_scikit_learn(
        model, values, labels, scoring=("accuracy", "neg_log_loss"), n_repeats=60, random_state=2
    )
    for name, scoring in (("accuracy", "accuracy"), ("loss", "neg_log_loss")):
        other = expected[scoring]
        for one in found:
            mean, std = getattr(one, name), getattr(one, f"{name}_std")
            column = int(one.column)
            error = 4 * np.hypot(std, other.importances_std[column]) / np.sqrt(60)
            assert mean == pytest.approx(other.importances_mean[column], abs=error + 1e-12)
            assert std == pytest.approx(other.importances_std[column], rel=0.4, abs=1e-12)


def test_the_features_of_a_column_are_permuted_together(case):
    values, _, _, score, evaluation = case
    seen = []

    def watched(rows):
        seen.append(rows)
        return score(rows)

    permutation_importance(watched, values, evaluation, COLUMNS, repeats=2, seed=0)
    changed = np.concatenate(seen).reshape(6, *values.shape)
    for number, rows in enumerate(changed):
        span = COLUMNS[number // 2][1]
        other = np.delete(np.arange(4), span)
        np.testing.assert_array_equal(rows[:, other], values[:, other])
        assert not np.array_equal(rows[:, span], values[:, span])
        ordered = [one[np.lexsort(one.T)] for one in (rows[:, span], values[:, span])]
        np.testing.assert_array_equal(*ordered)


def test_a_column_that_is_not_used_has_no_importance(case):
    values, _, _, score, evaluation = case
    found = permutation_importance(score, values, evaluation, COLUMNS, repeats=3, seed=0)
    assert [one.column for one in found] == ["strong", "weak", "ignored"]
    assert (found[2].accuracy, found[2].accuracy_std) == (0, 0)
    assert (found[2].loss, found[2].loss_std) == pytest.approx((0, 0), abs=1e-12)


def test_it_does_not_matter_how_many_rows_are_scored_at_a_time(case, monkeypatch):
    values, _, _, score, evaluation = case
    whole = permutation_importance(score, values, evaluation, COLUMNS, repeats=5, seed=3)
    monkeypatch.setattr(importance, "CELLS", 4 * values.size)
    assert permutation_importance(score, values, evaluation, COLUMNS, repeats=5, seed=3) == whole


def test_partial_dependence_is_the_mean_over_the_rows(case):
    values, _, model, score, evaluation = case
    grids = [
        Change(slice(2, 4), np.array([[0.0, 1.0], [1.0, 0.0], [-2.0, 2.0]], np.float32)),
        Change(slice(0, 1), np.array([[-1.0]], np.float32)),
    ]
    found = partial_dependence(score, values, evaluation, grids)
    assert [one.shape for one in found] == [(3, 2), (1, 2)]
    for (span, grid), means in zip(grids, found, strict=True):
        for features, mean in zip(grid, means, strict=True):
            rows = values.copy()
            rows[:, span] = features
            np.testing.assert_allclose(mean, model.predict_proba(rows).mean(axis=0), rtol=1e-6)
