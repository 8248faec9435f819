"""Texts as vectors: hashed n-grams of words and of letters, weighted by how rare they are."""

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = [
    "LEAST_ROWS",
    "Ngrams",
    "check_ngrams",
    "choose_ngrams",
    "most_ngrams",
    "write_vectors",
]

#: The n-grams of words have the hashes below WORDS, those of letters the others below HASHES.
WORDS = 2**18
HASHES = 2 * WORDS

#: The lengths of the n-grams, in words and in letters.
OF_WORDS, OF_LETTERS = (1, 2), (2, 4)

#: The texts that are analyzed at a time.
BLOCK = 1024

#: N-grams are chosen by at most this many distinct texts, evenly spaced.
MAX_TEXTS = 50_000

#: N-grams in fewer rows are not used.
LEAST_ROWS = 3

#: All columns of text together become at most this many features, ...
MAX_NGRAMS = 2**12

#: ... so few that they take at most 1 GiB of float32, ...
MAX_VALUES = 2**28

#: ... and each at most one for this many words in the training rows, and this many times the square
#: of the mean number of words: codes and names, which have few, tempt to learn rows by heart.
WORDS_PER_NGRAM, NGRAMS_PER_SQUARE = 32, 16


class Ngrams(NamedTuple):
    """The n-grams that a column of texts is encoded by, with the ``length`` of its vectors.

    ``hashes`` are int64 and ``weights`` float64, both of shape (n-grams,).
    """

    hashes: np.ndarray
    weights: np.ndarray
    length: float


def most_ngrams(rows: int, columns: int) -> int:
    """Return how many n-grams each of the ``columns`` of text in a table may have at most."""
    return min(MAX_NGRAMS, MAX_VALUES // max(rows, 1)) // max(columns, 1)


def choose_ngrams(texts: Sequence[str], rows: np.ndarray, most: int) -> Ngrams:
    """Return at most ``most`` n-grams of texts, but at least one if any can be used.

    ``texts`` are distinct, and ``rows``, int64, is the number of training rows with each. Chosen
    are n-grams in at least LEAST_ROWS rows, those whose presence has the largest variance. The
    weights are inverse document frequencies, ln((1 + rows) / (1 + rows with it)) + 1, as
    scikit-learn's TfidfTransformer computes them. The length of a vector is about that of as many
    standardized numbers as a text has words on average.
    """
    step = -(-len(texts) // MAX_TEXTS)
    texts, rows = texts[::step], rows[::step]
    found = np.zeros(HASHES)
    for at in range(0, len(texts), BLOCK):
        block = _counts(texts[at : at + BLOCK])
        of_entries = np.repeat(rows[at : at + BLOCK], np.diff(block.indptr))
        found += np.bincount(block.indices, weights=of_entries, minlength=HASHES)
    total = rows.sum()
    words = np.dot([len(text.split()) or 1 for text in texts], rows) / total
    most = int(min(most, total * words / WORDS_PER_NGRAM, NGRAMS_PER_SQUARE * words**2))
    useful = np.flatnonzero((found >= LEAST_ROWS) & (found < total))
    variance = found[useful] * (total - found[useful])
    ranked = np.argsort(-variance, kind="stable")[: max(most, 1)]
    hashes = np.sort(useful[ranked])
    weights = np.log((1 + total) / (1 + found[hashes])) + 1
    return Ngrams(hashes, weights, float(np.sqrt(words)))


def check_ngrams(hashes: Sequence[int], weights: Sequence[float]) -> None:
    """Raise ValueError unless there is a weight above 0 for each of distinct hashes."""
    if len(hashes) != len(weights):
        raise ValueError(f"{len(hashes)} hashes, but {len(weights)} weights")
    if not all(0 <= one < HASHES for one in hashes) or len({*hashes}) < len(hashes):
        raise ValueError(f"hashes that are not distinct integers from 0 to {HASHES - 1}")
    if not all(isfinite(weight) and weight > 0 for weight in weights):
        raise ValueError("weights that are not above 0")


def write_vectors(
    out: np.ndarray,
    codes: np.ndarray,
    texts: Sequence[str],
    ngrams: Ngrams,
) -> None:
    """Write the vectors of texts to ``out``, float32 (rows, n-grams).

    ``codes``, int64 (rows,), are indices into ``texts``; -1 and a text without any of the n-grams
    become zeros. Other vectors have the Euclidean norm ``ngrams.length`` and the direction of
    (1 + ln(count)) * weight. No more than BLOCK rows are computed at a time.
    """
    from sklearn.preprocessing import normalize

    out[:] = 0
    order = np.argsort(codes, kind="stable")[(codes < 0).sum() :]
    for at in range(0, len(order), BLOCK):
        rows = order[at : at + BLOCK]
        places, of_rows = np.unique(codes[rows], return_inverse=True)
        found = _presence([texts[place] for place in places])[:, ngrams.hashes]
        found = normalize(found.multiply(ngrams.weights)) * ngrams.length
        out[rows] = found.astype(np.float32).toarray()[of_rows]


def _presence(texts: Sequence[str]) -> "csr_matrix":
    """Return 1 + ln(count) of the n-grams of texts, float64 (texts, HASHES)."""
    counts = _counts(texts)
    counts.data = 1 + np.log(counts.data)
    return counts


def _counts(texts: Sequence[str]) -> "csr_matrix":
    """Return how often texts have each n-gram, float64 (texts, HASHES)."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

    plain = {"n_features": WORDS, "norm": None, "alternate_sign": False}
    words = HashingVectorizer(ngram_range=OF_WORDS, token_pattern=r"\w+", **plain)
    letters = HashingVectorizer(analyzer="char_wb", ngram_range=OF_LETTERS, **plain)
    # As n-grams of letters do not cross blanks, each distinct token is analyzed only once.
    tokens = CountVectorizer(analyzer=_tokens, dtype=np.float64)
    of_tokens = tokens.fit_transform(texts)
    of_letters = of_tokens @ letters.transform(tokens.get_feature_names_out())
    return hstack([words.transform(texts), of_letters], format="csr")


def _tokens(text: str) -> list[str]:
    return text.lower().split() or [text]
