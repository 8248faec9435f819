"""The values and groups of a table's columns, against pandas."""

import numpy as np
import pandas as pd
import pytest
from support import mixed_table

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables.values import MISSING, grid, groups


@pytest.fixture(scope="module")
def frame():
    frame = mixed_table(400, seed=3)
    frame["at"] = [f"{hour % 24:02}:{hour % 60:02}" for hour in range(400)]
    frame["words"] = [f"{'good' if i % 3 else 'bad'} work {i}, well done" for i in range(400)]
    return frame


@pytest.fixture(scope="module")
def dataset(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("values") / "mixed.parquet"
    frame.to_parquet(path)
    return load(str(path), Reading(label="outcome"))


@pytest.fixture(scope="module")
def columns(dataset):
    """The encoding and the values of each column in the test rows, by name."""
    pairs = zip(dataset.encoding.columns, dataset.test.columns, strict=True)
    return {code.name: (code, column) for code, column in pairs}


def test_test_rows_have_the_columns_they_were_encoded_from(dataset):
    some = dataset.test.take(np.array([5, 3]))
    for part in (dataset.test, some):
        for place, span in enumerate(dataset.encoding.spans):
            if dataset.encoding.columns[place].kind == "text":
                continue
            encoded = dataset.encoding.encode_column(place, part.columns[place])
            np.testing.assert_array_equal(encoded, part.values[:, span])
    assert dataset.encoding.spans[-1].stop == dataset.encoding.features
    assert dataset.train.columns == ()


def test_the_rows_of_a_category_form_a_group(frame, dataset, columns):
    cells = frame["letter"].to_numpy()[dataset.test.places]
    found = dict(groups(*columns["letter"]))
    assert {*found} == {*"abcd", MISSING}
    for text in "abcd":
        np.testing.assert_array_equal(found[text], cells == text)
    np.testing.assert_array_equal(found[MISSING], pd.isna(cells))


@pytest.mark.parametrize("name", ["number 0", "number 9", "whole", "day", "at"])
def test_quarters_have_about_as_many_rows(columns, name):
    code, column = columns[name]
    found = [*groups(code, column)]
    quarters = [mask for text, mask in found if text != MISSING]
    assert len(quarters) == 4
    total = np.sum(quarters, axis=0)
    np.testing.assert_array_equal(total, ~column.missing)
    assert max(map(np.sum, quarters)) - min(map(np.sum, quarters)) <= 8
    highest = [column.values[mask].max() for mask in quarters]
    lowest = [column.values[mask].min() for mask in quarters]
    assert all(a < b for a, b in zip(highest[:-1], lowest[1:], strict=True))


def test_few_values_are_groups_of_their_own(frame, dataset, columns):
    cells = frame["flag 0"].to_numpy()[dataset.test.places]
    found = dict(groups(*columns["flag 0"]))
    np.testing.assert_array_equal(found["true"], cells == True)  # noqa: E712
    np.testing.assert_array_equal(found["false"], cells == False)  # noqa: E712


def test_grids_have_values_of_the_column(frame, dataset, columns):
    assert grid(*columns["words"]) is None
    assert [*groups(*columns["words"])] == []
    assert grid(*columns["flag 0"]).texts == ["false", "true", MISSING]
    letters = frame["letter"][dataset.test.places].value_counts()
    assert grid(*columns["letter"]).texts[-1] == MISSING
    assert letters[grid(*columns["letter"]).texts[:-1]].is_monotonic_decreasing
    days = frame["day"][dataset.test.places].dropna()
    found = grid(*columns["day"])
    texts = pd.to_datetime(found.texts[:-1])
    assert {*texts} <= {*days}
    assert texts.is_monotonic_increasing
    expected = days.quantile([0.05, 0.5, 0.95], interpolation="nearest")
    assert [texts[0], texts[5], texts[10]] == [*expected]
    assert found.column.missing.tolist() == [False] * 11 + [True]
    assert {*grid(*columns["at"]).texts} <= {*frame["at"]}


def test_a_category_that_did_not_occur_in_training_is_in_no_grid(columns):
    code, column = columns["size"]
    levels = tuple("XL" if level == "M" else level for level in column.levels)
    changed = type(column)(column.values, levels)
    assert {*grid(code, changed).texts} == {"S", "L", MISSING}
    assert "XL" in dict(groups(code, changed))
    known = changed.take(~changed.missing)
    assert grid(code, type(column)(known.values, ("a", "b", "c"))) is None
