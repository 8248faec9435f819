"""The values of a table's columns in words are those of its cells."""

import csv

import numpy as np
import pytest

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables.values import MISSING, cells

KINDS = ("category=category", "remark=text")
ROWS = 120


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The rows of a table, and the data set read from it."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("values") / "t.csv"
    rows = [
        {
            "number": f"{rng.integers(-50, 50) / 8:g}",
            "flag": "true" if rng.random() < 0.5 else "false",
            "day": f"2024-0{rng.integers(1, 9)}-1{rng.integers(0, 9)}",
            "time": f"{rng.integers(10, 23)}:{rng.integers(10, 59)}",
            "category": ["red", "größer", 'a "b", c', ""][rng.integers(0, 4)],
            "remark": f"no {number} of\nmany" if number % 5 else "",
            "label": "xy"[number % 2],
        }
        for number in range(ROWS)
    ]
    for number in range(0, ROWS, 7):
        rows[number]["number"] = rows[number]["day"] = ""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return rows, load(str(path), Reading(label="label", column_kinds=KINDS, test=0.3))


def test_the_values_of_test_rows_are_their_cells(table):
    rows, data = table
    kinds = {code.kind for code in data.encoding.columns}
    assert kinds == {"number", "boolean", "date", "time of day", "category", "text"}
    for code, column in zip(data.encoding.columns, data.test.columns, strict=True):
        expected = [rows[place][code.name] or MISSING for place in data.test.places]
        assert cells(code, column) == expected


def test_test_rows_keep_no_other_texts_than_their_own(table):
    rows, data = table
    for code, column in zip(data.encoding.columns, data.test.columns, strict=True):
        own = {rows[place][code.name] for place in data.test.places} - {""}
        if code.kind in ("category", "text"):
            assert {*column.levels} == own
            assert len(column.levels) == len(own)
        else:
            assert column.levels == ()


def test_rows_that_are_taken_have_their_own_cells(table):
    _, data = table
    rows = np.array([3, 0, 3])
    for code, column in zip(data.encoding.columns, data.test.columns, strict=True):
        every = cells(code, column)
        # Dates may be written to the minute, as long as all are.
        assert cells(code, column.take(rows)) == [every[row] for row in rows]
