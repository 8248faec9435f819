"""Rows of requests, compared with what hardmax reads from a file that has them."""

import csv
import io
import json
import tempfile
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from hard_cells import BLANKS, BOOLEANS, DATES, FORMATS, MISSING, NUMBERS
from run_folders import run_of, write

import hardmax
from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables.encoding import Encoding
from hardmax.data.tables.features import wanted_columns
from hardmax.errors import DataError, HardmaxError
from hardmax.export.outputs import PROBABILITIES
from hardmax.serving.errors import RequestError
from hardmax.serving.limits import Limits
from hardmax.serving.model import ServedModel
from hardmax.serving.rows import feeds_of_csv, feeds_of_rows

ROWS = 120
LIMITS = Limits()

#: Those that nearly are what is accepted without asking hardmax's own parsers.
NEARLY = tuple(
    """2021-02-29|2020-02-29|2019-04-31|2019-04-30|2019-12-31|0000-01-01|2019-13-01|2019-1-1
2019-01-01T24:00|2019-01-01T23:59:60|2019-01-01T05:06:07.123456789Z|2019-01-01 05:06+0130
2019-01-01T05:06-24:00|2019-01-01T05|20190101|24:00|23:59:59.5|5:06|05:60|0506
TRUE|fal\u017fe|on|1|0|n|t|12.|,5|1,2|-1,25|+1,5|1.5|\u0663""".replace("\n", "|").split("|")
)
CELLS = (*NUMBERS, *FORMATS, *BOOLEANS, *DATES, *BLANKS, *MISSING, *NEARLY)


def columns_of(count):
    """Return columns of every kind by name, as texts."""
    generator = np.random.default_rng(0)
    values = generator.normal(1500, 700, count).round(2)
    days = np.datetime64("2019-01-01T00:00") + generator.integers(0, 10**6, count)
    return {
        "plain": [f"{value:.6g}" for value in values],
        "point": [f"${value:,.2f}" for value in values],
        "comma": [f"{value:,.2f} €".translate(str.maketrans(",.", ".,")) for value in values],
        "held": [
            "unknown" if place % 9 == 1 else f"{value:g}" for place, value in enumerate(values)
        ],
        "some": [f"{value:g}" for value in values],
        "truth": generator.choice(["true", "False"], count).tolist(),
        "agrees": generator.choice(["Yes", "no", "n/a"], count).tolist(),
        "level": generator.choice(["1", "2", "3.5", "4.0", "true", "größer"], count).tolist(),
        "day": [str(day)[:10] for day in days],
        "moment": [str(day) for day in days],
        "month first": [f"{day.astype(object):%m/%d/%Y}" for day in days],
        "time": [f"{day.astype(object):%H:%M}" for day in days],
        "words": [f"good {number} {'night' if number % 3 else 'day'}" for number in range(count)],
    }


def csv_of(columns):
    """Return columns as a CSV file."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return file.getvalue().encode()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run with columns of every kind."""
    folder = tmp_path_factory.mktemp("rows")
    columns = columns_of(ROWS)
    for name in columns.keys() - {"truth", "level"}:
        columns[name][3] = "N/A"
    columns["some"][5:9] = ["few", "some", "many", "all"]  # such cells count as missing
    path = folder / "table.csv"
    path.write_bytes(csv_of({**columns, "label": ["u", "v"] * (ROWS // 2)}))
    kinds = ("words=text", "level=category")
    dataset = load(str(path), Reading(label="label", column_kinds=kinds))
    shape = dataset.train.inputs.shape[1:]
    return write(folder / "run", run_of(shape, ("u", "v"), dataset.encoding, label="label"))


@pytest.fixture(scope="module")
def model(run):
    return ServedModel.open(str(run), "visits")


@pytest.fixture(scope="module")
def predicted(run, tmp_path_factory):
    """A function that returns the probabilities of a file, without the graph that is served."""
    path = tmp_path_factory.mktemp("files") / "new.csv"
    classifier = hardmax.load(run)

    def predict(content):
        path.write_bytes(content)
        return classifier.predict_proba(path)

    return predict


def served(model, feeds):
    return model.compute(feeds)[PROBABILITIES]


def usual_row(**cells):
    return {**{name: column[0] for name, column in columns_of(1).items()}, **cells}


def error_of(function):
    """Return the error that a function raises, or None."""
    try:
        function()
    except HardmaxError as error:
        return error


def test_the_run_has_columns_of_every_kind(model):
    found = {code.name: (code.kind, code.style) for code in model.run.encoding.columns}
    assert found == {
        "plain": ("number", ""),
        "point": ("number", "point"),
        "comma": ("number", "comma"),
        "held": ("number", ""),
        "some": ("number", ""),
        "truth": ("boolean", ""),
        "agrees": ("boolean", "yes/no"),
        "level": ("category", ""),
        "day": ("date", ""),
        "moment": ("date", ""),
        "month first": ("date", "month-first"),
        "time": ("time of day", ""),
        "words": ("text", ""),
    }
    codes = {code.name: code for code in model.run.encoding.columns}
    assert codes["held"].placeholder == "unknown"
    assert codes["some"].odd


@pytest.mark.parametrize("name", columns_of(1))
def test_a_cell_is_read_or_refused_as_in_a_file(name, model, predicted):
    encoding = model.run.encoding
    alone = Encoding(tuple(one for one in encoding.columns if one.name == name), encoding.missing)
    accepted = []
    for cell in CELLS:
        row = usual_row(**{name: cell})
        table = pa.table({name: [cell]})
        error = error_of(partial(wanted_columns, table, alone))
        found = error_of(partial(feeds_of_rows, [row], model, LIMITS))
        if error is None:
            assert found is None
            accepted.append(row)
        else:
            assert (type(found), str(found), found.status) == (RequestError, str(error), 400)
    assert accepted
    expected = predicted(csv_of({key: [row[key] for row in accepted] for key in accepted[0]}))
    found = served(model, feeds_of_rows(accepted, model, LIMITS))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("plain", 12, "12"),
        ("plain", -1e-7, "-0.0000001"),
        ("plain", None, ""),
        ("plain", float("nan"), ""),
        ("point", 1234.5, "1,234.5"),
        ("point", 3, "3"),
        ("comma", 1234.5, "1.234,5"),
        ("comma", 1e21, "1" + "0" * 21),
        ("held", 7.25, "7.25"),
        ("truth", True, "true"),
        ("agrees", False, "no"),
        ("agrees", True, "yes"),
        ("level", 1, "1"),
        ("level", 2.0, "2"),
        ("level", 3.5, "3.5"),
        ("level", 4, "4.0"),
        ("level", 4.0, "4.0"),
        ("level", True, "true"),
        ("words", 5, "5"),
        ("day", None, ""),
        ("some", True, "true"),
    ],
)
def test_a_json_value_is_what_its_column_has_for_it(name, value, text, model, predicted):
    row = json.loads(json.dumps(usual_row(**{name: value})))
    expected = predicted(csv_of({key: [cell] for key, cell in usual_row(**{name: text}).items()}))
    found = served(model, feeds_of_rows([row], model, LIMITS))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("plain", True, ("'true' is not a number",)),
        ("plain", 10**400, ("not allowed", "1e150")),
        ("plain", float("inf"), ("not allowed", "1e150")),
        ("plain", "\ud800", ("lone surrogates",)),
        ("agrees", "maybe", ("'maybe' is not a boolean",)),
        ("truth", 1, ("'1' is not a boolean",)),
        ("level", "a\0b", ("characters that are 0",)),
        ("words", ["good"], ("['good']",)),
        ("words", {"a": 1}, ("a text, a number, true, false or null",)),
        ("words", "z\udfffz", ("lone surrogates",)),
    ],
)
def test_an_unusable_cell_is_refused_with_its_place(name, value, parts, model, refused):
    rows = [usual_row(), usual_row(**{name: value})]
    with refused(RequestError, f"column '{name}', row 2", *parts):
        feeds_of_rows(rows, model, LIMITS)


def test_an_absent_cell_is_missing_and_other_columns_are_ignored(model):
    whole = usual_row(plain=None, label=["no cell"], other={})
    partial = {name: cell for name, cell in usual_row().items() if name != "plain"}
    found = feeds_of_rows([usual_row(), partial], model, LIMITS)
    np.testing.assert_equal(found, feeds_of_rows([usual_row(), whole], model, LIMITS))


def test_a_column_that_no_row_has_is_refused_by_name(model, predicted, refused):
    row = usual_row()
    del row["day"]
    with refused(RequestError, "no column 'day'", "plain, point"):
        feeds_of_rows([row, row], model, LIMITS)
    with refused(RequestError, "no column 'day'", "plain, point"):
        feeds_of_csv(csv_of({name: [cell] for name, cell in row.items()}), model, LIMITS)


def test_too_many_rows_are_too_large(model):
    limits = Limits(rows=2)
    whole = csv_of(columns_of(3))
    assert len(feeds_of_rows([usual_row()] * 2, model, limits)["plain"]) == 2
    for read, content in ((feeds_of_rows, [usual_row()] * 3), (feeds_of_csv, whole)):
        with pytest.raises(RequestError, match="3 rows; at most 2") as caught:
            read(content, model, limits)
        assert caught.value.status == 413


@pytest.mark.parametrize("rows", [[], [usual_row(), ["a"]], [None]])
def test_what_is_no_row_is_refused(rows, model):
    with pytest.raises(RequestError) as caught:
        feeds_of_rows(rows, model, LIMITS)
    assert caught.value.status == 400


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_csv_file_gets_the_answers_of_predict(encoding, model, predicted, monkeypatch):
    content = csv_of({**columns_of(ROWS), "label": ["u"] * ROWS}).decode().encode(encoding)
    expected = predicted(content)
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")  # it stays in memory
    found = served(model, feeds_of_csv(content, model, LIMITS))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"plain",
        b"\x89PNG\r\n\x1a\n\0\0\0",
        csv_of(columns_of(2)) + b"1,2\n",
        csv_of(columns_of(2)) + b'"open',
        csv_of({**columns_of(2), "day": ["2019-01-01", "yesterday"]}),
        b"a,b\n1,2\n",
    ],
)
def test_a_csv_file_that_predict_refuses_is_refused(content, model, predicted):
    with pytest.raises(DataError):
        predicted(content)
    with pytest.raises(RequestError) as caught:
        feeds_of_csv(content, model, LIMITS)
    assert caught.value.status == 400
