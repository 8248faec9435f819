"""The kinds of columns of strings: guessed with a few odd cells among them, or given."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardmax.data.load import load
from hardmax.data.options import COLUMN_KINDS, Reading
from hardmax.data.tables.columns import CODES, guess_column, read_as
from hardmax.data.tables.encoding import Encoding
from hardmax.data.tables.features import encode_table
from hardmax.data.tables.survey import survey_table
from hardmax.errors import ArgumentError, DataError

LABELS = ["no", "yes"] * 100


def guess(cells, **options):
    return guess_column("a", pa.chunked_array([pa.array(cells)]), **options)


def saved(folder, cells, name="a.csv"):
    path = folder / name
    pd.DataFrame({"x": cells, "y": LABELS[: len(cells)]}).to_csv(path, index=False)
    return str(path)


def restored(encoding):
    return Encoding.from_json(json.loads(json.dumps(encoding.as_json())))


# Codes


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["00501", "10001"], "category"),
        (["007", "12", "3"], "category"),
        (["00", "0"], "category"),
        (["01", "-5"], "number"),
        (["01", "2.5"], "number"),
        (["0", "10", "0.5", "-0.5"], "number"),
        (["0", "1"], "number"),
        (["007", "n/a"], "category"),
    ],
)
def test_whole_numbers_with_leading_zeros_are_codes(cells, kind):
    assert guess(cells).kind == kind
    assert (guess(cells).style == CODES) == (kind == "category")
    assert guess(cells, given="number").kind == "number"


def test_one_code_among_other_texts_makes_no_codes():
    assert (guess(["007", "A 5", "B 6"]).kind, guess(["007", "A 5", "B 6"]).style) == (
        "category",
        "",
    )


def test_codes_are_told_and_read_again_as_they_are_written(tmp_path):
    dataset = load(saved(tmp_path, ["00501", "10001", "02134", "00501"] * 50), Reading(label="y"))
    assert (
        "a, column x: whole numbers with leading zeros, such as '00501', are read as categories; "
        "--as x=number reads numbers"
    ) in dataset.notices
    encoding = restored(dataset.encoding)
    found = encode_table(pa.table({"x": ["02134"]}), tmp_path, encoding)[0]
    np.testing.assert_array_equal(found, [[0, 1, 0]])
    found, (notice,) = encode_table(pa.table({"x": ["2134"]}), tmp_path, encoding)
    np.testing.assert_array_equal(found, [[0, 0, 0]])
    assert "'2134', that were not in the training rows" in notice


def test_codes_in_many_short_columns_are_found(tmp_path):
    path = tmp_path / "a.csv"
    frame = pd.DataFrame({f"x{i}": [f"{row % 20:02}" for row in range(200)] for i in range(3)})
    frame.assign(z=range(200), y=LABELS).to_csv(path, index=False)
    kinds = {name: found["kind"] for name, found in survey_table(path, Reading()).columns.items()}
    assert [*kinds.values()] == ["category"] * 3 + ["number", "boolean"]


# Booleans


@pytest.mark.parametrize("pair", ["yes no", "y n", "t f", "on off", "true false"])
@settings(max_examples=20)
@given(values=st.lists(st.booleans(), min_size=1), data=st.data())
def test_booleans_are_read_in_every_spelling_and_case(pair, values, data):
    true, false = pair.split()
    cells = [true if value else false for value in values]
    cases = [data.draw(st.sampled_from([cell, cell.upper(), cell.title()])) for cell in cells]
    found = guess(cases)
    assert found.kind == "boolean"
    np.testing.assert_array_equal(found.values, values)


def test_the_spelling_of_booleans_stays_with_the_encoding(tmp_path):
    dataset = load(saved(tmp_path, ["Yes", "No", "no", "YES"] * 50), Reading(label="y"))
    encoding = restored(dataset.encoding)
    same = [encode_table(pa.table({"x": x}), tmp_path, encoding)[0] for x in (["no"], [False])]
    np.testing.assert_array_equal(*same)
    with pytest.raises(DataError, match="row 1: 'f' is not a boolean"):
        encode_table(pa.table({"x": ["f"]}), tmp_path, encoding)


# Odd cells


@settings(max_examples=40)
@given(
    st.lists(st.integers(-999, 999), min_size=19, max_size=60),
    st.lists(st.sampled_from(["rotary", "5 or 6", "12/", "1-2", "n.b."]), max_size=5),
)
def test_at_most_one_cell_in_twenty_may_be_odd(numbers, odd):
    """Of several odd texts; a single one is a placeholder in up to half of the cells."""
    cells = [*map(str, numbers), *odd]
    found = guess(cells)
    is_few = 20 * len(odd) <= len(cells) and len(cells) >= 20
    assert (found.kind == "number") == (is_few or len({*odd}) <= 1)
    if found.kind == "number":
        np.testing.assert_array_equal(found.values, [*numbers, *[np.nan] * len(odd)])


@pytest.mark.parametrize(
    ("cell", "kind"), [("{}.5", "number"), ("2020-01-{:02}", "date"), ("07:{:02}", "time of day")]
)
def test_a_few_odd_cells_count_as_missing_and_are_told(tmp_path, cell, kind):
    cells = [cell.format(row % 28 + 1) for row in range(200)]
    path = saved(tmp_path, cells)
    cells[6], cells[150] = "rotary", "see below"
    dataset = load(saved(tmp_path, cells, "b.csv"), Reading(label="y", whole=True))
    (code,) = dataset.encoding.columns
    assert (code.kind, code.missing) == (kind, True)
    assert (
        "b, column x: 2 of the rows have cells, such as 'rotary' in row 7, that are not allowed in "
        f"a {kind} column; they count as missing"
    ) in dataset.notices
    again = encode_table(
        pa.table({"x": [cells[0], "other"]}), tmp_path, restored(dataset.encoding)
    )[0]
    assert again[:, -1].tolist() == [0, 1]
    whole = load(path, Reading(label="y", whole=True))
    with pytest.raises(DataError, match=f"row 1: 'other' is not a {kind}"):
        encode_table(pa.table({"x": ["other"]}), tmp_path, whole.encoding)
    known = np.delete(np.arange(200), [6, 150])
    assert whole.encoding.columns[0].kind == kind
    np.testing.assert_array_equal(np.flatnonzero(dataset.train.values[:, -1]), [6, 150])
    assert np.corrcoef(dataset.train.values[known, 0], whole.train.values[known, 0])[0, 1] > 0.999


def test_too_large_numbers_are_refused_among_odd_cells_too():
    with pytest.raises(DataError, match="row 2: inf is not allowed"):
        guess(["rotary", "inf", "other", *map(str, range(200))])


def test_categories_with_an_odd_one_are_categories():
    assert guess(["a", "b"] * 100 + ["1"]).kind == "category"
    assert guess(["no", "yes"] * 100 + ["maybe"]).kind == "category"


# Given kinds


def test_a_kind_can_be_given(tmp_path):
    numbers = [str(row % 12 + 1) for row in range(200)]
    reading = Reading(label="y", column_kinds=("x = category",))
    assert load(saved(tmp_path, numbers), reading).encoding.columns[0].kind == "category"
    assert survey_table(tmp_path / "a.csv", reading).columns["x"]["kind"] == "category"
    versions = ["1.100.200", "2.100.300"] * 20
    assert guess(versions).kind == "number"
    assert guess(versions, given="category").levels == ("1.100.200", "2.100.300")


@pytest.mark.parametrize(
    ("given", "cells", "values", "odd"),
    [
        ("number", ["1", "x", "2.5"], [1, np.nan, 2.5], [1]),
        ("number", ["1,5", "2,5", "x"], [1.5, 2.5, np.nan], [2]),
        ("boolean", ["1", "0", "2", None], [1, 0, np.nan, np.nan], [2]),
        ("boolean", ["Y", "n", "?"], [1, 0, np.nan], []),
        ("date", ["2/1/1970", "31/1/1970", "x"], [86400, 30 * 86400, np.nan], [2]),
        ("day-first", ["2/1/1970", "1/31/1970"], [86400, np.nan], [1]),
        ("month-first", ["1/2/1970", "3/1/1970"], [86400, 59 * 86400], []),
        ("time", ["0:00:30", "12"], [30, np.nan], [1]),
        ("boolean", [1, 0], [1, 0], []),
        ("number", [1, 0], [1, 0], []),
    ],
)
def test_cells_that_are_not_of_a_given_kind_count_as_missing(given, cells, values, odd):
    found = guess(cells, given=given)
    np.testing.assert_array_equal(found.values, values)
    assert found.odd.tolist() == odd
    array = pa.chunked_array([pa.array(cells)])
    again = read_as("a", array, found.kind, style=found.style, strict=False)
    np.testing.assert_array_equal(again.values, values)


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (("x",), "--as must be COLUMN=KIND with a kind of number, boolean, .*; got 'x'"),
        (("x=float",), "--as must be COLUMN=KIND with a kind of .*; got 'x=float'"),
        (("x=date", "x=time"), "--as gives column 'x' two kinds; choose one"),
        (("y=number",), "--as y=... names the label; .* only y=category is allowed"),
        (("w=category",), "has no column 'w'; it has x, y"),
        (
            ("x=date",),
            "column 'x': no cell that is trained on fits --as x=date; one of them",
        ),
    ],
)
def test_kinds_that_cannot_be_given_are_refused(tmp_path, kinds, words):
    path = saved(tmp_path, ["1", "2"] * 20)
    with pytest.raises((ArgumentError, DataError), match=words):
        load(path, Reading(label="y", column_kinds=kinds))


@pytest.mark.parametrize("kind", COLUMN_KINDS)
def test_a_given_kind_of_an_empty_or_nested_column(kind):
    assert guess(["", None], given=kind) is None
    with pytest.raises(DataError, match="column 'a': cells of type list"):
        guess([[1], [2]], given=kind)


def test_text_and_category_decide_how_strings_are_encoded(tmp_path):
    path = tmp_path / "a.csv"
    names = [f"name {'abcdefgh'[i // 2 % 8]} {i // 2}" for i in range(400)]
    pd.DataFrame(
        {"x": names, "k": ["red one", "blue"] * 200, "y": ["u", "v", "v", "u"] * 100}
    ).to_csv(path, index=False)
    guessed = load(str(path), Reading(label="y")).encoding
    assert [code.kind for code in guessed.columns] == ["text", "category"]
    reading = Reading(label="y", test=0.01, column_kinds=("x=category", "k=text"))
    categories, texts = load(str(path), reading).encoding.columns
    assert categories.kind == "category"
    assert {*categories.levels} == {*names}
    assert texts.kind == "text"


def test_too_many_categories_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    frame = pd.DataFrame({"x": [f"n{i // 2}" for i in range(10000)], "y": ["u", "v"] * 5000})
    frame.to_csv(path, index=False)
    with pytest.raises(DataError, match="at most 4096 categories are allowed"):
        load(str(path), Reading(label="y", column_kinds=("x=category",)))
