"""The column of a table that has the weights of its rows."""

import numpy as np
import pandas as pd
import pytest

from hardmax.data.options import Reading
from hardmax.data.tables.read import read_table_dataset
from hardmax.errors import ArgumentError, DataError


@pytest.fixture
def read(tmp_path):
    """A function that writes a table with given weights, and returns its data set."""

    def write_and_read(weights, **options):
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({"a": rng.normal(size=40), "y": rng.choice(["no", "yes"], 40)})
        frame = frame if weights is None else frame.assign(w=weights)
        frame.to_csv(tmp_path / "t.csv", index=False)
        options = {"label": "y", "weight": "w", **options}
        return read_table_dataset(tmp_path / "t.csv", "t", Reading(**options))

    return write_and_read


def test_the_weights_follow_their_rows_into_every_part(read):
    weights = np.arange(40) / 4
    dataset = read(weights, validation=0.3)
    assert [column.name for column in dataset.encoding.columns] == ["a"]
    places = []
    for part in (dataset.train, dataset.validation, dataset.test):
        np.testing.assert_array_equal(part.weights, weights[part.places])
        places += part.places.tolist()
    assert sorted(places) == [*range(1, 40)]
    assert any("1 row of weight 0 is left out" in notice for notice in dataset.notices)


def test_rows_of_weight_0_do_not_count_at_all(read):
    weights = np.where(np.arange(40) < 10, 0, 1)
    dataset = read(weights)
    values = np.concatenate([dataset.train.values, dataset.test.values])
    assert len(values) == 30
    assert min(dataset.train.places.min(), dataset.test.places.min()) == 10
    # The encoding is learned from the other rows alone.
    np.testing.assert_allclose(np.median(dataset.train.values), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("", "row 4: the weight of a row must be a number that is not negative, got nothing"),
        ("-1", "row 4: .* got -1"),
        ("many", "row 4: .* got many"),
        ("inf", "row 4: inf is not allowed; numbers must be finite"),
    ],
)
def test_invalid_weights_are_refused_with_their_row(read, cell, words):
    weights = ["2"] * 40
    weights[3] = cell
    with pytest.raises(DataError, match=words):
        read(weights)


def test_weights_that_are_all_0_or_not_there_are_refused(read):
    with pytest.raises(DataError, match="all weights in column 'w' are 0"):
        read(np.zeros(40))
    with pytest.raises(DataError, match="no column 'v'"):
        read(np.ones(40), weight="v")
    with pytest.raises(DataError, match="the column 'w' is a category; weights must be numbers"):
        read(["high", "low"] * 20)
    with pytest.raises(DataError, match="cannot split or weight the rows"):
        read(np.ones(40), drop=("y",))
    with pytest.raises(ArgumentError, match="label column 'y' cannot have the weights"):
        read(np.ones(40), weight="y")


def test_a_table_to_evaluate_may_lack_the_weights(read):
    trained = read(np.arange(40) + 1)
    options = {"encoding": trained.encoding, "classes": trained.classes, "whole": True}
    dataset = read(None, **options)
    assert dataset.test.weights is None
    assert any("all its rows count equally" in notice for notice in dataset.notices)
    assert read(np.arange(40) + 1, **options).test.weights.tolist() == [*range(1, 41)]
