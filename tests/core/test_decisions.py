"""Costs that are read and used, and decisions that are left to others."""

import numpy as np
import pytest

from hardmax.decisions import ABSTAIN, abstaining, coverage_curve, read_costs
from hardmax.errors import DataError


def costs_of(tmp_path, text):
    path = tmp_path / "costs.csv"
    path.write_text(text, encoding="utf-8")
    return read_costs(path, ["well", "ill"])


def test_a_screening_test_costs_less_than_by_argmax(tmp_path):
    costs = costs_of(tmp_path, "true,ask,ill,well\nill,2,0,50\nwell,2,1,0\n")
    assert costs.decisions == ("well", "ill", "ask")
    np.testing.assert_array_equal(costs.matrix, [[0, 1, 2], [50, 0, 2]])
    rng = np.random.default_rng(0)
    ill = rng.beta(0.3, 3, 5000)
    labels = (rng.random(5000) < ill).astype(int)
    p = np.stack([1 - ill, ill], axis=1)
    assert costs.mean(labels, costs.decide(p)) < costs.mean(labels, p.argmax(axis=1)) / 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("t,well\nwell,0\nill,1\n", "columns lack the class 'ill'"),
        ("t,well,ill\nwell,0,1\n", "rows lack the class 'ill'"),
        ("t,well,ill\nwell,0,1\nill,1,0\nodd,1,1\n", "'odd' is none of the classes"),
        ("t,well,ill,ill\nwell,0,1,1\nill,1,0,0\n", "'ill' is there twice"),
        ("t,well,ill\nwell,0,1\nill,1\n", "line 3: 2 cells"),
        ("t,well,ill\nwell,0,nan\nill,1,0\n", "line 2: .*'nan'"),
        ("t,well,ill\nwell,0,inf\nill,1,0\n", "'inf'"),
        ("t,well,ill\nwell,0,x\nill,1,0\n", "'x'"),
    ],
)
def test_costs_that_do_not_fit_are_refused(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        costs_of(tmp_path, text)


def test_abstaining_and_the_curve():
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.6, 0.4]])
    assert abstaining(p, 0.7).tolist() == [0, ABSTAIN, ABSTAIN]
    threshold, coverage, accuracy = coverage_curve(p, np.array([0, 1, 1]))
    assert threshold.tolist() == [0.9, 0.6]
    assert coverage == pytest.approx([1 / 3, 1])
    assert accuracy == pytest.approx([1, 2 / 3])
