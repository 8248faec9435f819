"""The examples whose labels may be wrong, in a report, as JSON and as CSV."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from hardmax.data.datasets import Images, Vectors
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.reports.suspects import SHOWN, Suspects, as_csv, as_json, described

CLASSES = ("=a,b", 'the "b"', "c")
rng = np.random.default_rng(0)


def case(count=60, wrong=5, seed=0):
    """Return scores of three classes, and labels of which the first few are certainly wrong."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, count)
    scores = rng.normal(0, 0.5, (count, 3))
    scores[np.arange(count), true] += 4
    scores[:wrong] *= 1.5
    labels = true.copy()
    labels[:wrong] = (true[:wrong] + 1) % 3
    return scores, labels, true


def images(labels, names=None):
    pixels = rng.integers(0, 256, (len(labels), 4, 3, 1), dtype=np.uint8)
    return Images(pixels, labels, names=names)


def rows(labels):
    return Vectors(np.zeros((len(labels), 1), np.float32), labels, np.arange(len(labels))[::-1])


def test_suspects_have_the_names_and_probabilities_of_both_classes():
    scores, labels, true = case()
    evaluation = ClassifierEvaluation(scores, labels, classes=CLASSES, temperature=2.0)
    examples = images(labels)
    found = Suspects.of("test", examples, evaluation)
    assert (found.part, found.count, found.source) == ("test", 60, "index")
    p = softmax(scores / 2, axis=1)
    ranked = sorted(range(5), key=lambda i: p[i, labels[i]] - p[i].max())
    assert [suspect.place for suspect in found.found] == ranked
    for i, suspect in zip(ranked, found.found, strict=True):
        assert (suspect.label, suspect.predicted) == (CLASSES[labels[i]], CLASSES[true[i]])
        assert suspect.label_probability == pytest.approx(p[i, labels[i]])
        assert suspect.predicted_probability == pytest.approx(p[i, true[i]])
    np.testing.assert_array_equal(found.images, examples.images[ranked])


def test_an_evaluation_of_some_examples_finds_them_among_all():
    scores, labels, _ = case()
    seen = np.r_[2:4, 10:60]
    evaluation = ClassifierEvaluation(scores[seen], labels[seen])
    examples = images(labels)
    found = Suspects.of("training", examples, evaluation, seen)
    assert {suspect.place for suspect in found.found} == {2, 3}
    places = [suspect.place for suspect in found.found]
    np.testing.assert_array_equal(found.images, examples.images[places])


def test_a_report_shows_the_first_and_json_and_csv_have_all():
    scores, labels, _ = case(300, 2 * SHOWN)
    found = Suspects.of("test", rows(labels), ClassifierEvaluation(scores, labels))
    assert len(found.found) == 2 * SHOWN
    assert found.shown == found.found[:SHOWN]
    assert found.images is None
    assert {suspect.place for suspect in found.found} == {*range(300 - 2 * SHOWN + 1, 301)}
    written = json.loads(json.dumps(as_json([found])))
    assert written == {"test": {"count": 2 * SHOWN, "examples": found.records()}}
    table = pd.read_csv(io.StringIO(as_csv([found])))
    assert table.drop(columns="set").to_dict("records") == [
        {**record, "label": int(record["label"]), "predicted": int(record["predicted"])}
        for record in found.records()
    ]


def test_sets_of_different_sources_share_a_csv():
    scores, labels, _ = case()
    evaluation = ClassifierEvaluation(scores, labels, classes=CLASSES)
    names = np.array([f"{i}\n\udce9.png" for i in range(60)], object)
    sets = [
        Suspects.of("training", images(labels, names), evaluation),
        Suspects.of("test", images(labels), evaluation),
    ]
    table = pd.read_csv(io.StringIO(as_csv(sets)))
    assert [*table] == [
        *("set", "file", "index", "label", "label_probability"),
        *("predicted", "predicted_probability"),
    ]
    assert table["set"].tolist() == ["training"] * 5 + ["test"] * 5
    assert table["file"][:5].tolist() == [
        rf"{i}\n\udce9.png" for i in table["index"][5:].astype(int)
    ]
    assert {*table["label"]} <= {*CLASSES}


def test_their_numbers_in_words():
    scores, labels, true = case()
    some = Suspects.of("training", rows(labels), ClassifierEvaluation(scores, labels))
    none = Suspects.of("test", rows(true), ClassifierEvaluation(scores, true))
    assert described([some, none]) == "5 of 60 training examples may be mislabeled"
    assert described([some, some]).startswith("5 of 60 training and 5 of 60 training examples")
    assert described([none]) == described([]) == ""
    assert as_csv([none]).splitlines() == [
        "set,row,label,label_probability,predicted,predicted_probability"
    ]
