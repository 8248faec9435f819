"""Decision rules: reading and applying costs, and abstaining."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.errors import ArgumentError, DataError
from hardmax.evaluation.decision_rules import (
    ABSTAIN,
    Costs,
    abstaining,
    check_below,
    coverage_curve,
    named,
    outcomes,
    read_costs,
)


def costs_of(tmp_path, text):
    path = tmp_path / "costs.csv"
    path.write_text(text, encoding="utf-8")
    return read_costs(path, ["well", "ill"])


def test_least_expected_cost_costs_less_than_argmax(tmp_path):
    costs = costs_of(tmp_path, "true,ask,ill,well\nill,2,0,50\nwell,2,1,0\n")
    assert costs.decisions == ("well", "ill", "ask")
    np.testing.assert_array_equal(costs.matrix, [[0, 1, 2], [50, 0, 2]])
    rng = np.random.default_rng(0)
    ill = rng.beta(0.3, 3, 5000)
    labels = (rng.random(5000) < ill).astype(int)
    p = np.stack([1 - ill, ill], axis=1)
    ones = np.ones(5000)
    assert (
        costs.mean(labels, costs.decide(p), ones) < costs.mean(labels, p.argmax(axis=1), ones) / 2
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("t,well\nwell,0\nill,1\n", "the class 'ill' is missing from the columns"),
        ("t,well,ill\nwell,0,1\n", "the class 'ill' is missing from the rows"),
        ("t,well,ill\nwell,0,1\nill,1,0\nodd,1,1\n", "'odd' is not one of the classes"),
        ("t,well,ill,ill\nwell,0,1,1\nill,1,0,0\n", "'ill' appears more than once in the columns"),
        ("t,well,ill,\nwell,0,1,2\nill,1,0,2\n", "columns has no name"),
        ("t,well,ill\nwell,0,1\nill,1\n", "line 3: 2 cells"),
        ("t,well,ill\nwell,0,nan\nill,1,0\n", "line 2: .*'nan'"),
        ("t,well,ill\nwell,0,inf\nill,1,0\n", "'inf'"),
        ("t,well,ill\nwell,0,x\nill,1,0\n", "'x'"),
    ],
)
def test_invalid_costs_are_rejected(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        costs_of(tmp_path, text)


def test_unreadable_cost_files_are_rejected_with_the_reason(tmp_path):
    with pytest.raises(DataError, match=r"No such file or directory$"):
        read_costs(tmp_path / "none.csv", ["well"])
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"bytes\.csv"):
        read_costs(tmp_path / "bytes.csv", ["well"])


@st.composite
def probabilities_and_labels(draw):
    """Probabilities with ties, and labels."""
    n, classes = draw(st.integers(1, 30)), draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    scores = rng.integers(0, 4, (n, classes)).astype(float)
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), rng.integers(0, classes, n)


@given(probabilities_and_labels(), st.floats(0, 1))
def test_abstaining_keeps_only_confident_predictions(case, below):
    p, labels = case
    argmax, rule = outcomes(p, labels, np.ones(len(p)), costs=None, below=below)
    correct, confident = p.argmax(axis=1) == labels, p.max(axis=1) >= below
    expected = {
        "rule": "most likely class",
        "coverage": 1,
        "accuracy": correct.mean(),
        "cost": None,
    }
    assert argmax == expected
    assert rule["coverage"] == confident.mean()
    assert rule["accuracy"] == (correct[confident].mean() if confident.any() else None)
    names = named(p, "abcd", None, below)
    assert [name is not None for name in names] == confident.tolist()
    assert all(name in (None, "abcd"[k]) for name, k in zip(names, p.argmax(axis=1), strict=True))


@given(probabilities_and_labels(), st.integers(0, 2), st.integers(0, 10**6))
def test_the_least_expected_cost_agrees_with_a_search_over_all_actions(case, extra, seed):
    p, labels = case
    classes = p.shape[1]
    matrix = np.random.default_rng(seed).integers(-3, 9, (classes, classes + extra)).astype(float)
    costs = Costs(tuple("abcdefgh"[: classes + extra]), matrix)
    best = [
        min(range(classes + extra), key=lambda a, row=row: round(row @ matrix[:, a], 9))
        for row in p
    ]
    chosen = costs.decide(p)
    expected = p @ matrix
    rows = np.arange(len(p))
    np.testing.assert_allclose(expected[rows, chosen], expected[rows, best], atol=1e-8)
    *_, rule = outcomes(p, labels, np.ones(len(p)), costs=costs, below=None)
    assert rule["cost"] == pytest.approx(matrix[labels, chosen].mean())
    assert rule["coverage"] == (chosen < classes).mean()
    assert named(p, "abcd", costs, None) == ["abcdefgh"[action] for action in chosen]


@given(probabilities_and_labels(), st.floats(0, 1), st.integers(0, 10**6))
def test_weighted_examples_count_like_repeated_ones(case, below, seed):
    p, labels = case
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 4, len(p))
    weights[rng.integers(len(p))] += 1
    classes = p.shape[1]
    costs = Costs(tuple("abcd"[:classes]), rng.integers(0, 9, (classes, classes)).astype(float))
    rules = {"costs": costs, "below": below}
    found = outcomes(p, labels, weights.astype(float), **rules)
    rows = np.repeat(np.arange(len(p)), weights)
    expected = outcomes(p[rows], labels[rows], np.ones(len(rows)), **rules)
    for one, other in zip(found, expected, strict=True):
        assert one == {
            name: value if name == "rule" or value is None else pytest.approx(value)
            for name, value in other.items()
        }


def test_abstained_examples_do_not_count_in_the_cost():
    p, labels = np.array([[0.9, 0.1], [0.4, 0.6], [0.6, 0.4]]), np.array([0, 1, 1])
    costs = Costs(("well", "ill"), np.array([[0.0, 1], [50, 0]]))
    argmax, rule, _ = outcomes(p, labels, np.ones(3), costs=costs, below=0.6)
    assert (argmax["cost"], rule["cost"]) == (pytest.approx(50 / 3), pytest.approx(50 / 3))
    none = outcomes(p, labels, np.ones(3), costs=costs, below=1.0)[1]
    expected = {"rule": "abstain below 1", "coverage": 0, "accuracy": None, "cost": None}
    assert none == expected
    assert abstaining(p, 0.7).tolist() == [0, ABSTAIN, ABSTAIN]


@pytest.mark.parametrize("below", [-0.1, 1.1, float("nan")])
def test_a_threshold_that_is_not_a_probability_is_rejected(refused, below):
    with refused(ArgumentError, "0 to 1", below):
        check_below(below)


@given(probabilities_and_labels(), st.booleans())
def test_the_coverage_curve_agrees_with_abstaining(case, weighted):
    p, labels = case
    n = len(labels)
    confidence, correct = p.max(axis=1), p.argmax(axis=1) == labels
    weights = np.arange(n) % 3 + 0.0 if weighted and n > 1 else np.ones(n)
    below, coverage, accuracy = coverage_curve(confidence, correct, weights)
    assert below.tolist() == sorted(set(confidence[weights > 0]), reverse=True)
    for threshold, share, mean in zip(below, coverage, accuracy, strict=True):
        covered = confidence >= threshold
        assert share == pytest.approx(weights[covered].sum() / weights.sum())
        assert mean == pytest.approx(np.average(correct[covered], weights=weights[covered]))
