"""The label column: which rows have a label, and how classes are spelled."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables.labels import read_labels
from hardmax.data.tables.survey import survey_table
from hardmax.errors import DataError
from hardmax.evaluation.decision_rules import read_costs


def labels(path, cells, **options):
    return read_labels(pa.table({"y": cells}), path, "y", **options)


def saved(folder, cells, ending=".csv"):
    """Write a table with a number ``a`` and the labels ``y``."""
    path = folder / f"a{ending}"
    frame = pd.DataFrame({"a": np.arange(len(cells)) / 2, "y": cells})
    frame.to_csv(path, index=False) if ending == ".csv" else frame.to_parquet(path)
    return str(path)


@pytest.mark.parametrize("text", ["None", "NA", "null", "?", "NaN", "n/a", "-", "#N/A"])
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_label_that_looks_missing_is_a_class_in_every_kind_of_file(tmp_path, text, ending):
    path = saved(tmp_path, [text, "a", text, "b"] * 10, ending)
    dataset = load(path, Reading(label="y", whole=True))
    assert {*dataset.classes} == {text, "a", "b"}
    assert np.bincount(dataset.train.labels)[dataset.classes.index(text)] == 20
    (notice,) = (one for one in dataset.notices if "is a class" in one)
    assert f"the label {text} of 20 rows" in notice
    assert f"--label-missing {text}" in notice
    left_out = load(path, Reading(label="y", whole=True, label_missing=(text,)))
    assert left_out.classes == ("a", "b")
    assert len(left_out.train) == 20
    assert "20 rows without a label are left out" in left_out.notices[0]
    assert not any("is a class" in one for one in left_out.notices)


@pytest.mark.parametrize("text", ["9", "9.0"])
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_missing_labels_may_be_spelled_like_any_equal_number(tmp_path, text, ending):
    path = saved(tmp_path, [9.0, 1.0, 9.0, 2.0] * 10, ending)
    dataset = load(path, Reading(label="y", whole=True, label_missing=(text,)))
    assert len(dataset.classes) == 2
    assert len(dataset.train) == 20


@pytest.mark.parametrize(
    ("cells", "rows"),
    [
        (["u", "", None, "  ", "v"], [0, 4]),
        ([1.0, np.nan, None, 2.0], [0, 3]),
        ([True, None, False], [0, 2]),
        (pa.array(["u", None, ""]).dictionary_encode(), [0]),
    ],
)
def test_only_empty_cells_are_missing_labels(tmp_path, cells, rows):
    cells = cells if isinstance(cells, pa.Array) else pa.array(cells)
    assert labels(tmp_path, cells).rows.tolist() == rows


def test_missing_labels_are_told_apart_by_case(tmp_path):
    found = labels(tmp_path, ["None", "none", "a"], missing=("None",))
    assert found.labels == ["none", "a"]
    assert labels(tmp_path, ["a", ""], missing=()).notices == [
        f"{tmp_path}: 1 row without a label is left out"
    ]


@pytest.mark.parametrize(
    ("cells", "spelled"),
    [
        (["True", "False"], ["True", "False"]),
        (["0.0", "1.0"], ["0.0", "1.0"]),
        (["1", "1.0", "1.0", "2"], ["1.0", "1.0", "1.0", "2"]),
        (["1", "1.0"], ["1", "1"]),
        (["TRUE", "true", "no"], ["TRUE", "TRUE", "no"]),
        (["01", "1", "001"], ["01", "1", "001"]),
        ([" a ", "a"], ["a", "a"]),
    ],
)
def test_labels_are_spelled_as_in_the_data(tmp_path, cells, spelled):
    assert labels(tmp_path, cells).labels == spelled


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["1.0", "2.0", "1.0"], ("1", "2")),
        ([1, 2, 1], ("1.0", "2.0")),
        ([1.0, 2.0, 1.0], ("1.0", "2.0")),
        (["True", "False", "True"], ("true", "false")),
        ([True, False, True], ("TRUE", "FALSE")),
        (["1.5", "2.50", "1.5"], ("1.50", "2.5")),
    ],
)
def test_labels_are_matched_with_the_classes_of_a_run(tmp_path, cells, classes):
    first, second = classes
    assert labels(tmp_path, cells, classes=classes).labels == [first, second, first]


def test_a_test_table_may_spell_its_labels_in_another_way(tmp_path):
    path = saved(tmp_path, ["1.0", "0.0"] * 10)
    other = saved(tmp_path, [0, 1, 1], ".parquet")
    dataset = load(path, Reading(label="y", test=other))
    assert dataset.classes == ("0.0", "1.0")
    assert dataset.test.labels.tolist() == [0, 1, 1]


def test_numbers_are_sorted_by_value(tmp_path):
    path = saved(tmp_path, ["10.0", "9.0", "-1.0", "9.50"] * 5)
    assert load(path, Reading(label="y")).classes == ("-1.0", "9.0", "9.50", "10.0")


@pytest.mark.parametrize("names", [("True", "False"), ("true", "false"), ("FALSE", "TRUE")])
def test_costs_are_read_in_any_spelling_of_the_classes(tmp_path, names):
    path = tmp_path / "costs.csv"
    first, second = names
    path.write_text(f"true,{first},{second},ask\n{first},0,1,2\n{second},5,0,3\n")
    costs = read_costs(path, ("False", "True"))
    assert costs.decisions == ("False", "True", "ask")
    expected = [[0, 5, 3], [1, 0, 2]] if first.lower() == "true" else [[0, 1, 2], [5, 0, 3]]
    np.testing.assert_array_equal(costs.matrix, expected)


def test_a_survey_counts_classes_as_training_does(tmp_path):
    path = saved(tmp_path, ["None", "1", "1.0", None] * 3)
    found = survey_table(tmp_path / "a.csv", Reading(label=" y "))
    assert (path, found.classes, found.unlabeled) == (path, {"1": 6, "None": 3}, 3)


def prices(distinct, rows, step=1):
    """Return random labels of so many different numbers."""
    values = step * np.arange(1, distinct + 1)
    more = np.random.default_rng(0).choice(values, rows - distinct)
    return [f"{value:g}" for value in [*values, *more]]


@pytest.mark.parametrize(
    "cells",
    [
        prices(497, 1000),
        prices(60, 1000),  # ages
        prices(31, 10_000, step=0.25),
        [*prices(497, 1000)[:-1], "NA"],
        [-value for value in range(31)] * 3,
    ],
)
def test_many_numbers_as_labels_are_refused_unless_they_are_said_to_be_classes(
    refused, tmp_path, cells
):
    path = saved(tmp_path, cells)
    words = ("'y' has", f"in {len(cells)} rows; is a number", "add --as y=category")
    with refused(DataError, path, *words):
        load(path, Reading(label="y"))
    with refused(DataError, path, *words):
        survey_table(Path(path), Reading(label="y"))
    deliberate = Reading(label="y", column_kinds=("y=category",))
    assert set(load(path, deliberate).classes) == {str(cell) for cell in cells}
    assert len(survey_table(Path(path), deliberate).classes) == len({*cells})


def test_the_option_that_is_advised_has_the_whole_name_of_the_column(refused, tmp_path):
    name = "price " * 40 + "in euros"
    pd.DataFrame({"x": range(1000), name: prices(497, 1000)}).to_csv(
        tmp_path / "a.csv", index=False
    )
    with refused(DataError, f"add --as '{name}=category'"):
        load(str(tmp_path / "a.csv"), Reading(label=name))


def test_a_number_in_each_row_is_not_a_class_either(refused, tmp_path):
    with refused(DataError, "60 distinct values in 60 rows", "not numbers (regression)"):
        load(saved(tmp_path, prices(60, 60)), Reading(label="y", column_kinds=("y=category",)))
    with pytest.raises(DataError, match=r"each class must occur several times$"):
        load(saved(tmp_path, [f"name {i}" for i in range(60)]), Reading(label="y"))


def test_numbers_that_are_said_to_be_classes_are_those_of_a_run(tmp_path):
    path = saved(tmp_path, prices(60, 1000))
    reading = Reading(label="y", column_kinds=("y=category",))
    trained = load(path, reading)
    like_training = replace(reading, whole=True, classes=trained.classes, encoding=trained.encoding)
    assert len(load(saved(tmp_path, ["1", "2", "3"]), like_training).test) == 3
    Reading(label="y", files="f", column_kinds=("y=category",))


@pytest.mark.parametrize(
    "cells",
    [
        [*range(10)] * 3,  # digits
        [*range(1, 31)] * 3,  # days
        [*range(1990, 2020)] * 3,
        prices(21, 60, step=0.5),  # ratings
        prices(100, 2_000),  # as in CIFAR-100, if with fewer examples
        [f"{number:03}" for number in range(60)] * 3,  # codes
        [f"A{number}" for number in range(60)] * 3,
        [*map(str, range(59)), "B60"] * 3,
    ],
)
def test_numbers_that_are_usual_classes_are_not_doubted(tmp_path, cells):
    assert len(load(saved(tmp_path, cells), Reading(label="y", whole=True)).classes) == len(
        {*cells}
    )


def test_the_labels_of_ten_public_tables_are_not_doubted():
    folder = Path(os.environ.get("HARDMAX_DATA", "")) / "tables"
    if not (folder / "labels.json").is_file():
        pytest.skip("HARDMAX_DATA does not name a folder that holds tables/")
    labels = json.loads((folder / "labels.json").read_text())
    assert len(labels) == 10
    for name, label in labels.items():
        for part in ("train", "test"):
            survey = survey_table(folder / f"{name}-{part}.csv", Reading(label=label.strip()))
            assert len(survey.classes) >= 2
