"""Tables: column kinds, encodings, files and surveys."""

import datetime
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import RobustScaler
from support import mixed_table, table_bytes

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.splitting import split_rows
from hardmax.data.tables.cells import texts
from hardmax.data.tables.columns import Column, guess_column, read_as
from hardmax.data.tables.encoding import Encoding
from hardmax.data.tables.files import read_table
from hardmax.data.tables.learning import learn
from hardmax.data.tables.survey import survey_table
from hardmax.errors import ArgumentError, DataError


def smoothly_clipped(values, rows=slice(None)):
    """Return numbers scaled by the quartiles of ``rows``, bounded as for RealMLP."""
    scaled = RobustScaler().fit(values[rows, None]).transform(values[:, None])[:, 0]
    return scaled / np.sqrt(1 + (scaled / 3) ** 2)


def column(*cells, kind=None):
    array = pa.chunked_array([pa.array(cells)])
    return guess_column("a", array) if kind is None else read_as("a", array, kind)


def write(path, *rows):
    path.write_text("".join(row + "\n" for row in rows))
    return path


LABELLED = Reading(label="y")


# Column kinds


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "-2.5", "+3e2", " .5 ", "7."], "number", [1, -2.5, 300, 0.5, 7]),
        (["1", "", "NA", "null", "?", "2"], "number", [1, *[np.nan] * 4, 2]),
        ([1, None, 3], "number", [1, np.nan, 3]),
        (["true", "False", "", "TRUE"], "boolean", [1, 0, np.nan, 1]),
        (["Yes", "NO", "", "no"], "boolean", [1, 0, np.nan, 0]),
        (["y", "Y", "N"], "boolean", [1, 1, 0]),
        (["f", "F"], "boolean", [0, 0]),
        (["on", "Off"], "boolean", [1, 0]),
        (["1", "0"], "number", [1, 0]),
        ([True, None, False], "boolean", [1, np.nan, 0]),
        (["1970-01-02", "", "1969-12-31"], "date", [86400, np.nan, -86400]),
        (["1970-01-01T00:00:01Z", "1970-01-01 01:00:00+01:00"], "date", [1, 0]),
        ([datetime.date(1970, 1, 3), None], "date", [2 * 86400, np.nan]),
        ([datetime.datetime(1970, 1, 1, 0, 0, 1, 500000)], "date", [1.5]),
        ([datetime.time(8, 30), None], "time of day", [30600, np.nan]),
    ],
)
def test_the_kind_of_a_column_matches_all_of_its_cells(cells, kind, values):
    found = column(*cells)
    assert found.kind == kind
    np.testing.assert_array_equal(found.values, values)
    np.testing.assert_array_equal(found.missing, np.isnan(values))


@pytest.mark.parametrize(
    "cells",
    [
        ["a", "b", "", "a"],
        ["1", "2", "x", "y"],
        ["true", "false", "maybe", "true"],
        ["no", "yes", "other", "no"],
        ["f", "n", "f", "n"],  # each is false in another spelling
        ["true", "no", "true", "no"],
        ["2024-01-01", "2024-02-30", "soon", "2024-01-01"],  # not a valid date
        ["1,5", "2.5", "3", "1,5"],
    ],
)
def test_other_columns_of_strings_are_categories(cells):
    found = column(*cells)
    assert found.kind == "category"
    names = [found.levels[code] if code >= 0 else None for code in found.values]
    assert names == [cell or None for cell in cells]


def test_parquet_strings_are_read_like_csv_strings():
    dictionary = pa.chunked_array([pa.array(["b", None, "a"]).dictionary_encode()])
    assert guess_column("a", dictionary).levels == ("b", "a")
    assert column("1", None).kind == "number"


def test_empty_and_nested_columns_are_none():
    for cells in (["", "NA"], [None, None], [[1], [2]]):
        assert column(*cells) is None


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999", "1e200"])
def test_invalid_numbers_are_rejected_with_their_row(cell):
    with pytest.raises(DataError, match=r"column 'a', row 3: .* finite and at most 1e150; leave"):
        column("1", "", cell)
    with pytest.raises(DataError, match=r"row 2"):
        column(1.0, float(cell))


@pytest.mark.parametrize(
    ("cells", "kind", "words"),
    [
        (["1", "two"], "number", "row 2: 'two' is not a number"),
        (["true", "2"], "boolean", "row 2: '2' is not a boolean"),
        (["", "soon"], "date", "row 2: 'soon' is not a date"),
        ([True, False], "number", "has type bool, but it was a number column in training"),
        ([[1], [2]], "number", "has type list"),
        ([[1], [2]], "category", "column 'a': cells of type list"),
        ([datetime.time(1)], "date", "has type time64"),
    ],
)
def test_cells_of_another_kind_than_in_training_are_rejected(cells, kind, words):
    with pytest.raises(DataError, match=words):
        column(*cells, kind=kind)


def test_numbers_can_be_read_as_categories():
    found = column(1, 2, None, kind="category")
    assert (found.kind, found.levels) == ("category", ("1", "2"))
    for cells in (["", ""], [None, None]):
        for kind in ("category", "number", "date"):
            assert column(*cells, kind=kind).missing.all()
    floats = pa.chunked_array([pa.array([None, None], pa.float64())])
    assert read_as("a", floats, "category").missing.all()


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_all_string_types_are_read_as_strings(kind):
    assert guess_column("a", pa.chunked_array([pa.array(["x", "y"], kind)])).levels == ("x", "y")


def test_a_dictionary_column_is_categorical_whatever_its_values():
    for values in ([1, 2, None], [True, False, None], [datetime.date(2024, 1, 2), None]):
        dictionary = pa.chunked_array([pa.array(values).dictionary_encode()])
        assert guess_column("a", dictionary).kind == "category"


# Encodings


def test_numbers_are_scaled_by_the_training_rows():
    values = np.random.default_rng(0).normal(5, 3, 50)
    values[[3, 40]] = np.nan
    rows = np.arange(30)
    encoding, left_out = learn([Column("a", "number", values)], rows)
    found = encoding.encode([Column("a", "number", values)])
    expected = smoothly_clipped(values, rows)
    assert left_out == {}
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], np.nan_to_num(expected), rtol=1e-6)
    np.testing.assert_array_equal(found[:, 1], np.isnan(values))


def test_categories_are_one_hot_encoded():
    levels = ("red", "green", "blue", "pink")
    codes = np.array([0, 1, 2, 1, 0, -1, 2, 0, 1, 2, 3])  # pink is not in the training rows
    encoding, _ = learn([Column("a", "category", codes, levels)], np.arange(10))
    found = encoding.encode([Column("a", "category", codes, levels)])
    names = pd.Series([levels[code] if code >= 0 else None for code in codes])
    expected = pd.get_dummies(names.where(names != "pink"), dtype=float)  # in alphabetical order
    np.testing.assert_array_equal(found[:, :3], expected)
    np.testing.assert_array_equal(found[:, 3], codes < 0)
    (unseen,) = encoding.unseen([Column("a", "category", codes, levels)])
    assert (unseen.text, unseen.row, unseen.count) == ("pink", 10, 1)


def test_dates_are_encoded_as_distance_and_phases():
    days = np.arange(0, 1000) * 86400.0
    encoding, _ = learn([Column("a", "date", days)], np.arange(1000))
    found = encoding.encode([Column("a", "date", days)])
    assert found.shape == (1000, 5)  # no date has a time of day
    np.testing.assert_allclose(found[:, 0], smoothly_clipped(days), rtol=1e-5)
    np.testing.assert_allclose(found[:-7, 3:], found[7:, 3:], atol=1e-5)  # a week
    np.testing.assert_allclose((found[:, 1:3] ** 2).sum(axis=1), 1, rtol=1e-5)
    with_times, _ = learn([Column("a", "date", days + 3600)], np.arange(1000))
    assert with_times.features == 7


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_numbers_are_scaled_by_their_quartiles_and_clipped_smoothly(scale):
    values = np.random.default_rng(0).lognormal(0, 3, 1000) * scale
    encoding, _ = learn([Column("a", "number", values)], np.arange(1000))
    found = encoding.encode([Column("a", "number", values)])[:, 0]
    np.testing.assert_allclose(found, smoothly_clipped(values / scale), rtol=1e-5, atol=1e-6)
    outliers = encoding.encode([Column("a", "number", np.array([-1.7e308, 1.7e308]))])
    assert np.abs(outliers).max() <= 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0, 0, 0, 0, 0, 0, 0, 4], [0, 2 / np.sqrt(1 + 4 / 9)]),  # half of the range is 2
        ([5.5] * 8, [0]),
    ],
)
def test_numbers_with_equal_quartiles_are_scaled_by_their_range(values, expected):
    column = Column("a", "number", np.array(values, float))
    encoding, _ = learn([column], np.arange(len(values)), keep=("a",))
    assert sorted({*encoding.encode([column])[:, 0].tolist()}) == pytest.approx(expected)


def test_uninformative_columns_are_left_out():
    names = (*"abcdefghijklmnopqrst",)
    columns = [
        Column("use", "number", np.arange(20.0)),
        Column("same", "number", np.ones(20)),
        Column("name", "category", np.arange(20), names),
        Column("late", "number", np.array([np.nan] * 10 + [1.0] * 10)),
    ]
    encoding, left_out = learn(columns, np.arange(10))
    assert [code.name for code in encoding.columns] == ["use"]
    assert left_out == {
        "same": "constant",
        "name": "text (10 distinct values, no part of which is in 3 rows)",
        "late": "empty",
    }
    with pytest.raises(DataError, match=r"no column is left.*same: constant"):
        learn(columns[1:], np.arange(10))


cells = st.one_of(st.none(), st.sampled_from(["a", "b", "c d"]))
numbers = st.one_of(st.none(), st.floats(-1e6, 1e6))


@given(st.lists(st.tuples(cells, numbers, st.booleans()), min_size=4, max_size=30))
def test_an_encoding_survives_the_round_trip_through_json(rows):
    columns = [
        found
        for name, values in zip("abc", zip(*rows, strict=True), strict=True)
        if (found := guess_column(name, pa.chunked_array([pa.array(values)]))) is not None
    ]
    try:
        encoding, left_out = learn(columns, np.arange(len(rows)))
    except DataError:
        return
    restored = Encoding.from_json(json.loads(json.dumps(encoding.as_json())))
    assert restored == encoding
    used = [column for column in columns if column.name not in left_out]
    values = encoding.encode(used)
    assert values.shape == (len(rows), encoding.features)
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(values, restored.encode(used))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "list"},
        {"scale": 0.0},
        {"center": float("nan")},
        {"levels": [1]},
        {"missing": 1},
        {"name": None},
        {"more": 1},
        {"cycles": [1e-320]},
        {"placeholder": 1},
        {"odd": 1},
        {"style": "day-first"},
    ],
)
def test_an_invalid_encoding_is_rejected(changes):
    encoding, _ = learn([Column("a", "number", np.arange(5.0))], np.arange(5))
    stored = json.loads(json.dumps(encoding.as_json()))
    with pytest.raises((TypeError, ValueError)):
        Encoding.from_json(stored | {"columns": [stored["columns"][0] | changes]})
    with pytest.raises(TypeError):
        Encoding.from_json(stored | {"missing": [None]})
    with pytest.raises(ValueError, match="no columns"):
        Encoding.from_json(stored | {"columns": []})


# Files


def test_csv_tsv_and_parquet_give_the_same_data(tmp_path):
    frame = mixed_table(300)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "semicolons.csv", index=False, sep=";")
    frame.to_csv(tmp_path / "a.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "a.parquet")
    reading = Reading(label="outcome", validation=0.25, seed=3)
    first, *others = (
        load(str(tmp_path / name), reading)
        for name in ("a.csv", "semicolons.csv", "a.tsv", "a.parquet")
    )
    assert first.classes == ("no", "yes")
    assert (len(first.train), len(first.validation), len(first.test)) == (180, 60, 60)
    for other in others:
        np.testing.assert_array_equal(first.train.labels, other.train.labels)
        np.testing.assert_allclose(first.train.values, other.train.values, atol=1e-6)
        np.testing.assert_allclose(first.test.values, other.test.values, atol=1e-6)


def test_nothing_is_learned_from_test_and_validation_rows(tmp_path):
    """The scaling is that of the training rows alone."""
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(3, 2, 200), "y": ["u", "v"] * 100})
    frame.to_csv(tmp_path / "a.csv", index=False)
    dataset = load(str(tmp_path / "a.csv"), Reading(label="y", validation=0.5, seed=1))
    labels = np.arange(200) % 2
    rows, held_out = split_rows(labels, 0.2, 1)
    training_rows = rows[split_rows(labels[rows], 0.5, 1)[0]]
    expected = smoothly_clipped(frame["a"].to_numpy(), training_rows)
    np.testing.assert_allclose(dataset.test.values[:, 0], expected[held_out], atol=1e-5)


def test_csv_quotes_byte_order_marks_and_line_breaks_are_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes('\ufeff"a,1",y\r\n"line\nbreak","say ""hi"""\r\n\r\nö,z\r\n'.encode())
    table, _ = read_table(path)
    assert table.to_pylist() == [
        {"a,1": "line\nbreak", "y": 'say "hi"'},
        {"a,1": "ö", "y": "z"},
    ]
    assert table_bytes(table, ".csv") == '"a,1",y\n"line\nbreak","say ""hi"""\nö,z\n'.encode()


def test_long_rows_unusual_file_names_and_empty_lines_are_read(tmp_path):
    path = tmp_path / "a\udcff.csv"
    path.write_text('\n\n"a;b";c,y\n' + "x" * 3_000_000 + ";1,u\n")
    table, _ = read_table(path)
    assert table.column_names == ["a;b;c", "y"] or table.column_names == ["a;b", "c,y"]
    assert table.num_rows == 1


def test_a_pandas_index_is_left_out(tmp_path):
    frame = pd.DataFrame({"a": range(20), "y": ["u", "v"] * 10}).sample(frac=1, random_state=0)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv")
    for name in ("a.parquet", "a.csv"):
        dataset = load(str(tmp_path / name), LABELLED)
        assert [code.name for code in dataset.encoding.columns] == ["a"]


def test_a_written_table_is_read_back_unchanged(tmp_path):
    cells = ["p\rq", 'say "hi"', "a,b", "line\nbreak", None, "7"]
    table = pa.table({"a": cells, "b": pa.array([datetime.date(2024, 1, 2)] * 6)})
    (tmp_path / "a.csv").write_bytes(table_bytes(table, ".csv"))
    assert read_table(tmp_path / "a.csv").table["a"].to_pylist() == [cell or "" for cell in cells]
    with pytest.raises(DataError, match=r"'c', of type list.*\.parquet"):
        table_bytes(pa.table({"c": [[1]]}), ".tsv")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no rows"),
        (["a,y"], "no rows"),
        (["a,y", "1,u", "2", "3,v"], r"line 3 has 1 cells, the header has 2"),
        (["a,y", '"1\n",u', "2,v,w"], r"line 4 has 3 cells"),
        (["a,a", "1,2"], "no column 'y'; it has a, a.1"),
        (["a,b", "1,u", "2,v"], "no column 'y'; it has a, b"),
        (["a,y", "1,u", "2,u"], r"only one class \(u\)"),
        (["a,y", "1,u", "2,v", "3,w"], "3 distinct values in 3 rows"),
        (["a,y", "1,", "2, "], "no row has a label"),
        (["a,y", '1,"u', "2,v", "3,u"], "unexpected end of data"),
        (["a,y", *["1,u", "1,v"] * 9], "no column is left to learn from"),
        (["y", *["u", "v"] * 9], "no column is left to learn from"),
        (["a,y", "1,u", "inf,v", *["1,u", "1,v"] * 9], "column 'a', row 2: inf"),
    ],
)
def test_tables_that_cannot_be_learned_from_are_rejected(tmp_path, rows, words):
    with pytest.raises(DataError, match=words):
        load(str(write(tmp_path / "a.csv", *rows)), LABELLED)


def test_a_class_only_in_the_test_set_is_rejected(tmp_path):
    path = write(tmp_path / "a.csv", "a,y", *["1,u", "2,v"] * 9, "3,w")
    with pytest.raises(DataError, match="the training set has no examples of w"):
        load(str(path), Reading(label="y", test=0.6))


def test_a_continuous_label_is_rejected(tmp_path):
    frame = pd.DataFrame({"a": range(100), "y": np.random.default_rng(0).normal(size=100).round(2)})
    frame.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match="each class must occur several times"):
        load(str(tmp_path / "a.csv"), LABELLED)


def test_damaged_files_are_rejected(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 truncated")
    with pytest.raises(DataError, match=r"a\.parquet"):
        load(str(tmp_path / "a.parquet"), LABELLED)
    (tmp_path / "a.csv").write_bytes(b"a,y\n\xff\x81,u\n")
    with pytest.raises(DataError, match=r"a\.csv"):
        load(str(tmp_path / "a.csv"), LABELLED)


def test_options_that_do_not_fit_the_data_are_rejected(tmp_path):
    path = str(write(tmp_path / "a.csv", "a,y", "1,u", "2,v", "1,u", "2,v"))
    with pytest.raises(ArgumentError, match=r"--label COLUMN.*it has a, y"):
        load(path)
    with pytest.raises(ArgumentError, match="is a table; size applies only to images"):
        load(path, Reading(label="y", size=(8, 8)))
    with pytest.raises(ArgumentError, match="digits is not a table"):
        load("digits", LABELLED)
    with pytest.raises(ArgumentError, match="only one of them is a table"):
        load(path, Reading(label="y", test="digits"))


def test_rows_without_a_label_are_left_out_with_a_notice(tmp_path):
    rows = [f"{i},{'uv'[i % 2]}" for i in range(20)]
    path = write(tmp_path / "a.csv", "a,y", "100,", *rows, "200,  ")
    dataset = load(str(path), Reading(label="y", whole=True))
    assert len(dataset.train) == 20
    assert "2 rows without a label" in dataset.notices[0]
    np.testing.assert_allclose(dataset.train.values.mean(), 0, atol=1e-6)


def test_the_test_set_can_be_another_table(tmp_path):
    rows = [f"{i},{'pq'[i % 2]},{'uv'[i % 2]}" for i in range(20)]
    path = write(tmp_path / "a.csv", "a,c,y", *rows)
    other = write(tmp_path / "b.csv", "y,more,c,a", "v,x,q,3", "u,x,new,4")
    dataset = load(str(path), Reading(label="y", test=str(other)))
    assert (len(dataset.train), len(dataset.test)) == (20, 2)
    np.testing.assert_array_equal(dataset.test.labels, [1, 0])
    np.testing.assert_array_equal(dataset.test.values[0], dataset.train.values[3])
    np.testing.assert_array_equal(dataset.test.values[1, 1:], [0, 0])
    assert any(
        "1 of the rows have categories, such as 'new', that were not in the training rows" in notice
        for notice in dataset.notices
    )


def test_the_fingerprint_depends_on_the_rows_and_the_split(tmp_path):
    rows = [f"{i / 2},{'uv'[i % 2]}" for i in range(40)]
    path = str(write(tmp_path / "a.csv", "a,y", *rows))
    prints = {
        load(path, Reading(label="y", **more)).fingerprint
        for more in ({}, {"validation": 0.5}, {"seed": 1}, {"test": 0.5})
    }
    assert len(prints) == 3  # validation changes the encoding, not the rows
    before = load(path, LABELLED).fingerprint
    write(tmp_path / "a.csv", "a,y", *rows[:-1], "7,v")
    assert load(path, LABELLED).fingerprint != before


def test_a_survey_counts_classes_cells_and_duplicates(tmp_path):
    rows = ["1,p,u", "2.5,q,v", ",q,v", "1,p,u", "1,p,", "-3,q,u", "1,p,u"]
    found = survey_table(write(tmp_path / "a.csv", "a,c,y", *rows), LABELLED)
    assert (found.rows, found.classes, found.unlabeled) == (7, {"u": 4, "v": 2}, 1)
    number = {"kind": "number", "missing": 1, "different": 3, "lowest": -3.0, "highest": 2.5}
    assert found.columns["a"] == number
    assert found.columns["c"] == {"kind": "category", "missing": 0, "different": 2}
    names = write(tmp_path / "b.csv", "name,a,y", *(f"n{i},{i},{'uv'[i % 2]}" for i in range(9)))
    assert survey_table(names, LABELLED).columns["name"]["why"] == (
        "text (9 distinct values, no part of which is in 3 rows)"
    )
    assert found.same == [[1, 4, 7]]


@given(st.lists(st.tuples(cells, numbers), min_size=1, max_size=20))
def test_a_survey_finds_all_duplicate_rows(tmp_path_factory, rows):
    frame = pd.DataFrame(rows, columns=["a", "b"])
    path = tmp_path_factory.mktemp("tables") / "a.parquet"
    frame.to_parquet(path)
    groups = {}
    for i, row in enumerate(rows):
        groups.setdefault(row, []).append(i + 1)
    expected = sorted(group for group in groups.values() if len(group) > 1)
    assert survey_table(path, Reading()).same == expected


def test_lists_cannot_be_read_as_text():
    with pytest.raises(DataError, match="cannot be read as text"):
        texts(pa.chunked_array([pa.array([[1], [2]])]))
