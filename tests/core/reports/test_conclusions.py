"""The first sentences of a report say how good a run is, where it fails, and what to do next.

Each test prepares a run of a kind and reads the sentences.
"""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.reports.advice import Finished, conclusions
from hardmax.reports.conclusions import Outcome, failures, percent, result
from hardmax.reports.suspects import Suspect, Suspects

SETTINGS = {"lr": 0.1, "optimizer": "sgd", "schedule": "constant", "augment": "none"}
#: Losses that had settled, on both sets.
SETTLED = [(0.30, 0.31), (0.2, 0.21), (0.2, 0.21)]


def classified(labels, predictions, confidence=None, classes=("cat", "dog", "owl"), **more):
    """Return the evaluation of predictions, each of a confidence; by default it is the accuracy."""
    labels, predictions = np.array(labels), np.array(predictions)
    if confidence is None:
        confidence = np.clip((labels == predictions).mean(), 0.4, 0.999)
    count = len(classes)
    p = np.full((len(labels), count), (1 - confidence) / (count - 1))
    p[np.arange(len(labels)), predictions] = confidence
    return ClassifierEvaluation(np.log(p), labels, classes=classes, **more)


def history(losses, accuracy=0.9):
    return [
        {
            "epoch": number,
            "train_loss": train,
            "val_loss": held_out,
            "train_accuracy": accuracy,
            "val_accuracy": accuracy,
        }
        for number, (train, held_out) in enumerate(losses, 1)
    ]


def read(evaluation, losses=SETTLED, baselines=(), suspects=(), accuracy=0.9, **sections):
    """Return the sentences about a run."""
    record = {
        "settings": SETTINGS | sections.pop("settings", {}),
        "data": {"validation": 50, "preprocessing": {}} | sections.pop("data", {}),
        "results": {"interrupted": False, "stopped_early": False} | sections.pop("results", {}),
        **sections,
    }
    finished = Finished(
        record=record,
        outcome=Outcome(evaluation, "images", baselines),
        epochs=history(losses, accuracy),
        held_out="validation",
        suspects=suspects,
    )
    return conclusions(finished)


def baseline(name, accuracy, p, features=7, lead=-9):
    """Return the record of a baseline that classifies ``lead`` more examples correctly."""
    return {
        "name": name,
        "accuracy": accuracy,
        "loss": 1.0,
        "p": p,
        "features": features,
        "only_baseline": 20 + lead,
        "only_network": 20,
    }


def spread(classes, each, wrong):
    """Return labels and predictions; of each class the first ``wrong`` are taken for the next."""
    labels = np.repeat(np.arange(classes), each)
    predictions = np.where(np.tile(np.arange(each) < wrong, classes), labels + 1, labels)
    return labels, predictions % classes


def test_a_good_run():
    baselines = [
        baseline("most frequent class", 1 / 3, 1e-9, features=0),
        baseline("LogisticRegression", 0.81, 2e-7),
    ]
    found = read(classified(*spread(3, 100, 4)), baselines=baselines)
    interval = binomtest(288, 300).proportion_ci(0.95, method="wilson")
    assert found == [
        "96.0 % of the 300 test images are classified correctly (95 % interval: "
        f"{percent(interval.low)} to {percent(interval.high)}), better than always predicting the "
        "most frequent class, cat, which would be correct on 33.3 %; it beats the best baseline, "
        "LogisticRegression with 81.0 % (more than noise; McNemar's test: p < 0.0001).",
        "No class is recognized clearly worse than the others: they have a recall of 96.0 % each.",
        "Nothing needs to be mended, and the probabilities can be taken at face value: that of the "
        "predicted class is 96.0 % on average.",
    ]


def test_a_run_that_is_as_good_as_chance():
    labels = np.repeat([0, 1, 2], 60)
    predictions = np.random.default_rng(0).integers(0, 3, 180)
    found = read(classified(labels, predictions))
    assert len(found) == 2
    assert "no better than always predicting the most frequent class, cat, which" in found[0]
    assert "(the difference may be noise; McNemar's test: p = " in found[0]
    assert found[1].startswith("Before training longer, check that each label belongs to its")


def test_a_run_with_one_class_failing():
    labels, predictions = spread(3, 100, 2)
    predictions[200:270] = 1
    predictions[270:285] = 0
    found = read(classified(labels, predictions))
    assert found[1] == ("It fails on owl: of 100 images, 85 are misclassified, 70 of them as dog.")
    assert found[2].startswith("Collect more examples that show owl beside dog.")
    suspect = Suspect("a.png", "owl", 0.1, "dog", 0.8)
    sets = [Suspects("test", 300, "file", [suspect] * 2, None)]
    found = read(classified(labels, predictions), suspects=sets)
    assert found[2].startswith(
        "Collect more examples that show owl beside dog, and check the labels of the 2 of owl that "
        "are suspects."
    )


def test_several_weak_classes():
    labels, predictions = spread(12, 100, 0)
    for number in range(5):
        predictions[100 * number : 100 * number + 40 - number] = 11
    names = tuple("abcdefghijkl")
    outcome = Outcome(classified(labels, predictions, classes=names), "rows")
    found = failures(outcome)
    assert found.startswith("It is weak on a: of 100 rows, 40 are misclassified, all of them as l.")
    assert [f"It is weak on {name}:" in found for name in names] == [True] * 3 + [False] * 9
    assert found.endswith(" 2 more classes are weak.")


def test_a_class_that_is_not_worse_beyond_noise_is_not_weak():
    labels, predictions = spread(3, 20, 1)
    predictions[40:43] = 0
    assert failures(Outcome(classified(labels, predictions), "rows")) == (
        "No class is recognized clearly worse than the others: they have a recall of 85.0 % (owl) "
        "to 95.0 % (cat)."
    )


def test_a_run_with_a_tiny_test_set():
    labels, predictions = spread(3, 5, 1)
    found = read(classified(labels, predictions))
    interval = binomtest(12, 15).proportion_ci(0.95, method="wilson")
    assert found[-1].startswith(
        "Test on more images: with 15, the accuracy on new ones may be anything from "
        f"{percent(interval.low)} to {percent(interval.high)}."
    )
    assert "better than always predicting" in found[0]


def test_an_overconfident_run():
    evaluation = classified(*spread(3, 100, 20), confidence=0.97)
    sentence = "The probabilities are too high: that of the predicted class is 97.0 % on average, "
    assert read(evaluation)[-1] == f"{sentence}so calibrate them: hardmax calibrate RUN."
    assert read(evaluation, data={"validation": 0})[-1] == (
        f"{sentence}so train with --validation 0.1, then calibrate them: hardmax calibrate RUN."
    )
    done = read(evaluation, calibration={"temperature": 2.0})[-1]
    assert done.startswith(f"{sentence}although they were calibrated")
    low = read(classified(*spread(3, 100, 5), confidence=0.5))[-1]
    assert low.startswith("The probabilities are too low: ")


def test_a_run_with_two_classes():
    labels = np.repeat([0, 1], [80, 120])
    predictions = labels.copy()
    predictions[:24] = 1
    found = read(classified(labels, predictions, classes=("no", "yes")))
    assert "the most frequent class, yes, which would be correct on 60.0 %." in found[0]
    assert found[1] == "It is weak on no: of 80 images, 24 are misclassified, all of them as yes."
    assert found[2].startswith("Collect more examples that show no beside yes.")


@pytest.mark.parametrize(("loss", "shown"), [(math.nan, "not finite"), (9.5, "9.5")])
def test_a_run_that_diverged(loss, shown):
    labels = np.arange(300) % 3
    found = read(classified(labels, np.zeros(300, int)), losses=[(2.0, 2.0), (loss, loss)])
    assert found[1] == "It predicts cat for 100.0 % of them."
    assert found[2].startswith(
        f"The network learned nothing: its training loss ended at {shown}, and guessing gives "
        f"{math.log(3):.3g}. Train with a smaller learning rate (--lr 0.01)."
    )


def test_a_run_that_was_barely_trained():
    evaluation = classified(*spread(3, 100, 20))
    one = read(evaluation, losses=[(1.0, 0.9)])
    assert one[-1] == "Train for more epochs: it was trained for one only."
    falling = read(evaluation, losses=[(1.0, 0.9), (0.8, 0.75), (0.7, 0.6)])[-1]
    assert falling == (
        "Train for more epochs: the validation loss was still falling at the end, from 0.75 to 0.6 "
        "in the last epoch."
    )
    over = classified(*spread(3, 100, 20), confidence=0.97)
    assert read(over, losses=[(1.0, 0.9), (0.8, 0.75), (0.7, 0.6)])[-1] == falling
    annealed = {"settings": {"schedule": "cosine"}}
    losses = [(1.0, 0.9), (0.5, 0.6), (0.1, 0.5)]
    assert "more epochs" not in read(evaluation, losses=losses, **annealed)[-1]
    losses = [(1.0, 0.9), (0.8, 0.7), (0.7, 0.5)]
    assert "more epochs" in read(evaluation, losses=losses, **annealed)[-1]
    stopped = {"results": {"stopped_early": True}}
    assert "more epochs" not in read(evaluation, losses=losses, **stopped)[-1]
    interrupted = read(evaluation, results={"interrupted": True})[-1]
    assert interrupted == "The training was interrupted: let it run to the end."


def test_a_run_whose_column_gives_the_class_away(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    rows = [f"{rng.normal():.3f},{label + 5},{'ab'[label]}" for label in labels]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["x,the code,kind", *rows]) + "\n")
    data = load(str(path), Reading(label="kind"))
    test = data.test.labels
    evaluation = classified(test, test, classes=data.classes)
    found = read(evaluation, data={"preprocessing": data.preprocessing})
    count = len(data.train)
    assert found[-1].startswith(
        f"Column the code alone gives the class away: it classifies {count} of {count} training "
        "rows correctly. If it is not known when new rows are classified, these figures do not "
        "hold for them: train again with --drop 'the code'."
    )


def test_an_imbalanced_run():
    labels = np.repeat([0, 1], [470, 30])
    predictions = labels.copy()
    predictions[480:] = 0
    evaluation = classified(labels, predictions, classes=("fine", "broken"))
    counts = {"class_counts": {"train": [1880, 120]}}
    found = read(evaluation, data=counts)
    assert "would be correct on 94.0 %" in found[0]
    assert found[1] == (
        "It fails on broken: of 30 images, 20 are misclassified, all of them as fine."
    )
    assert found[2] == (
        "Collect more examples of broken, of which only 120 of 2000 training images are, or give "
        "all classes the same total weight (--class-weights balanced)."
    )
    weighted = read(evaluation, data=counts, settings={"class_weights": "balanced"})
    assert weighted[2].endswith("of which only 120 of 2000 training images are.")
    never = classified(labels, np.zeros(500, int), classes=("fine", "broken"))
    assert read(never, data=counts)[1] == "It predicts fine for 100.0 % of them."


def test_a_calibrated_run():
    evaluation = classified(*spread(3, 100, 10), confidence=0.97)
    assert "too high" in read(evaluation)[-1]
    scores = evaluation.scores
    for temperature in np.arange(1, 3, 0.01):
        evaluation = ClassifierEvaluation(
            scores, evaluation.labels, classes=evaluation.classes, temperature=temperature
        )
        if evaluation.confidence.mean() < 0.9:
            break
    found = read(evaluation, calibration={"temperature": temperature})
    assert found[-1].startswith("Nothing needs to be mended, and the probabilities can be taken at")


@pytest.mark.parametrize(
    ("accuracy", "p", "words", "advice"),
    [
        (0.99, 1e-6, "it is beaten by the best baseline, LogisticRegression with 99.0 %", "Use Lo"),
        (0.91, 0.5, "the best baseline, LogisticRegression, is about as good with 91.0 %", "Noth"),
    ],
)
def test_a_baseline_that_is_as_good_or_better(accuracy, p, words, advice):
    frequent = baseline("most frequent class", 0.995, 0.5, features=0)
    baselines = [baseline("LogisticRegression", accuracy, p, lead=9), frequent]
    found = read(classified(*spread(3, 100, 10)), baselines=baselines)
    assert words in found[0]
    assert found[-1].startswith(advice)


def test_weights_that_reverse_a_difference_leave_it_open():
    labels, predictions = np.repeat([0, 1], [20, 110]), np.zeros(130, int)
    predictions[20:70] = 1
    weights = np.where(labels == 0, 9.0, 1.0)
    evaluation = classified(labels, predictions, classes=("a", "b"), weights=weights)
    # 80 of 130, against 110, but 230 of the total weight of 290.
    assert evaluation.accuracy == pytest.approx(230 / 290)
    outcome = Outcome(evaluation, "rows", [baseline("HGB", 0.1, 1e-5, lead=30)])
    found = result(outcome)
    assert "no better than always predicting the most frequent class, b," in found
    assert "the best baseline, HGB, is about as good" in found
    assert not outcome.has_skill


def test_a_rare_class_that_is_told_apart_is_a_skill():
    labels = np.repeat([0, 1], [900, 100])
    predictions = labels.copy()
    predictions[:60] = 1
    predictions[900:950] = 0
    evaluation = classified(labels, predictions, classes=("fine", "broken"))
    found = read(evaluation)
    assert "no better than always predicting the most frequent class, fine, which" in found[0]
    assert found[0].endswith("), but tells the classes apart.")
    assert found[1].startswith("It is weak on broken: of 100 images, 50 are misclassified")
    predictions[:300] = 1
    evaluation = classified(labels, predictions, classes=("fine", "broken"))
    assert not Outcome(evaluation, "rows").has_skill
    assert Outcome(evaluation, "rows", has_class_weights=True).has_skill


def test_too_few_examples_tell_nothing_about_the_most_frequent_class():
    labels = np.repeat([0, 1], [30, 4])
    found = read(classified(labels, labels, classes=("fine", "broken")))
    assert "but they are too few to tell whether that is better than always predicting" in found[0]
    assert "check that each label" not in found[-1]


def test_copies_count_once():
    labels, predictions = np.tile([0, 1], 3), np.tile([0, 0], 3)
    evaluation = classified(np.tile(labels, 9), np.tile(predictions, 9), classes=("a", "b"))
    assert not Outcome(evaluation, "rows").has_skill
    assert Outcome(evaluation, "rows", groups=np.tile(np.arange(6), 9)).has_skill


def test_a_run_that_memorized_its_training_set():
    evaluation = classified(*spread(3, 100, 20))
    found = read(evaluation, accuracy=1.0)[-1]
    assert found == (
        "Train on more images, or change them at random (--augment auto): 100.0 % of those in "
        "training were classified correctly in the last epoch."
    )
    augmented = read(evaluation, accuracy=1.0, settings={"augment": "flip"})[-1]
    assert augmented.startswith("Train on more images: 100.0 %")


def test_many_suspects_are_worth_a_look():
    suspect = Suspect("a.png", "cat", 0.1, "dog", 0.8)
    evaluation = classified(*spread(3, 100, 5))
    sets = [Suspects("test", 300, "file", [suspect] * 5, None)]
    found = read(evaluation, suspects=sets)[-1]
    assert found == (
        "Check the labels of the 5 images that are suspects; the most suspicious are listed below."
    )
    few = [Suspects("test", 300, "file", [suspect] * 4, None)]
    assert "suspects" not in read(evaluation, suspects=few)[-1]


def test_at_most_two_pieces_of_advice():
    labels, predictions = spread(3, 5, 1)
    found = read(classified(labels, predictions, confidence=0.99), losses=[(1.0, 0.9)])
    assert found[-1].count(". ") == 1
    assert found[-1].startswith("Test on more images")
    assert found[-1].endswith("Train for more epochs: it was trained for one only.")


def test_weighted_figures_have_no_interval():
    labels, predictions = spread(3, 100, 4)
    evaluation = classified(labels, predictions, weights=np.linspace(1, 2, 300))
    found = read(evaluation)[0]
    assert f"{percent(evaluation.accuracy)} of the 300 test images are classified correctly, " in (
        found
    )
    assert "weighted by their weights, better than always" in found


def test_a_test_set_of_one_class_says_nothing():
    (found,) = read(classified([0, 0, 0, 0], [0, 0, 0, 1]))
    assert found.endswith("; as all are of one class, this says nothing.")
