"""Numbers as people write them: separators of thousands, decimal commas and units."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables.columns import guess_column, read_as
from hardmax.data.tables.encoding import Encoding
from hardmax.data.tables.features import encode_table
from hardmax.errors import DataError


def guess(*cells):
    return guess_column("a", pa.chunked_array([pa.array(cells)]))


@pytest.mark.parametrize(
    ("cells", "style", "values"),
    [
        (["1,234", "752", "12,345.5"], "point", [1234, 752, 12345.5]),
        (["0,830", "-0,496", "12,3"], "comma", [0.83, -0.496, 12.3]),
        (["1.234,5", "7"], "comma", [1234.5, 7]),
        (["1 430", "12 345 678"], "point", [1430, 12345678]),
        (["1\u00a0430,5", "2\u202f000,25"], "comma", [1430.5, 2000.25]),
        (["1'430.5", "2’000"], "point", [1430.5, 2000]),
        (["$1,782", "$752", "-$3.50", "$-4"], "point", [1782, 752, -3.5, -4]),
        (["3 €", "1.000,50 €"], "comma", [3, 1000.5]),
        (["£ 3", "£4.5"], "point", [3, 4.5]),
        (["EUR 3", "1.000,50 EUR", "4"], "comma", [3, 1000.5, 4]),
        (["US$5", "US$ 1,234", "-US$7"], "point", [5, 1234, -7]),
        (["1 200 kr", "3 kr"], "point", [1200, 3]),
        (["65.6%", "7 %", "0"], "point", [65.6, 7, 0]),
        (["(1,234)", "5", "($6)"], "point", [-1234, 5, -6]),
        (["−3", "4"], "point", [-3, 4]),
        (["$5", "", "n/a", "$.5"], "point", [5, np.nan, np.nan, 0.5]),
        (["1", "2.5"], "", [1, 2.5]),
    ],
)
def test_formatted_numbers_are_numbers(cells, style, values):
    found = guess(*cells)
    assert (found.kind, found.style) == ("number", style)
    np.testing.assert_array_equal(found.values, values)


numbers = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=2)


@given(st.lists(numbers, min_size=1, max_size=20))
def test_python_formats_are_read_back(values):
    expected = [float(value) for value in values]
    points = [f"{value:,.2f}" for value in values]
    commas = [text.translate(str.maketrans(",.", ".,")) for text in points]
    for cells in (
        points,
        commas,
        [f"{text} €" for text in commas],
        [f"${text}" for text in points],
    ):
        found = guess(*cells)
        assert found.kind == "number"
        np.testing.assert_array_equal(found.values, expected)


@pytest.mark.parametrize(
    "cell",
    [
        *("1,23,456", "1,2,3", "1.2.3", "192.168.0.1", "$", "1-2", "3/4"),
        *(
            "25:30",
            "1 2",
            "A1",
            "5 kg",
            "ABC 5",
            "€5€x",
            "(a)",
            "%5",
            "1,234.5,6",
            "0,123,456",
            "1e5 €",
        ),
    ],
)
def test_other_texts_are_not_numbers(cell):
    assert guess(cell, cell, "x y", "z").kind == "category"
    assert guess(cell, cell).kind == "category"


@pytest.mark.parametrize("other", ["7 €", "7 EUR", "7%"])
def test_numbers_of_different_units_are_not_one_column(other):
    assert guess("$5", "$6", other).kind == "category"
    assert guess_column("a", pa.chunked_array([["$5", other]]), given="number").kind == "number"


def test_different_marks_are_not_one_column():
    assert guess("1.5", "2,5", "3,75").kind == "category"
    assert guess("1,5", "2.5", "3.75").kind == "category"


def test_the_style_is_told_and_stays_with_the_encoding(tmp_path):
    values = np.random.default_rng(0).normal(1500, 700, 200).round(2)
    cells = [f"{value:,.2f} €".translate(str.maketrans(",.", ".,")) for value in values]
    frame = pd.DataFrame({"x": cells, "y": ["u", "v"] * 100})
    plain = frame.assign(x=values)
    for name, one in {"a": frame, "plain": plain}.items():
        one.to_csv(tmp_path / f"{name}.csv", index=False)
    dataset = load(str(tmp_path / "a.csv"), Reading(label="y"))
    expected = load(str(tmp_path / "plain.csv"), Reading(label="y"))
    np.testing.assert_array_equal(dataset.train.values, expected.train.values)
    (notice,) = (one for one in dataset.notices if "is read as" in one)
    cell = notice.split("'")[1]
    assert notice == f"a, column x: {cell!r} is read as {values[cells.index(cell)]:.12g}"
    restored = Encoding.from_json(json.loads(json.dumps(dataset.encoding.as_json())))
    found, _ = encode_table(pa.table({"x": cells[:5]}), tmp_path, restored)
    np.testing.assert_array_equal(
        found, encode_table(pa.table({"x": values[:5]}), tmp_path, restored)[0]
    )
    with pytest.raises(DataError, match=r"row 1: '1.5' is not a number"):
        encode_table(pa.table({"x": ["1.5"]}), tmp_path, restored)


def test_one_other_text_among_formatted_numbers_is_a_placeholder():
    found = guess("$1,000", "free", "$20", "$3")
    assert (found.style, found.placeholder) == ("point", "free")
    np.testing.assert_array_equal(found.values, [1000, np.nan, 20, 3])
    again = read_as(
        "a",
        pa.chunked_array([["free", "$1,500", "$2x"]]),
        "number",
        style="point",
        placeholder="free",
        strict=False,
    )
    np.testing.assert_array_equal(again.values, [np.nan, 1500, np.nan])
    assert again.odd.tolist() == [2]


def test_a_number_has_one_separator_of_thousands():
    """A blank that separates thousands makes the comma in the same number a decimal comma."""
    found = guess("1 920,605", "4 567", "3,5")
    assert (found.style, found.values.tolist()) == ("comma", [1920.605, 4567, 3.5])


def test_percents_and_fractions_are_not_mixed():
    assert guess("46%", "0.46", "30%").kind == "category"
