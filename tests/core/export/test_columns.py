"""The columns of tables in ONNX graphs, against hardmax's own reading of the same cells."""

import csv
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pytest
from hard_cells import BLANKS, BOOLEANS, DATES, FORMATS, MISSING, NUMBERS
from hypothesis import given
from hypothesis import strategies as st

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables.cells import PARSERS, texts
from hardmax.data.tables.encoding import ColumnCode, Encoding
from hardmax.data.tables.features import wanted_columns
from hardmax.data.tables.files import read_table
from hardmax.export.columns import add_columns
from hardmax.export.graph import FLOAT, Graph

ROWS = 120
ODD_LEVELS = ("a.*", "(b|c)", "two\nlines", r"back\slash", "ß", "Füße €", "[x", "'quoted'")
PLACES = [f"place {number}" for number in range(60)]
WORDS = ("good work", "bad work, sorry", "good night", "a bad night")


def session_of(graph):
    model = graph.model("test", {})
    onnx.checker.check_model(model, full_check=True)
    return ort.InferenceSession(model.SerializeToString())


class Exported:
    """An encoding, and the graph that computes it."""

    def __init__(self, encoding, reserved=()):
        graph = Graph()
        features, self.names = add_columns(graph, encoding, reserved)
        graph.output("features", features, FLOAT, "rows", encoding.features)
        self.encoding = encoding
        self.nodes = len(graph.model("test", {}).graph.node)
        self.session = session_of(graph)
        self.kinds = {one.name: one.type for one in self.session.get_inputs()}

    def features(self, columns):
        """Return the features that the graph computes from texts by column."""
        feeds = {}
        for column, name in self.names.items():
            is_text = self.kinds[name] == "tensor(string)"
            cells = np.array(columns[column], object)
            feeds[name] = cells if is_text else self.numbers(cells)
        return self.session.run(None, feeds)[0]

    def numbers(self, cells):
        """Return texts as numbers, also infinite ones; others are NaN."""
        return PARSERS["number"](texts(pa.array(cells), self.encoding.missing)).values

    def check(self, columns, table=None):
        """Compare the features of texts by the graph and by hardmax, and return them."""
        table = pa.table(columns) if table is None else table
        expected = self.encoding.encode(wanted_columns(table, self.encoding, strict=False))
        found = self.features(columns)
        assert found.dtype == np.float32
        for code, span in zip(self.encoding.columns, self.encoding.spans, strict=True):
            # Sines, cosines and lengths of vectors may differ in the last bit.
            bound = 2e-7 if code.cycles or code.kind == "text" else 0
            np.testing.assert_allclose(
                found[:, span], expected[:, span], rtol=0, atol=bound, err_msg=code.name
            )
        return found


def write(path, columns):
    """Write columns, given by name, as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """The encoding that is learned from a file with columns of every kind, as a graph."""
    generator = np.random.default_rng(0)
    values = generator.normal(1500, 700, ROWS).round(2)
    days = np.datetime64("2019-01-01T00:00") + generator.integers(0, 10**6, ROWS)
    columns = {
        "plain": [f"{value:.6g}" for value in values],
        "point": [f"${value:,.2f}" for value in values],
        "comma": [f"{value:,.2f} €".translate(str.maketrans(",.", ".,")) for value in values],
        "held": [f"{value:g}" for value in values],
        "free": [f"({value:,.1f})" for value in abs(values)],
        "truth": generator.choice(["true", "False"], ROWS).tolist(),
        "agrees": generator.choice(["Yes", "no", "n/a"], ROWS).tolist(),
        "odd": generator.choice(ODD_LEVELS, ROWS).tolist(),
        "place": PLACES * 2,
        "day": [str(day)[:10] for day in days],
        "moment": [str(day).replace("T", " ") for day in days],
        "month first": [f"{day.astype(object):%m/%d/%Y}" for day in days],
        "time": [f"{day.astype(object):%I:%M %p}" for day in days],
        "words": [f"{text} {number}" for number, text in enumerate(WORDS * (ROWS // 4))],
        "label": ["u", "v"] * (ROWS // 2),
    }
    for name, column in columns.items():
        if name not in ("truth", "place", "label"):
            column[3] = "N/A"
    columns["held"][5:9] = ["unknown"] * 4
    columns["free"][5:9] = ["free"] * 4
    path = write(tmp_path_factory.mktemp("export") / "table.csv", columns)
    reading = Reading(label="label", column_kinds=("place=category", "words=text"))
    return Exported(load(str(path), reading).encoding, reserved=("label",))


def test_all_kinds_and_styles_are_there(learned):
    found = {code.name: (code.kind, code.style) for code in learned.encoding.columns}
    assert found == {
        "plain": ("number", ""),
        "point": ("number", "point"),
        "comma": ("number", "comma"),
        "held": ("number", ""),
        "free": ("number", "point"),
        "truth": ("boolean", ""),
        "agrees": ("boolean", "yes/no"),
        "odd": ("category", ""),
        "place": ("category", ""),
        "day": ("date", ""),
        "moment": ("date", ""),
        "month first": ("date", "month-first"),
        "time": ("time of day", ""),
        "words": ("text", ""),
    }
    placeholders = [code.placeholder for code in learned.encoding.columns if code.placeholder]
    assert placeholders == ["unknown", "free"]
    assert [name for name, kind in learned.kinds.items() if kind == "tensor(double)"] == ["plain"]


LEVELS = (*ODD_LEVELS, "a", "a.b", "ss", "SS", "two lines", "two\r\nlines", "füße €", "b")
CELLS = tuple(
    dict.fromkeys(
        (*NUMBERS, *FORMATS, *BOOLEANS, *DATES, *BLANKS, *MISSING, *LEVELS, *WORDS, *PLACES)
    )
)


@pytest.fixture(scope="module")
def hard(learned):
    """The hard cells as texts in each column, some of them with blanks around."""
    cells = [*CELLS, *(f" \u00a0{cell}\t\u2009" for cell in CELLS)]
    return dict.fromkeys(learned.names, cells)


def test_hard_cells_of_a_file_are_read_as_hardmax_reads_them(learned, hard, tmp_path):
    path = write(tmp_path / "cells.csv", hard)
    with path.open(newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    columns = {name: [row[name] for row in rows] for name in hard}
    found = learned.check(columns, read_table(path, header=True).table)
    assert len(found) == 2 * len(CELLS)
    # In each column some cells are known, and some are unknown.
    for span in learned.encoding.spans:
        assert len(np.unique(found[:, span], axis=0)) > 1


def test_some_rows_are_read_as_in_a_whole(learned, hard):
    whole = learned.features(hard)
    for some in (slice(1), slice(7, 8), slice(20, 23)):
        part = learned.features({name: cells[some] for name, cells in hard.items()})
        np.testing.assert_array_equal(part, whole[some])


@pytest.mark.parametrize("cells", [[""], ["", ""], [" \t", "\u00a0"], ["n/a"], [" NaN ", ""]])
def test_rows_may_be_all_missing(learned, cells):
    found = learned.check(dict.fromkeys(learned.names, cells))
    for code, span in zip(learned.encoding.columns, learned.encoding.spans, strict=True):
        if code.missing:
            assert (found[:, span.stop - 1] == 1).all()
        assert (found[:, span.start : span.stop - code.missing] == 0).all()


alphabets = st.sampled_from(
    ["0123456789.,-+() e", "019,.'−$€% \u00a0", "yesnoYESNO ", "aß\n\\[", "n/aN"]
)
cells = st.one_of(
    st.sampled_from(CELLS),
    alphabets.flatmap(lambda letters: st.text(letters, max_size=9)),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    st.floats(allow_nan=False).map(repr),
    st.floats(-1e12, 1e12).map("{:,.3f}".format),
)


@given(st.data())
def test_any_cells_are_read_as_hardmax_reads_them(learned, data):
    rows = data.draw(st.integers(1, 5))
    column = st.lists(cells, min_size=rows, max_size=rows)
    learned.check({name: data.draw(column) for name in learned.names})


def test_thousands_of_categories_are_told_apart():
    levels = tuple(f"{number}\n{'.*'[number % 2]}ß" for number in range(2000))
    exported = Exported(Encoding((ColumnCode("place", "category", levels=levels),)))
    found = exported.check({"place": [*levels[::-1], "0\n*ß", "0", ""]})
    np.testing.assert_array_equal(found[:2000], np.eye(2000)[::-1])
    assert not found[2000:].any()


def test_names_that_cannot_be_those_of_inputs_are_changed():
    columns = ("", "label", "label (column)", "Concat:1", "text", "cells:0", "x:y", "features ")
    encoding = Encoding(
        tuple(
            ColumnCode(name, "number", style="point" if place % 2 else "")
            for place, name in enumerate(columns)
        )
    )
    exported = Exported(encoding, reserved=("label", "features"))
    assert exported.names == {
        "": "column 1",
        "label": "label (column)*",
        "label (column)": "label (column)",
        "Concat:1": "Concat:1 (column)",
        "text": "text",
        "cells:0": "cells:0 (column)",
        "x:y": "x:y",
        "features ": "features ",
    }
    assert [*exported.kinds] == [*exported.names.values()]
    exported.check({name: [str(place), "7"] for place, name in enumerate(columns)})


def test_graphs_of_many_columns_are_small():
    """Numbers share their operators; a column of categories has a few of its own."""
    kinds = (
        ColumnCode("", "number", missing=True),
        ColumnCode("", "number", style="comma", missing=True),
        ColumnCode("", "boolean", style="on/off"),
        ColumnCode("", "category", levels=("a", "b"), missing=True),
    )
    codes = [replace(kinds[number % 4], name=f"column {number}") for number in range(600)]
    exported = Exported(Encoding(tuple(codes)))
    generator = np.random.default_rng(0)
    pool = np.array(["1,5", "2", "on", "off", "a", "b", "c", ""], object)
    exported.check({code.name: generator.choice(pool, 3).tolist() for code in codes})
    assert exported.nodes < 5 * len(codes)
