"""Texts as vectors in an ONNX graph, against the library's and n-grams by hand."""

import argparse
import functools
import inspect
import json
import math
import random
import re
import statistics
import sys
import unicodedata
from collections import Counter
from itertools import pairwise

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils import murmurhash3_32

from hardmax.data.tables.encoding import ColumnCode
from hardmax.data.tables.ngrams import HASHES, WORDS, Ngrams, choose_ngrams, write_vectors
from hardmax.export.graph import FLOAT, STRING, Graph
from hardmax.export.texts import add_vectors

#: Texts in which scripts, cases, white space, marks and numbers are unusual.
HARD = {
    "german": "Übermäßig große Straßen; ÄRGER in der GROẞEN STRAẞE, größer als Öl",
    "greek": "ΟΔΥΣΣΕΥΣ ΣΟΦΟΣ, ὈΔΥΣΣΕΎΣ. Σ ΑΣ ΣΑ Α'Σ ΑΣ' ΑΣ'Α ΑΣ.Α 1Σ Σ1 ΑΣ1 ΑΣ\u0301 ΑΣ\u00adΑ _Σ_",
    "sigma at the ends": "Σ",
    "turkish": "İSTANBUL Iğdır İİ aİb İ I ı i",
    "emoji": "👍🏽 😀😀 👩\u200d👩\u200d👧 ok👍ok 🇩🇪",
    "chinese": "机器学习，深度学习。 テキスト　ぶんるい 한국어 문장",
    "marks": "e\u0301a\u0308 A\u0301B e\u0301\u0301\u0301 \u0301 नमस्ते ไทย",
    "white space": "a\tb\nc\r\nd \u00a0 e\u3000f\u2028g\x1ch\x85i\u200bj",
    "underscores": "_ __ _a_ a_b __init__ snake_case-kebab-case",
    "digits": "x² ½ 1½ Ⅻ ① 12:30 3.14 ٣٤ 1_000",
    "letters": "a b c d a b c d I x, y. (z) é 字",
    "punctuation": "... --- ?! .,;: “”",
    "nul": "a\0b \0 c",
    "title case": "Ǆ ǅ ǆ ᾈ ᾼ Ⓐ Ꭰ",
    "long": " ".join(f"Word{at % 97}" for at in range(1500)),
    "long word": "0123456789abcdefX" * 300,
    "blank piece ends": "x" * 62 + " " + "y" * 65 + " z",
}


def session_of(*columns):
    """Return a session that encodes columns "0", "1", ... by their n-grams."""
    graph = Graph()
    for at, (hashes, weights, length) in enumerate(columns):
        code = ColumnCode("a", "text", scale=length, hashes=(*hashes,), weights=(*weights,))
        encoded = add_vectors(graph, graph.input(str(at), STRING, "rows"), code)
        graph.output(f"vectors of {at}", encoded, FLOAT, "rows", len(hashes))
    model = graph.model("texts", {})
    onnx.checker.check_model(model, full_check=True)
    return ort.InferenceSession(model.SerializeToString())


def vectors(session, *columns):
    feeds = {str(at): np.array(texts, object) for at, texts in enumerate(columns)}
    return session.run(None, feeds)


def library_vectors(texts, chosen):
    distinct = sorted({*texts} - {""})
    codes = np.array([distinct.index(text) if text else -1 for text in texts])
    out = np.empty((len(texts), len(chosen.hashes)), np.float32)
    write_vectors(out, codes, distinct, chosen)
    return out


def check(found, texts, chosen):
    """Check that vectors are those of the library."""
    expected = library_vectors(texts, chosen)
    assert found.shape == expected.shape
    different = found != expected
    np.testing.assert_allclose(found[different], expected[different], rtol=1e-6, atol=0)


def by_hand(text, chosen):
    """Return the vector of a text as {hash: value}, for weights of all hashes."""
    text = text.lower()
    words, counts = re.findall(r"\w+", text), Counter()
    for gram in [*words, *map(" ".join, pairwise(words))]:
        counts[abs(murmurhash3_32(gram)) % WORDS] += 1
    for token in text.split():
        padded = f" {token} "
        for length in (2, 3, 4):
            for at in range(len(padded) - length + 1):
                gram = padded[at : at + length]
                counts[WORDS + abs(murmurhash3_32(gram)) % WORDS] += 1
    values = {at: (1 + math.log(n)) * chosen.weights[at] for at, n in counts.items()}
    norm = math.hypot(*values.values())
    return {at: value / norm * chosen.length for at, value in values.items()}


@pytest.fixture(scope="module")
def every():
    """Return all n-grams there can be, each with its own weight, and a session with them."""
    chosen = Ngrams(np.arange(HASHES), np.linspace(1, 2, HASHES), 3.5)
    return chosen, session_of(chosen)


@pytest.fixture(scope="module")
def docstrings():
    modules = (argparse, functools, inspect, json, random, statistics)
    owners = [vars(module).values() for module in modules]
    texts = {doc.strip() for values in owners for one in values if (doc := inspect.getdoc(one))}
    return sorted(texts - {""})


def test_documentation_has_the_vectors_of_the_library(docstrings):
    """The n-grams are those that a column of these texts is encoded by; a second has others."""
    rows = np.ones(len(docstrings), np.int64)
    many, few = (choose_ngrams(docstrings, rows, most) for most in (4096, 10))
    session = session_of(many, few)
    assert len(many.hashes) > 200
    assert len(few.hashes) == 10
    texts = [*docstrings[::2], "", "€", *docstrings[::3]]
    found = vectors(session, texts, texts[::-1])
    assert np.mean(found[0].any(axis=1)) > 0.9
    check(found[0], texts, many)
    check(found[1], texts[::-1], few)
    for texts in (docstrings[7:8], [""], ["", "", ""], []):
        check(vectors(session, texts, texts)[0], texts, many)


@pytest.mark.parametrize("name", HARD)
def test_hard_texts_have_the_vectors_of_the_library_and_by_hand(every, name):
    chosen, session = every
    (found,) = vectors(session, [HARD[name]])
    check(found, [HARD[name]], chosen)
    expected = by_hand(HARD[name], chosen)
    assert {*np.flatnonzero(found)} == expected.keys()
    np.testing.assert_allclose(found[0, [*expected]], [*expected.values()], rtol=1e-6)


def test_texts_of_a_batch_do_not_mix(every):
    """A word, an n-gram and the neighbors of a Σ end with their text."""
    chosen, session = every
    texts = ["ΑΣ", "ΑΣ", "", "a", "İ", "\u0301", "Σ"]
    (found,) = vectors(session, texts)
    for at, text in enumerate(texts):
        assert {*np.flatnonzero(found[at])} == by_hand(text, chosen).keys()


def test_all_characters_are_those_of_python(every):
    """Also beside a Σ, where they decide which lowercase letter it becomes."""
    chosen, session = every
    # There are too many letters without a case, and characters without an owner: samples do.
    characters = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) not in ("Cn", "Co", "Cs", "Lo")
    ]
    characters += ["\u0378", "\ue000", "\uffff", "\U0010ffff", *"ªºƻǀא中ゐ가𒀀", "\U00020000"]
    text = " ".join(f"a{one}b A{one}Σ \0{one}Σ AΣ{one} AΣ{one}b" for one in characters)
    check(vectors(session, [text])[0], [text], chosen)


def test_the_smallest_hash_has_a_place(every):
    chosen, session = every
    assert murmurhash3_32("auozubow") == -(2**31)
    (found,) = vectors(session, ["auozubow"])
    check(found, ["auozubow"], chosen)
    assert found[0, 0] > 0


@given(
    st.lists(
        st.text(max_size=30)
        | st.text(st.sampled_from("aAbΣσςİi\u0301.' \t\n_1²½é👍字"), max_size=30),
        min_size=1,
        max_size=2,
    )
)
@settings(max_examples=100, deadline=None)
def test_any_text_has_the_vector_of_the_library(every, texts):
    chosen, session = every
    texts = [text.strip() for text in texts]
    check(vectors(session, texts)[0], texts, chosen)
