"""Figures at thresholds, against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.thresholds import LEVELS, POSITIVE, thresholds

NAMES = ("precision", "recall", "f1")


def evaluated(count, weights=None, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    # Some probabilities are exactly 0.5.
    margins = (rng.normal(1.5 * labels - 0.75, 1)).round(1)
    scores = np.stack([np.zeros(count), margins], axis=1)
    return ClassifierEvaluation(scores, labels, weights, classes=("no", "yes"))


@pytest.mark.parametrize("weighted", [False, True])
def test_every_figure_agrees_with_scikit_learn(weighted):
    weights = np.random.default_rng(1).random(300) + 0.1 if weighted else None
    evaluation = evaluated(300, weights)
    found = thresholds(evaluation)
    assert [one["threshold"] for one in found] == [*LEVELS]
    for one in found:
        is_predicted = evaluation.probabilities[:, POSITIVE] >= one["threshold"]
        truth = precision_recall_fscore_support(
            evaluation.labels,
            is_predicted,
            average="binary",
            sample_weight=weights,
            zero_division=0,
        )[:3]
        assert [one[name] for name in NAMES] == pytest.approx([*truth])
        matrix = confusion_matrix(
            evaluation.labels, is_predicted, sample_weight=weights, normalize="all"
        )
        assert one["predicted"] == pytest.approx(matrix[:, 1].sum())
        assert one["false_positive_rate"] == pytest.approx(matrix[0, 1] / matrix[0].sum())


def test_undefined_figures_are_none():
    scores = np.array([[0.0, -1.0], [0.0, -2.0]])
    low, high = (
        thresholds(ClassifierEvaluation(scores, np.array(labels))) for labels in ([0, 0], [1, 1])
    )
    assert low[-1]["precision"] is None
    assert low[0]["recall"] is None
    assert low[-1]["f1"] is None
    assert high[0]["false_positive_rate"] is None
    assert high[0]["recall"] == 1


def test_only_two_classes_have_thresholds():
    assert thresholds(ClassifierEvaluation(np.eye(3), np.arange(3))) == []
    assert thresholds(ClassifierEvaluation(np.ones((3, 1)), np.zeros(3, int))) == []
