"""The kinds and first values of the columns of tables in the shared folder."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from hardmax.data.tables.features import read_columns
from hardmax.data.tables.files import read_table
from hardmax.errors import DataError

FILES = (
    *("bom_semicolon_decimal_comma.csv", "thousands.csv", "thousands_space.csv"),
    *("currency_percent.csv", "mostly_numbers.csv", "dates_day_first.csv", "dates_month_first.csv"),
    *("months.csv", "month_names.csv", "times.csv", "booleans.csv", "leading_zeros.csv"),
)


@pytest.fixture
def folder():
    """The folder of tables; tests that need it are skipped without it."""
    root = os.environ.get("HARDMAX_DATA")
    tables = Path(root or "") / ".." / "cases" / "tables"
    if not root or not tables.is_dir():
        pytest.skip("HARDMAX_DATA does not name a folder beside cases/tables/")
    return tables


def columns_of(path, kinds=()):
    columns, _ = read_columns(path, read_table(path, known=("label",)), kinds=dict(kinds))
    return {column.name: column for column in columns}


def first(column):
    """Return the first value of a column as the expectations write it."""
    value = column.values[0]
    if column.kind == "category":
        return column.levels[value]
    if column.kind == "date":
        return str(np.datetime64(int(value), "s"))[:10]
    return f"{value // 3600:02.0f}:{value // 60 % 60:02.0f}" if "time" in column.kind else value


@pytest.mark.parametrize("name", FILES)
def test_columns_are_what_people_take_them_for(folder, name):
    expected = json.loads((folder / "expected.json").read_text())[name]["columns"]
    columns = columns_of(folder / name)
    found = {column: [columns[column].kind, first(columns[column])] for column in expected}
    assert found == expected


def test_ambiguous_dates_are_refused_and_settled(folder):
    path = folder / "dates_ambiguous.csv"
    with pytest.raises(DataError, match="--as when=day-first or --as when=month-first"):
        columns_of(path)
    assert columns_of(path, {"when": "month-first"})["when"].style == "month-first"
