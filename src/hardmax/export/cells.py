"""Table cells in a graph: trimmed, those that are missing emptied, and parsed as booleans.

Texts are read as ``hardmax.data.tables.cells`` does.
"""

import sys
from collections import defaultdict
from collections.abc import Collection
from functools import cache
from itertools import product

import numpy as np

from hardmax.data.tables.cells import BOOLEANS
from hardmax.export.graph import DOUBLE, Graph, lookup, tokens

__all__ = ["add_booleans", "add_trimmed", "first_token"]

#: How many characters are looked at together; it divides their number.
BLOCK = 2**12

#: The characters that are trimmed, in a regular expression: white space in Unicode.
BLANK = r"\t-\r\x1c-\x20\x85\pZ"


def add_trimmed(graph: Graph, cells: str, missing: Collection[str]) -> str:
    """Return texts, STRING (rows,), without surrounding blanks; missing ones are empty.

    Those whose lowercase is in ``missing`` are missing.
    """
    trimmed = first_token(graph, cells, f"[^{BLANK}](?s:.*[^{BLANK}])?")
    pattern = "|".join([f"[{BLANK}]*", *map(_in_any_case, missing)])
    is_missing = graph.op("RegexFullMatch", trimmed, pattern=pattern)
    return graph.op("Where", is_missing, graph.constant("", object), trimmed)


def add_booleans(graph: Graph, plain: str, parser: str) -> str:
    """Return trimmed texts as 1 and 0, DOUBLE, by a parser of BOOLEANS; others are NaN."""
    values = {
        "".join(letters): number
        for text, number in zip(BOOLEANS[parser], (1.0, 0.0), strict=True)
        for letters in product(*map(_with_lowercase, text))
    }
    return graph.op("Cast", lookup(graph, plain, values, float("nan")), to=DOUBLE)


def first_token(graph: Graph, texts: str, pattern: str) -> str:
    """Return the first match of a regular expression in each text, or "".

    If there is no match in any text, they are returned as they are.
    """
    wholes = graph.op("Unsqueeze", texts, graph.constant([-1], np.int64))
    found = graph.op("Concat", tokens(graph, texts, tokenexp=pattern), wholes, axis=-1)
    return graph.op("Gather", found, graph.constant(0, np.int64), axis=-1)


def _in_any_case(text: str) -> str:
    """Return a regular expression of the texts that have a given lowercase.

    ``(?i)`` would also match other texts, such as one with a long s for an s.
    """
    choices = ("".join(rf"\x{{{ord(one):x}}}" for one in _with_lowercase(it)) for it in text)
    return "".join(f"[{one}]" if one else r"[^\x{0}-\x{10ffff}]" for one in choices)


def _with_lowercase(character: str) -> list[str]:
    """Return the characters that become a given one in lowercase; a capital has none."""
    own = [character] if _lowercase(character) == character else []
    return sorted(own + _capitals().get(character, []))


def _lowercase(character: str) -> str:
    # Only the İ has a lowercase of two characters; pyarrow takes the first of them.
    return character.lower()[0]


@cache
def _capitals() -> dict[str, list[str]]:
    """Return the other characters that become one in lowercase, by that one."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for start in range(0, sys.maxunicode + 1, BLOCK):
        block = "".join(map(chr, range(start, start + BLOCK)))
        if block.lower() == block:  # as most are
            continue
        for character in block:
            if _lowercase(character) != character:
                found[_lowercase(character)].append(character)
    return found
