"""A training that learned nothing is told from one that did."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binomtest

from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.runs.failures import of_accuracy, of_losses
from hardmax.runs.settings import Settings

CLASSES = ("u", "v", "w")
SETTINGS = Settings(data="digits", model="mlp", lr=0.5)
GUESSING = math.log(3)


def evaluation(labels, predictions):
    scores = np.eye(3)[np.asarray(predictions)]
    return ClassifierEvaluation(scores, np.asarray(labels), classes=CLASSES)


def of_counts(count, majority, better, worse):
    """Return the line on a classifier that is right on some others, and wrong on some of u."""
    labels = np.repeat([0, 1], [majority, count - majority])
    predictions = np.zeros(count, int)
    predictions[majority : majority + better] = 1
    predictions[:worse] = 1
    return [*of_accuracy(evaluation(labels, predictions), ("row", "rows"))]


@pytest.mark.parametrize("better", [*range(6, 30, 3)])
@pytest.mark.parametrize("worse", [0, 5, 12])
def test_better_than_the_majority_class_is_what_mcnemar_s_test_says(better, worse):
    p = binomtest(better, better + worse).pvalue
    found = of_counts(100, 60, better, worse)
    assert bool(found) == (better <= worse or p >= 0.05)
    if found:
        assert found[0].startswith(
            f"not better than the majority class: of 100 test rows {60 + better - worse} are "
            f"classified correctly, and 60 by always predicting u (McNemar's test: p = {p:.3g}); "
        )


def test_the_majority_class_itself_is_not_better():
    assert of_counts(100, 60, 0, 0)
    assert of_counts(100, 94, 0, 5)


def test_test_sets_on_which_nobody_could_be_better_are_not_judged():
    """Of 6 or more other examples, a perfect classifier has p <= 2^-5."""
    assert of_counts(10, 5, 5, 0) == of_counts(10, 5, 0, 5) == of_counts(100, 95, 0, 5) == []
    assert of_counts(100, 94, 6, 0) == []
    assert of_counts(100, 94, 5, 0)
    assert of_counts(100, 95, 0, 50)  # significantly worse


def test_noise_is_rarely_taken_for_better_and_a_useful_classifier_never_for_noise():
    generator = np.random.default_rng(0)
    warned = 0
    for _ in range(200):
        labels = generator.integers(0, 3, 300)
        warned += len([*of_accuracy(evaluation(labels, generator.integers(0, 3, 300)), ("", ""))])
        useful = np.where(generator.random(300) < 0.4, labels, generator.integers(0, 3, 300))
        assert [*of_accuracy(evaluation(labels, useful), ("", ""))] == []
    assert warned >= 190


def losses(*pairs):
    states = [SimpleNamespace(record={"train_loss": a, "val_loss": b}) for a, b in pairs]
    return [*of_losses(SETTINGS, CLASSES, states)]


def test_a_loss_above_that_of_guessing_is_noticed():
    (found,) = losses((GUESSING + 0.02, GUESSING + 0.01))
    assert found == (
        "the training finished with a loss of 1.12, worse than guessing: equal probabilities for 3 "
        "classes give 1.1; try another --lr than 0.5 or more --epochs, and check the labels"
    )
    (found,) = losses((4.0, 5.0))
    assert found.endswith("try a smaller --lr than 0.5, such as 0.1")
    (found,) = losses((0.1, 0.2), (2.0, None))
    assert "a loss of 2," in found


def test_a_loss_above_that_of_guessing_on_one_set_alone_is_no_fault():
    assert losses((1.2, 0.4)) == losses((0.1, 3.0)) == losses((GUESSING, GUESSING)) == []
