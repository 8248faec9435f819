"""Splits of a table by group and by time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.splitting import split_groups, split_times
from hardmax.errors import ArgumentError, DataError


@given(st.integers(2, 25), st.integers(2, 4), st.floats(0.1, 0.5), st.integers(0, 2**32))
def test_a_group_is_never_divided(count, classes, fraction, seed):
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(count), generator.integers(1, 9, count))
    # Half of the time all rows of a group have one class, as of patients with a diagnosis.
    per_row = generator.integers(0, classes, len(groups))
    labels = per_row if seed % 2 else per_row[groups]
    try:
        rest, chosen = split_groups(labels, fraction, seed % 1000, groups)
    except ArgumentError:
        if len(np.unique(groups)) == len(groups):  # split as without groups
            return
        # Only if every group that could be split off is large, or has all rows of a class.
        for group in range(count):
            others = labels[groups != group]
            is_last = len(np.unique(others)) < len(np.unique(labels))
            assert is_last or (groups == group).sum() > 2 * fraction * len(groups)
        return
    assert sorted([*rest, *chosen]) == [*range(len(groups))]
    assert not {*groups[rest]} & {*groups[chosen]}
    assert {*labels[rest]} == {*labels}
    if len(np.unique(groups)) < len(groups):
        assert len(chosen) <= 3 * fraction * len(groups) + classes


@given(st.lists(st.integers(0, 20), min_size=2, max_size=60), st.floats(0.05, 0.95))
def test_the_last_rows_are_split_off(times, fraction):
    times = np.array(times, float)
    try:
        rest, chosen = split_times(times, fraction)
    except ArgumentError:
        assert len(np.unique(times)) == 1 or round(fraction * len(times)) in (0, len(times))
        return
    assert sorted([*rest, *chosen]) == [*range(len(times))]
    assert times[rest].max() < times[chosen].min()


def visits(count=240, seed=0):
    generator = np.random.default_rng(seed)
    patient = generator.integers(0, 40, count)
    frame = pd.DataFrame({"a": generator.normal(size=count), "patient": patient})
    frame["day"] = pd.date_range("2020-01-01", periods=count).astype(str)[
        generator.permutation(count)
    ]
    return frame.assign(y=np.where(patient % 2, "u", "v"))


def parts(path, frame, **options):
    frame.to_csv(path, index=False)
    dataset = load(str(path), Reading(label="y", **options))
    pairs = (dataset.train, dataset.validation, dataset.test)
    return dataset, [frame.iloc[part.places] for part in pairs if part is not None]


def test_groups_are_on_one_side_of_every_split(tmp_path):
    frame = visits()
    frame.loc[[3, 50], ["a", "day"]] = [0.5, "2020-03-01"]  # copies but for the patient
    dataset, (train, validation, test) = parts(
        tmp_path / "a.csv", frame, group="patient", validation=0.25
    )
    sets = [{*part["patient"]} for part in (train, validation, test)]
    assert sets[0] | sets[1] | sets[2] == {*frame["patient"]}
    assert sum(map(len, sets)) == len(sets[0] | sets[1] | sets[2])
    assert sum(3 in part.index and 50 in part.index for part in (train, validation, test)) == 1
    assert 30 <= len(test) <= 66
    assert [code.name for code in dataset.encoding.columns] == ["a", "day"]
    assert any("with all rows of the same 'patient' on one side" in n for n in dataset.notices)


def test_rows_without_a_group_are_groups_of_their_own(tmp_path):
    frame = visits()
    frame.loc[frame["patient"] > 4, "patient"] = np.nan
    _, (train, test) = parts(tmp_path / "a.csv", frame, group="patient")
    known = [{*part["patient"].dropna()} for part in (train, test)]
    assert not known[0] & known[1]
    assert abs(len(test) - 48) <= 20


def test_the_last_rows_are_the_test_set(tmp_path):
    frame = visits()
    dataset, (train, validation, test) = parts(
        tmp_path / "a.csv", frame, time="day", validation=0.25
    )
    assert [len(train), len(validation), len(test)] == [144, 48, 48]
    assert train["day"].max() < validation["day"].min() < validation["day"].max()
    assert validation["day"].max() < test["day"].min()
    assert [code.name for code in dataset.encoding.columns] == ["a", "patient"]
    notice = "48 of 240 examples, the last ones by 'day', were split off"
    assert any(one.endswith(notice) for one in dataset.notices)


def test_rows_without_a_time_come_first(tmp_path):
    frame = visits()
    frame.loc[:9, "day"] = None
    dataset, (train, _) = parts(tmp_path / "a.csv", frame, time="day")
    assert {*range(10)} <= {*train.index}
    assert any("10 rows have no 'day'; they come first" in one for one in dataset.notices)


def test_columns_that_cannot_split_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    visits().assign(kind="k").to_csv(path, index=False)
    for options, words in {
        ("group", "person"): "no column 'person'; it has a, patient",
        ("time", "hour"): "no column 'hour'",
        ("time", "kind"): "is a category; time must be a date or a number",
        ("group", "kind"): "too few to split one off",
    }.items():
        with pytest.raises(DataError, match=words):
            load(str(path), Reading(label="y", **dict([options])))
    with pytest.raises(ArgumentError, match="use one of them"):
        Reading(label="y", group="patient", time="day")


def test_other_data_need_not_have_the_column_that_splits(tmp_path):
    frame = visits()
    dataset, _ = parts(tmp_path / "a.csv", frame, group="patient")
    frame.drop(columns="patient").to_csv(tmp_path / "b.csv", index=False)
    reading = Reading(
        label="y", group="patient", whole=True, encoding=dataset.encoding, classes=dataset.classes
    )
    assert len(load(str(tmp_path / "b.csv"), reading).test) == 240
