"""Equal examples, and equal ones with different labels."""

import hashlib
import operator
from collections.abc import Iterable
from itertools import accumulate

import numpy as np

from hardmax.data.mapped import blocks

__all__ = [
    "are_multiplied",
    "content_keys",
    "copies_of",
    "differently_labeled",
    "key_of",
    "repeated",
]

#: Fewer distinct rows may all occur equally often by chance.
LEAST_DISTINCT = 20


def key_of(content: bytes | memoryview) -> int:
    """Return a number below 2^64 for a content.

    It is the start of its SHA-256, so that among a million different contents two have the same
    one with a probability of 3e-8.
    """
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "little")


def content_keys(inputs: np.ndarray) -> np.ndarray:
    """Return a number for each example, uint64 (examples,): equal examples have equal numbers."""
    contents = (np.ascontiguousarray(one).data for block in blocks(inputs) for one in block)
    return np.fromiter(map(key_of, contents), np.uint64, len(inputs))


def repeated(keys: np.ndarray) -> np.ndarray:
    """Return which examples have an equal one, bool (examples,), by their keys (examples,)."""
    _, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
    is_repeated: np.ndarray = counts[places] > 1
    return is_repeated


def copies_of(keys: np.ndarray, labels: np.ndarray, distinct: Iterable[int]) -> np.ndarray:
    """Return the group of each row, integers (rows,): its key, unless all are equal by chance.

    They are if the columns, with numbers of ``distinct`` values, have no more combinations of these
    than there are rows: then the same combination is observed several times, also in data to come,
    and each row is a group of its own. But if each, with its label, occurs a multiple of the same
    number of times, the whole table was repeated. ``labels`` are integers (rows,). No more of
    ``distinct`` is read than decides this.
    """
    if not repeated(keys).any():
        return keys
    if any(combinations > len(keys) for combinations in accumulate(distinct, operator.mul)):
        return keys
    return keys if are_multiplied(keys, labels) else np.arange(len(keys))


def are_multiplied(keys: np.ndarray, labels: np.ndarray) -> bool:
    """Return whether each row, with its label, occurs a multiple of the same number of times.

    ``keys`` and the integers ``labels`` have the shape (rows,).
    """
    places = np.unique(keys, return_inverse=True)[1]
    pairs = places * (np.ptp(labels) + 1) + labels
    counts = np.unique(pairs, return_counts=True)[1]
    return len(counts) >= LEAST_DISTINCT and bool(np.gcd.reduce(counts) > 1)


def differently_labeled(keys: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return two examples of each content that has different labels, int64 (contents, 2).

    They are the positions of the first example, and of the first one with another label, in the
    order of the second ones. ``keys`` and ``labels`` have the shape (examples,).
    """
    _, first, places = np.unique(keys, return_index=True, return_inverse=True)
    others = np.flatnonzero(labels != labels[first[places]])
    _, at = np.unique(places[others], return_index=True)
    others = np.sort(others[at])
    return np.column_stack([first[places[others]], others])
