"""Texts as vectors of n-grams in an ONNX graph, as ``hardmax.data.tables.ngrams`` computes them.

All texts together are one stream of characters, in which blanks separate them: its size is that of
the texts, however different their lengths are.
"""

from collections.abc import Iterable
from functools import cache
from sys import maxunicode
from typing import NamedTuple
from unicodedata import category

import numpy as np

from hardmax.data.tables.encoding import ColumnCode
from hardmax.data.tables.ngrams import OF_LETTERS, WORDS
from hardmax.export.graph import FLOAT, INT64, MICROSOFT, STRING, Graph, lookup, tokens

__all__ = ["add_vectors"]

#: Texts are cut into pieces of this many characters first, so that a long one makes no wide table.
PIECE = 64

#: The characters of a word are joined to pieces of 2, 4, 8, ... up to more than a string can have.
STRIDES = 2 ** np.arange(32)

#: The end of a slice that goes to the end.
END = 2**63 - 1


class Characters(NamedTuple):
    """Characters by what Python does with them.

    ``changes`` maps those that change when a text is lowercased and its white space becomes " ".
    The others are patterns: ``word`` of those in words, and ``cased`` and ``ignored`` of those that
    decide whether a Σ near them is at the end of a word.
    """

    changes: dict[str, str]
    word: str
    cased: str
    ignored: str


class Items(NamedTuple):
    """Characters, words, n-grams or hashes of all rows in one tensor, and the rows they are of."""

    values: str
    rows: str


def add_vectors(graph: Graph, plain: str, code: ColumnCode) -> str:
    """Add the encoding of a column of texts, as ``write_vectors`` computes it.

    ``plain`` is a string tensor (rows,) of trimmed cells, "" for missing ones. Returns a float
    tensor (rows, n-grams of ``code``).
    """
    characters = _lowercase(graph, plain)
    words = _hashes(graph, _words(graph, characters))
    letters = _hashes(graph, _letters(graph, characters))
    moved = graph.op("Add", letters.values, graph.constant(WORDS))
    hashes = graph.op("Concat", words.values, moved, axis=0)
    rows = graph.op("Concat", words.rows, letters.rows, axis=0)
    counts = _counts(graph, Items(hashes, rows), code.hashes, graph.op("Shape", plain))
    return _normalized(graph, counts, code)


def _lowercase(graph: Graph, plain: str) -> Items:
    """Return the characters of the lowercased texts, each between blanks."""
    blank = graph.constant(" ", object)
    texts = graph.op("StringConcat", graph.op("StringConcat", blank, plain), blank)
    pieces = _tokens(graph, texts, tokenexp=f"(?s).{{1,{PIECE}}}")
    characters = _tokens(graph, pieces.values, separators=[""])
    # Some characters become two.
    lower = _tokens(graph, _lower(graph, characters.values), separators=[""])
    of_pieces = graph.op("Gather", characters.rows, lower.rows)
    return Items(lower.values, graph.op("Gather", pieces.rows, of_pieces))


def _tokens(graph: Graph, texts: str, **options: object) -> Items:
    """Return the tokens of texts, and the places of the texts that they are of."""
    table = tokens(graph, texts, **options)
    found = graph.op("Not", graph.op("Equal", table, graph.constant("", object)))
    chosen = graph.op("Compress", table, graph.op("Reshape", found, graph.constant([-1])))
    rows = graph.op("Gather", graph.op("NonZero", found), graph.constant(0), axis=0)
    return Items(chosen, rows)


def _lower(graph: Graph, characters: str) -> str:
    """Return characters in lowercase, and white space as " "."""
    final = graph.constant("ς", object)
    characters = graph.op("Where", _is_final_sigma(graph, characters), final, characters)
    changes = _characters().changes
    lower = lookup(graph, characters, changes, "")
    same = graph.op("Equal", lower, graph.constant("", object))
    return graph.op("Where", same, characters, lower)


def _is_final_sigma(graph: Graph, characters: str) -> str:
    """Return whether each character is a Σ at the end of a word.

    There is a cased one before it, but none behind it, apart from those that are ignored, such as
    apostrophes and combining marks.
    """
    kept = graph.op("Not", _matches(graph, characters, _characters().ignored))
    cased = _matches(graph, graph.op("Compress", characters, kept), _characters().cased)
    ends = graph.op("Not", _part(graph, cased, 2, END))
    final = graph.op("And", _part(graph, cased, 0, -2), ends)
    # The first and the last character are blanks.
    no = graph.constant([False])
    final = graph.op("Concat", no, final, no, axis=0)
    sigma = graph.op("Equal", characters, graph.constant("Σ", object))
    return graph.op("And", sigma, graph.op("Gather", final, _number(graph, kept)))


def _words(graph: Graph, characters: Items) -> list[Items]:
    """Return the words, and the pairs of words in succession."""
    in_word = _matches(graph, characters.values, _characters().word)
    before = graph.op("Concat", graph.constant([False]), _part(graph, in_word, 0, -1), axis=0)
    is_first = graph.op("And", in_word, graph.op("Not", before))
    rows = graph.op("Compress", characters.rows, is_first)
    letters = graph.op("Compress", characters.values, in_word)
    is_first = graph.op("Compress", is_first, in_word)
    words = graph.op("Compress", _joined(graph, letters, is_first), is_first)
    before = graph.op("StringConcat", _part(graph, words, 0, -1), graph.constant(" ", object))
    pairs = graph.op("StringConcat", before, _part(graph, words, 1, END))
    of_first = _part(graph, rows, 0, -1)
    in_row = graph.op("Equal", of_first, _part(graph, rows, 1, END))
    return [Items(words, rows), _chosen(graph, Items(pairs, of_first), in_row)]


def _joined(graph: Graph, letters: str, is_first: str) -> str:
    """Return letters of which each first one has become the whole word.

    A step per stride joins every second piece of that many letters to the next one of its word.
    Joining those at all letters would need memory that grows as the square of a long word.
    """
    one, count = graph.constant(1), graph.op("Size", letters)
    all_places = graph.op("Range", graph.constant(0), count, one)
    starts = graph.op("Compress", all_places, is_first)
    starts = graph.op("Gather", starts, _number(graph, is_first))
    places = graph.op("Sub", all_places, starts)
    longest = graph.op("ReduceMax", graph.op("Concat", graph.constant([1]), places, axis=0))
    strides = graph.constant(STRIDES)
    strides = graph.op("Compress", strides, graph.op("LessOrEqual", strides, longest))
    last = graph.op("Sub", count, one)

    body, text, stride = Graph("body:"), "body:0", "body:1"
    behind = body.op("Min", body.op("Add", all_places, stride), last)
    moved = body.op("Add", places, stride)
    in_word = body.op("Equal", body.op("Gather", places, behind), moved)
    twice = body.op("Add", stride, stride)
    is_even = body.op("Equal", body.op("Mod", places, twice), body.constant(0))
    joined = body.op("StringConcat", text, body.op("Gather", text, behind))
    # The result is not that of StringConcat, which appends to what its memory held a step before.
    joined = body.op("Where", body.op("And", in_word, is_even), joined, text)
    step = body.subgraph({text: STRING, stride: INT64}, joined, STRING)
    return graph.op("Scan", letters, strides, body=step, num_scan_inputs=1)


def _letters(graph: Graph, characters: Items) -> list[Items]:
    """Return the n-grams of letters in tokens, with a blank before and behind each token."""
    filled = graph.op("Not", graph.op("Equal", characters.values, graph.constant(" ", object)))
    texts = characters.values
    counts = graph.op("Or", _part(graph, filled, 0, -1), _part(graph, filled, 1, END))
    grams = []
    for length in range(2, OF_LETTERS[1] + 1):
        behind = _part(graph, characters.values, length - 1, END)
        texts = graph.op("StringConcat", _part(graph, texts, 0, -1), behind)
        if length > 2:
            # All characters but the first and the last are of one token.
            inside = _part(graph, filled, length - 2, -1)
            counts = graph.op("And", _part(graph, counts, 0, -1), inside)
        rows = _part(graph, characters.rows, 0, 1 - length)
        grams.append(_chosen(graph, Items(texts, rows), counts))
    return grams


def _hashes(graph: Graph, grams: list[Items]) -> Items:
    """Return the hashes of n-grams below WORDS, as scikit-learn's HashingVectorizer does."""
    found = [
        graph.op("MurmurHash3", values, domain=MICROSOFT, positive=0, seed=0) for values, _ in grams
    ]
    # The magnitude of the smallest int32 is not an int32.
    hashes = graph.op("Cast", graph.op("Concat", *found, axis=0), to=INT64)
    hashes = graph.op("Mod", graph.op("Abs", hashes), graph.constant(WORDS))
    return Items(hashes, graph.op("Concat", *(rows for _, rows in grams), axis=0))


def _counts(graph: Graph, grams: Items, hashes: tuple[int, ...], count: str) -> str:
    """Return how often each of ``count`` rows has each of the hashes, double (rows, hashes)."""
    places = lookup(graph, grams.values, {one: place for place, one in enumerate(hashes)}, -1)
    known = graph.op("GreaterOrEqual", places, graph.constant(0))
    places, rows = _chosen(graph, Items(places, grams.rows), known)
    width = graph.constant([len(hashes)])
    places = graph.op("Add", graph.op("Mul", rows, width), places)
    ones = graph.op("Expand", graph.constant([1.0]), graph.op("Shape", places))
    zeros = graph.op("Expand", graph.constant([0.0]), graph.op("Mul", count, width))
    counts = graph.op("ScatterElements", zeros, places, ones, reduction="add")
    return graph.op("Reshape", counts, graph.op("Concat", count, width, axis=0), allowzero=1)


def _normalized(graph: Graph, counts: str, code: ColumnCode) -> str:
    """Return vectors as floats: (1 + ln(count)) * weight, scaled to their length."""
    zero = graph.constant(0.0)
    found = graph.op("Add", graph.op("Log", counts), graph.constant(1.0))
    found = graph.op("Where", graph.op("Greater", counts, zero), found, zero)
    found = graph.op("Mul", found, graph.constant(code.weights, np.float64))
    norm = graph.op("ReduceSumSquare", found, graph.constant([1]))
    norm = graph.op("Max", graph.op("Sqrt", norm), graph.constant(np.finfo(np.float64).tiny))
    unit = graph.op("Div", found, norm)
    scaled = graph.op("Mul", unit, graph.constant(code.scale, np.float64))
    return graph.op("Cast", scaled, to=FLOAT)


def _matches(graph: Graph, characters: str, pattern: str) -> str:
    return graph.op("RegexFullMatch", characters, pattern=pattern)


def _part(graph: Graph, values: str, start: int, end: int) -> str:
    return graph.op("Slice", values, graph.constant([start]), graph.constant([end]))


def _chosen(graph: Graph, grams: Items, mask: str) -> Items:
    return Items(*(graph.op("Compress", values, mask) for values in grams))


def _number(graph: Graph, mask: str) -> str:
    """Return how many are true up to each place, less one."""
    counted = graph.op("CumSum", graph.op("Cast", mask, to=INT64), graph.constant(0))
    return graph.op("Sub", counted, graph.constant(1))


@cache
def _characters() -> Characters:
    """Return what this Python does with characters, so that its version of Unicode is kept."""
    # Nothing is done with those that are not assigned, private ones and surrogates.
    every = [
        one for one in map(chr, range(maxunicode + 1)) if category(one) not in ("Cn", "Co", "Cs")
    ]
    changes = {one: " " if one.isspace() else one.lower() for one in every}
    cased = {one for one in every if f"\0{one}Σ".lower().endswith("ς")}
    passed = {one for one in every if f"A{one}Σ".lower().endswith("ς")}
    return Characters(
        {one: other for one, other in changes.items() if one != other},
        _any_of(one for one in every if one.isalnum() or one == "_"),
        _any_of(cased),
        _any_of(passed - cased),
    )


def _any_of(characters: Iterable[str]) -> str:
    """Return a pattern of any of the characters."""
    places = np.array(sorted(map(ord, characters)))
    ranges = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    return "[" + "".join(f"\\x{{{one[0]:x}}}-\\x{{{one[-1]:x}}}" for one in ranges) + "]"
