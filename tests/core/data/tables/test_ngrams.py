"""Columns of text: n-grams against scikit-learn's, and what is learned from them."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables import ngrams
from hardmax.data.tables.columns import Column, guess_column
from hardmax.data.tables.encoding import Encoding
from hardmax.data.tables.features import encode_table
from hardmax.data.tables.learning import learn
from hardmax.data.tables.ngrams import Ngrams, choose_ngrams, most_ngrams, write_vectors
from hardmax.data.tables.survey import survey_table

#: The words of the sentences.
WORDS = "the sepal length and petal width of an iris flower in cm are four measured numbers".split()


def sentences(count, seed=0):
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, 12)) for _ in range(count)]


def column(cells):
    return guess_column("t", pa.chunked_array([pa.array(cells)]))


def vectors(cells, chosen):
    """Return the vectors of cells, None for a missing one."""
    texts = sorted({cell for cell in cells if cell is not None})
    codes = np.array([-1 if cell is None else texts.index(cell) for cell in cells])
    out = np.full((len(cells), len(chosen.hashes)), np.nan, np.float32)
    write_vectors(out, codes, texts, chosen)
    return out


def test_vectors_are_those_of_scikit_learns_tf_idf(monkeypatch):
    """Vectors of all n-grams have the inner products of unhashed ones: their order is free."""
    monkeypatch.setattr(ngrams, "WORDS_PER_NGRAM", 0.001)
    monkeypatch.setattr(ngrams, "NGRAMS_PER_SQUARE", 1000)
    known = [*sentences(40), "É. a\tb  c-d.", *["Iris iris IRIS, é"] * 3]
    new = ["a b", "é iris", "IRIS iris petal", "inches \u3000 of it", "width of width", "c"]
    distinct, counts = np.unique(known, return_counts=True)
    chosen = choose_ngrams(distinct.tolist(), counts, 10**6)
    found = vectors(known + new, chosen) / chosen.length
    expected = []
    for options in (
        {"ngram_range": (1, 2), "token_pattern": r"\w+"},
        {"ngram_range": (2, 4), "analyzer": "char_wb"},
    ):
        counter = CountVectorizer(**options).fit(known)
        weights = TfidfTransformer(norm=None, sublinear_tf=True).fit(counter.transform(known))
        rows = (counter.transform(known).toarray() > 0).sum(axis=0)
        useful = (rows >= 3) & (rows < len(known))
        expected.append(weights.transform(counter.transform(known + new)).toarray()[:, useful])
    expected = normalize(np.concatenate(expected, axis=1))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-5)


@given(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=9))
@settings(max_examples=10, deadline=None)
def test_any_text_has_a_vector(texts):
    distinct, counts = np.unique(texts * 3, return_counts=True)
    chosen = choose_ngrams([*map(str, distinct)], counts, 2**12)
    if len(chosen.hashes):
        lengths = np.linalg.norm(vectors([*texts, "other"], chosen), axis=1)
        assert np.all((lengths == 0) | np.isclose(lengths, chosen.length, rtol=1e-6))


def test_the_most_varying_ngrams_are_chosen_and_rare_ones_are_not():
    cells = ["same win", "same meet", "same win", "same meet"] * 50 + ["same rare"] * 2
    distinct, counts = np.unique(cells, return_counts=True)
    chosen = choose_ngrams(distinct.tolist(), counts, 2**12)
    found = vectors(["same win", "same meet", "same rare", "same", None], chosen)
    lengths = np.linalg.norm(found, axis=1)
    np.testing.assert_allclose(lengths, np.sqrt([2, 2, 0, 0, 0]), rtol=1e-6)
    assert found[0] @ found[1] == 0
    few = choose_ngrams(distinct.tolist(), counts, 3)
    assert len(few.hashes) == 3
    assert {*few.hashes} <= {*chosen.hashes}


def test_blocks_of_rows_give_the_same_vectors(monkeypatch):
    cells = [*sentences(30), None] * 2
    distinct, counts = np.unique([cell for cell in cells if cell], return_counts=True)
    chosen = choose_ngrams(distinct.tolist(), counts, 64)
    whole = vectors(cells, chosen)
    monkeypatch.setattr(ngrams, "BLOCK", 7)
    again = choose_ngrams(distinct.tolist(), counts, 64)
    np.testing.assert_array_equal(again.hashes, chosen.hashes)
    np.testing.assert_array_equal(vectors(cells, chosen), whole)


def test_many_rows_and_columns_share_the_features():
    assert most_ngrams(100, 1) == 2**12
    assert most_ngrams(100, 4) == 2**10
    assert most_ngrams(2**20, 2) * 2 * 2**20 * 4 == 2**30


def test_only_the_training_rows_decide_and_missing_cells_are_zeros():
    cells = [*sentences(200), None, *["of unknown words"] * 50]
    text = column(cells)
    encoding, left_out = learn([text], np.arange(201))
    (code,) = encoding.columns
    assert (code.kind, code.missing, left_out) == ("text", True, {})
    assert learn([column(cells[:201])], np.arange(201))[0] == encoding
    found = encoding.encode([text])
    np.testing.assert_allclose(np.linalg.norm(found[:200], axis=1), np.sqrt(12), rtol=1e-6)
    assert found[200].tolist() == [0] * len(code.hashes) + [1]
    assert encoding.unseen([text]) == []
    restored = Encoding.from_json(json.loads(json.dumps(encoding.as_json())))
    assert restored == encoding
    np.testing.assert_array_equal(restored.encode([text]), found)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "category"},
        {"hashes": [], "weights": []},
        {"hashes": [3, 3], "weights": [1.0, 1.0]},
        {"hashes": [2**19], "weights": [1.0]},
        {"hashes": [-1], "weights": [1.0]},
        {"hashes": [1, 2], "weights": [1.0]},
        {"hashes": [1.5], "weights": [1.0]},
        {"hashes": [1], "weights": [0.0]},
        {"hashes": [1], "weights": [float("inf")]},
    ],
)
def test_an_invalid_encoding_of_text_is_rejected(changes):
    encoding, _ = learn([column(sentences(50))], np.arange(50))
    stored = json.loads(json.dumps(encoding.as_json()))
    with pytest.raises((TypeError, ValueError)):
        Encoding.from_json({**stored, "columns": [stored["columns"][0] | changes]})


def test_few_levels_are_still_categories():
    names = Column("c", "category", np.arange(512) % 256, tuple(map(str, range(256))))
    assert learn([names], np.arange(512))[0].columns[0].kind == "category"


def test_a_classifier_learns_from_a_table_of_text_alone(tmp_path):
    cells = sentences(400)
    labels = ["spam" if "iris" in cell.split() else "ham" for cell in cells]
    path = tmp_path / "sms.csv"
    pd.DataFrame({"text": cells, "label": labels}).to_csv(path, index=False)
    dataset = load(str(path), Reading(label="label"))
    assert "sms: 1 column is used (1 text)" in dataset.notices
    linear = LogisticRegression(max_iter=500).fit(dataset.train.values, dataset.train.labels)
    assert linear.score(dataset.test.values, dataset.test.labels) > 0.97
    assert survey_table(path, Reading(label="label")).columns["text"]["kind"] == "text"
    numbers = pa.table({"text": [7, None]})  # as a reader may find them in a column of new texts
    encoded, notices = encode_table(numbers, path, dataset.encoding)
    assert (encoded.shape[0], notices) == (2, [])


def test_no_text_has_none_of_the_ngrams():
    assert vectors(["x"], Ngrams(np.array([5]), np.array([1.0]), 1.0)).tolist() == [[0.0]]


def test_a_few_short_texts_have_a_feature():
    cells = [f"{chr(97 + i)}-1" for i in range(15)] + ["z"] * 3
    (code,) = learn([column(cells)], np.arange(18))[0].columns
    assert (code.kind, len(code.hashes)) == ("text", 1)
