"""The tables that lie beside the data sets are read to the values that stand beside them."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables.features import features_of, read_columns
from hardmax.data.tables.files import read_table
from hardmax.errors import DataError

OPTIONS = {
    "no_header.csv": {"header": False},
    "dates_ambiguous.csv": {"column_kinds": ("when=month-first",)},
}


@pytest.fixture(scope="module")
def folder():
    """The folder of tables; tests that need it are skipped without it."""
    root = os.environ.get("HARDMAX_DATA")
    tables = Path(root or "") / ".." / "cases" / "tables"
    if not root or not tables.is_dir():
        pytest.skip("HARDMAX_DATA does not name a folder beside cases/tables/")
    return tables


def values(path, reading):
    """Return the number of rows, and the kind and the first value of each column."""
    table, _ = read_table(path, (reading.label,), header=reading.header)
    columns, _ = read_columns(path, features_of(path, table, reading), kinds=reading.kinds)
    return table.num_rows, {column.name: [column.kind, first(column)] for column in columns}


def first(column):
    """Return the first value of a column as the expectations write it."""
    value = column.values[0]
    if column.kind == "category":
        return column.levels[value]
    if column.kind == "date":
        return str(np.datetime64(int(value), "s"))[:10]
    return f"{value // 3600:02.0f}:{value // 60 % 60:02.0f}" if "time" in column.kind else value


def test_all_tables_are_read_right(folder):
    expected = json.loads((folder / "expected.json").read_text())
    assert len(expected) >= 28
    for name, right in expected.items():
        if name == "unseen_category_new.csv":  # it has no label
            continue
        reading = Reading(label=right.get("label", "label"), **OPTIONS.get(name, {}))
        rows, columns = values(folder / name, reading)
        assert rows == right.get("rows", rows), name
        dataset = load(str(folder / name), reading)
        kinds = {code.name: code.kind for code in dataset.encoding.columns}
        for column, (kind, value) in right.get("columns", {}).items():
            assert kinds[column] == kind, name
            assert value is None or columns[column][1] == value, name
        assert [*dataset.classes] == right.get("classes", [*dataset.classes]), name
        assert {*right.get("left_out", ())} <= dataset.preprocessing["left_out"].keys(), name
        warned = [
            one for one in right.get("warned", ()) if f"--drop {one}" in str(dataset.warnings)
        ]
        assert warned == right.get("warned", []), name


def test_ambiguous_dates_are_refused(folder):
    with pytest.raises(DataError, match="--as when=day-first or --as when=month-first"):
        load(str(folder / "dates_ambiguous.csv"), Reading(label="label"))


def test_a_table_without_a_header_is_noticed(folder):
    with pytest.raises(DataError, match="looks like data; add --no-header"):
        load(str(folder / "no_header.csv"), Reading(label="2"))


def test_no_column_of_real_tables_is_warned_of(folder):
    """Only their identifiers are left out, and columns that have one value."""
    tables = folder / ".." / ".." / "data" / "tables"
    left_out = {}
    for name, label in json.loads((tables / "labels.json").read_text()).items():
        dataset = load(str(tables / f"{name}-train.csv"), Reading(label=label))
        assert "--drop" not in str(dataset.warnings), name
        left_out[name] = {*dataset.preprocessing["left_out"]}
    assert {name: columns for name, columns in left_out.items() if columns} == {
        "titanic": {"PassengerId"},
        "churn": {"RowNumber", "CustomerId"},
        "mushrooms": {"veil_type"},
    }
