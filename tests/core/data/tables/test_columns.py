"""Columns: missing cells, and kinds that only the training rows decide."""

import contextlib
import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables.cells import USUAL_MISSING
from hardmax.data.tables.columns import guess_column, read_as
from hardmax.data.tables.encoding import Encoding
from hardmax.data.tables.features import encode_table, read_columns
from hardmax.data.tables.learning import learn
from hardmax.data.tables.survey import survey_table
from hardmax.errors import DataError

LABELLED = Reading(label="y")
NOISE = np.random.default_rng(0).normal(size=200).round(3)


def guess(*cells, rows=None, **options):
    array = pa.chunked_array([pa.array(cells)])
    return guess_column("a", array, None if rows is None else np.array(rows), **options)


def saved(folder, cells, labels=("no", "yes") * 100, name="a.csv"):
    frame = pd.DataFrame({"x": cells, "z": NOISE[: len(cells)], "y": labels[: len(cells)]})
    path = folder / name
    frame.to_csv(path, index=False) if name.endswith(".csv") else frame.to_parquet(path)
    return str(path)


# Missing cells


@pytest.mark.parametrize("text", [*USUAL_MISSING, "NULL", "None", "N/A", "NaN", " - "])
def test_the_usual_texts_are_missing_numbers(text):
    found = guess("1", text, "2.5")
    assert found.kind == "number"
    np.testing.assert_array_equal(found.values, [1, np.nan, 2.5])
    assert guess("p", text, "q").missing.tolist() == [False, True, False]
    assert guess("true", text, "False").kind == "boolean"
    assert guess("2024-01-02", text).kind == "date"


def test_nan_is_missing_in_every_kind_of_file():
    for cells in (["1", "nan", "2"], [1.0, np.nan, 2.0]):
        np.testing.assert_array_equal(guess(*cells).values, [1, np.nan, 2])


def test_other_texts_can_be_given(tmp_path):
    path = saved(tmp_path, ["-9", "Unknown", "3", "4"] * 50)
    given = load(path, Reading(label="y", missing=("unknown ", "-9"), whole=True))
    (x, _) = given.encoding.columns
    assert (x.kind, x.center, x.missing) == ("number", 3.5, True)
    dash = saved(tmp_path, ["-", "+", "", "+"] * 50)
    usual, given = (
        load(dash, Reading(label="y", missing=missing)).encoding.columns[0].levels
        for missing in (None, ())
    )
    assert (usual, given) == (("+",), ("+", "-"))


def test_the_texts_are_told_and_stay_with_the_encoding(tmp_path):
    path = saved(tmp_path, ["-", "n/a", "3", "4"] * 50)
    dataset = load(path, Reading(label="y"))
    assert "a: cells with '-', 'n/a' count as missing; --missing names other texts" in (
        dataset.notices
    )
    own = load(path, Reading(label="y", missing=("n/a", "-", "3"))).encoding
    restored = Encoding.from_json(json.loads(json.dumps(own.as_json())))
    assert restored == own
    table = pa.table({"x": ["3", "4"], "z": ["0", "0"]})
    assert encode_table(table, tmp_path, restored)[0][:, 1].tolist() == [1, 0]


@pytest.mark.parametrize(
    "numbers", [["1", "2", "3", "5"], ["2020-01-01", "2020-02", "2021-01-01T07"]]
)
@pytest.mark.parametrize("text", ["unknown", "TBD", "2020-13-45", "1 of 2"])
def test_one_other_text_is_a_placeholder_for_missing_values(numbers, text):
    found = guess(*numbers, text, text)
    assert found.kind == guess(*numbers).kind
    assert found.placeholder == text
    assert found.missing.tolist() == [False] * len(numbers) + [True, True]
    assert len(found.odd) == 0
    assert guess(*numbers, text, "another").kind == "category"
    assert guess(numbers[0], text, text).kind == "category"


def test_a_placeholder_is_told_and_stays_with_the_encoding(tmp_path):
    path = saved(tmp_path, ["rotary", *map(str, NOISE[1:])])
    dataset = load(path, Reading(label="y", whole=True))
    assert "a, column x: 'rotary' counts as missing, because all other cells are numbers" in (
        dataset.notices
    )
    restored = Encoding.from_json(json.loads(json.dumps(dataset.encoding.as_json())))
    table = pa.table({"x": ["rotary", "7"], "z": ["0", "0"]})
    assert encode_table(table, tmp_path, restored)[0][:, 1].tolist() == [1, 0]
    with pytest.raises(DataError, match="row 1: 'other' is not a number"):
        encode_table(pa.table({"x": ["other"], "z": ["0"]}), tmp_path, restored)


def test_a_constant_with_gaps_is_not_scaled():
    values = [0.1, None, *[0.1] * 9]
    column = guess(*values)
    (code,) = learn([column], np.arange(11))[0].columns
    assert (code.scale, code.missing) == (1.0, True)
    assert np.ptp(Encoding((code,)).encode([column])[:, 0]) < 1e-15


# Kinds


@pytest.mark.parametrize(
    ("odd", "kind"),
    [("unknown", "number"), ("2024-01-01", "number"), ("inf", "number"), ("1e200", "number")],
)
def test_cells_in_other_rows_do_not_decide_the_kind(odd, kind):
    found = guess("1", "2.5", odd, "x", rows=[0, 1])
    assert found.kind == kind
    np.testing.assert_array_equal(found.values, [1, 2.5, np.nan, np.nan])
    assert found.odd.tolist() == [2, 3]
    assert guess(1.0, 2.0, np.inf, rows=[0, 1]).odd.tolist() == [2]
    assert guess("", "NA", "x", rows=[0, 1]) is None


@pytest.mark.parametrize("footer", ["Total", "nan", "inf", "see notes"])
@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_rows_without_a_label_do_not_decide_the_kind(tmp_path, footer, name):
    cells = [*map(str, NOISE[:99]), footer]
    labels = ["no", "yes"] * 49 + ["no", None]
    found = load(saved(tmp_path, cells, labels, name), Reading(label="y"))
    clean = load(saved(tmp_path, cells[:99], labels, name), Reading(label="y"))
    assert found.encoding == clean.encoding
    np.testing.assert_array_equal(found.test.values, clean.test.values)
    assert not any("are not allowed" in notice for notice in found.notices)


@pytest.mark.parametrize("part", ["test", "validation"])
@pytest.mark.parametrize("odd", ["unknown", "inf", "2024-01-01"])
def test_rows_that_are_not_trained_on_do_not_decide_the_kind(tmp_path, part, odd):
    reading = Reading(label="y", validation=0.2)
    cells = [*map(str, NOISE)]
    clean = load(saved(tmp_path, cells), reading)
    row = int(getattr(clean, part).places[3])
    cells[row] = odd
    found = load(saved(tmp_path, cells), reading)
    assert found.encoding == clean.encoding
    assert getattr(found, part).values[3, 0] == 0
    assert found.notices[1] == (
        f"a, column x: 1 of the rows have cells, such as {odd!r} in row {row + 1}, that are not "
        "allowed in a number column; they count as missing"
    )


def test_cells_of_another_kind_in_a_test_table_count_as_missing(tmp_path):
    path = saved(tmp_path, [*map(str, NOISE)])
    other = saved(tmp_path, ["1", "many", "inf"], name="b.csv")
    dataset = load(path, Reading(label="y", test=other))
    assert dataset.test.values[1:, 0].tolist() == [0, 0]
    assert any(
        "b, column x: 2 of the rows have cells, such as 'many'" in n for n in dataset.notices
    )
    with pytest.raises(DataError, match="column 'x', row 2: 'many' is not a number"):
        encode_table(pa.table({"x": ["1", "many"], "z": ["0", "0"]}), tmp_path, dataset.encoding)


def test_many_columns_with_odd_cells_are_summed_up(tmp_path):
    frame = pd.DataFrame({f"x{i}": NOISE for i in range(9)} | {"y": ["no", "yes"] * 100})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame[:2].astype({f"x{i}": str for i in range(9)}).replace("0.126", "?!").to_csv(
        tmp_path / "b.csv", index=False
    )
    dataset = load(str(tmp_path / "a.csv"), Reading(label="y", test=str(tmp_path / "b.csv")))
    assert dataset.notices[-1] == "4 more columns are read the same way"


# Types of Parquet


class Celsius(pa.ExtensionType):
    def __init__(self):
        super().__init__(pa.float64(), "tests.celsius")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage, serialized):
        return cls()


USABLE = {
    "decimal128": pa.array([decimal.Decimal("1.5"), None], pa.decimal128(9, 2)),
    "decimal256": pa.array([decimal.Decimal("1.5"), None], pa.decimal256(50, 2)),
    "float16": pa.array([1.5, None], pa.float16()),
    "uint64": pa.array([2**63, None], pa.uint64()),
    "date64": pa.array([datetime.date(2020, 1, 1), None], pa.date64()),
    "timestamp": pa.array([datetime.datetime(2020, 1, 1), None], pa.timestamp("ns", "Asia/Tokyo")),
    "dictionary of numbers": pa.array([1.5, None]).dictionary_encode(),
    "time32": pa.array([1, None], pa.time32("s")),
    "time64": pa.array([1, None], pa.time64("us")),
}

LEFT_OUT = {
    "null": pa.nulls(2),
    "list": pa.array([[1], None]),
    "struct": pa.array([{"b": 1}, None]),
    "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
    "duration": pa.array([1, None], pa.duration("s")),
    "binary": pa.array([b"a", None]),
    "fixed-size binary": pa.array([b"ab", None], pa.binary(2)),
    "dictionary of bytes": pa.array([b"\xff", None]).dictionary_encode(),
    "uuid": pa.array([b"a" * 16, None], pa.uuid()),
    "extension": pa.ExtensionArray.from_storage(Celsius(), pa.array([1.5, None])),
}


@pytest.fixture
def registered():
    pa.register_extension_type(Celsius())
    yield
    pa.unregister_extension_type("tests.celsius")


@pytest.mark.parametrize("name", [*USABLE, *LEFT_OUT])
@pytest.mark.usefixtures("registered")
def test_a_column_of_any_type_is_used_or_left_out(tmp_path, name):
    cells = (USABLE | LEFT_OUT)[name]
    path = tmp_path / "a.parquet"
    numbers = pa.array(NOISE[:40])
    column = pa.chunked_array([cells] * 20)
    table = pa.table({"x": column, "z": numbers, "y": ["u", "v"] * 20})
    pyarrow.parquet.write_table(table, path)
    dataset = load(str(path), Reading(label="y"))
    assert [code.name for code in dataset.encoding.columns] == ["x", "z"][name in LEFT_OUT :]
    kinds = {name: column["kind"] for name, column in survey_table(path, LABELLED).columns.items()}
    assert (kinds["x"] is None) == (name in LEFT_OUT)
    if name in LEFT_OUT and name != "null":
        with pytest.raises(DataError, match="x"):
            read_as("x", pa.chunked_array([cells]), "number")
    with contextlib.suppress(DataError):  # as a label, it is read or refused
        survey_table(path, Reading(label="x"))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(
    "name", ["Unnamed: 0", "Unnamed: 12", "Unnamed: 0.1", "Unnamed: 0_level_0", "__index_level_0__"]
)
def test_columns_that_pandas_names_for_an_index_are_left_out(tmp_path, name, ending):
    frame = pd.DataFrame({name: range(40), "x": NOISE[:40], "y": ["u"] * 20 + ["v"] * 20})
    write = frame.to_csv if ending == "csv" else frame.to_parquet
    write(tmp_path / f"a.{ending}", index=False)
    dataset = load(str(tmp_path / f"a.{ending}"), LABELLED)
    assert [code.name for code in dataset.encoding.columns] == ["x"]
    assert dataset.preprocessing["left_out"] == {name: "unnamed index"}


@pytest.mark.parametrize("name", ["Unnamed", "Unnamed: age", "unnamed: 0 m", "index_level_0"])
def test_other_columns_are_not_left_out_for_their_names(tmp_path, name):
    columns, left_out = read_columns(tmp_path, pa.table({name: [1.0, 2.0]}))
    assert ([column.name for column in columns], left_out) == ([name], {})


def test_a_table_of_only_its_label_column_can_be_inspected(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("y\n" + "u\nv\n" * 5)
    found = survey_table(path, LABELLED)
    assert (found.columns, found.classes) == ({}, {"u": 5, "v": 5})
    assert read_columns(path, pa.table({})) == ([], {})


def test_a_column_that_is_not_there_counts_as_missing(tmp_path):
    path = tmp_path / "a.csv"
    cells = {"n": range(20), "k": ["p", "q"] * 10, "y": ["u", "v"] * 10}
    pd.DataFrame(cells).to_csv(path, index=False)
    encoding = load(str(path), Reading(label="y")).encoding
    found, notices = encode_table(pa.table({"k": ["q", "r"]}), path, encoding)
    expected, _ = encode_table(pa.table({"n": [None, None], "k": ["q", "r"]}), path, encoding)
    np.testing.assert_array_equal(found, expected)
    assert notices[0].startswith(f"{path} has no column 'n'; its cells")
    assert "such as 'r', that were not in the training rows" in notices[1]
    with pytest.raises(DataError, match="none of the columns that the model was trained on"):
        encode_table(pa.table({"m": [1]}), path, encoding)
