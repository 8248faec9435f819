"""Table cells in ONNX graphs, against hardmax's own reading of the same cells."""

import unicodedata

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pytest
from hard_cells import BOOLEANS, FORMATS, NUMBERS

from hardmax.data.tables import cells as library
from hardmax.data.tables.cells import PARSERS
from hardmax.export.cells import add_booleans, add_trimmed
from hardmax.export.graph import DOUBLE, STRING, Graph
from hardmax.export.numbers import add_numbers


def run(add, kind, cells, *arguments):
    """Return what nodes make of cells."""
    graph = Graph()
    values = add(graph, graph.input("cells", STRING, "rows"), *arguments)
    graph.output("values", values, kind, "rows")
    model = graph.model("test", {})
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString())
    return session.run(None, {"cells": np.array(cells, object)})[0]


def known_characters():
    """Return the characters that Python knows; newer ones may have a lowercase in pyarrow."""
    characters = map(chr, range(0x30000))
    return [one for one in characters if unicodedata.category(one) not in ("Cn", "Cs")]


def test_all_characters_are_trimmed_as_in_hardmax():
    cells = [*known_characters(), *(f"{one}x {one} y{one}" for one in known_characters())]
    found = run(add_trimmed, STRING, cells, ())
    assert found.tolist() == library.trimmed(pa.array(cells)).to_pylist()
    assert found.tolist() == [cell.strip() for cell in cells]


def test_texts_for_missing_values_are_found_in_any_case_as_in_hardmax():
    missing = ("i", "kelvin", "straße", "å", "σ", "ω", "s.t+u", "\\d", "a\nb", "[^x]", "ǆ", "NO")
    cased = [one for one in known_characters() if one.lower() != one or one.upper() != one]
    cells = [form.format(one) for one in cased for form in ("{}", "{}elvin", "stra{}e")]
    cells += ["S.T+U", "s.t+uu", "st+u", "\\D", "5", "A\nB", "a\rb", "[^X]", "STRASSE", "no", "NO"]
    found = run(add_trimmed, STRING, cells, missing).tolist()
    assert found == library.texts(pa.array(cells), missing).fill_null("").to_pylist()
    missed = {cell for cell, text in zip(cells, found, strict=True) if not text}
    assert {"İ", "\u212aelvin", "stra\u1e9ee", "Å", "Σ", "S.T+U", "\\D", "A\nB"} < missed


@pytest.mark.parametrize("style", library.BOOLEANS)
def test_booleans_are_read_as_in_hardmax(style):
    spelled = [text for texts in library.BOOLEANS.values() for text in texts]
    cells = [*BOOLEANS, *spelled, *map(str.upper, spelled), *map(str.title, spelled), ""]
    expected = PARSERS[style](pa.array(cells)).values
    np.testing.assert_array_equal(run(add_booleans, DOUBLE, cells, style), expected)
    assert {0.0, 1.0} < {*expected}


@pytest.mark.parametrize("parser", ["number", "point", "comma"])
def test_numbers_are_read_to_the_last_bit_as_in_hardmax(parser):
    generator = np.random.default_rng(0)
    values = np.exp(generator.normal(0, 200, 2000)) * generator.choice([-1, 1], 2000)
    written = [
        f"{value:,.{place % 20}f}" for place, value in enumerate(values) if abs(value) < 1e40
    ]
    swapped = [text.translate(str.maketrans(",.", ".,")) for text in written]
    cells = [*NUMBERS, *FORMATS, *map(repr, values.tolist()), *written, *swapped, ""]
    expected = PARSERS[parser](pa.array(cells)).values
    # Larger ones count as missing in the end, and smaller ones as 0.
    expected[abs(expected) >= 1e151] = np.nan
    expected[abs(expected) < 1e-307] *= 0
    np.testing.assert_array_equal(run(add_numbers, DOUBLE, cells, parser), expected)
    assert np.isfinite(expected).sum() > 500
