"""Splitting examples into two parts: by class, without dividing groups, or by time."""

from collections import Counter

import numpy as np

from hardmax.data.sampling import order
from hardmax.errors import ArgumentError

__all__ = ["split_groups", "split_rows", "split_times"]


def split_rows(
    labels: np.ndarray, fraction: float, seed: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a stratified split: the rest, and ``fraction`` of each class.

    ``labels`` are integers (examples,), the rows int64 in ascending order. ``seed`` alone
    determines the choice. Examples with the same number in ``groups``, int64 (examples,), are in
    the same part, so that the fractions are approximate, unless one of the classes could then not
    be split; groups of one example do not change the split. Raises ArgumentError unless
    0 < fraction < 1 and both parts are non-empty.
    """
    _check_fraction(fraction)
    rows = order(len(labels), seed, 0)
    shuffled = labels[rows]
    chosen = None if groups is None else _chosen_groups(shuffled, fraction, groups[rows])
    if chosen is None:
        chosen = np.zeros(len(rows), dtype=bool)
        for label in np.unique(shuffled):
            members = np.flatnonzero(shuffled == label)
            chosen[members[: round(fraction * len(members))]] = True
    return _parts(rows, chosen, fraction)


def split_groups(
    labels: np.ndarray, fraction: float, seed: int, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the same as ``split_rows``, but never divide a group, int64 (examples,).

    If the fraction of each class cannot be kept, that of all examples is; no class loses its last
    group to the part that is split off. Raises ArgumentError if nothing can be split off then.
    """
    _check_fraction(fraction)
    rows = order(len(labels), seed, 0)
    chosen = _chosen_groups(labels[rows], fraction, groups[rows])
    if chosen is None and len(np.unique(groups)) == len(groups):
        return split_rows(labels, fraction, seed)
    if chosen is None or not chosen.any():
        chosen = _first_groups(labels[rows], fraction, groups[rows])
    return _parts(rows, chosen, fraction)


def split_times(times: np.ndarray, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a split by time: the earlier ones, and the last ``fraction``.

    ``times`` are float64 (examples,). Rows of the same time are in the same part, so that the
    fraction is approximate. Raises ArgumentError unless 0 < fraction < 1 and both parts are
    non-empty.
    """
    _check_fraction(fraction)
    ordered = np.sort(times)
    at = len(times) - round(fraction * len(times))
    start = ordered[min(at, len(times) - 1)]
    chosen = times >= start
    if chosen.all():  # the first of them would leave no earlier row
        chosen = times > start
    return _parts(np.arange(len(times)), chosen, fraction)


def _check_fraction(fraction: float) -> None:
    if not 0 < fraction < 1:
        raise ArgumentError(f"the fraction to split off must be between 0 and 1, got {fraction}")


def _parts(rows: np.ndarray, chosen: np.ndarray, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that are not chosen and those that are, in ascending order."""
    if chosen.all() or not chosen.any():
        raise ArgumentError(
            f"splitting off {fraction} of {len(rows)} examples leaves one part empty; "
            "choose another fraction"
        )
    return np.sort(rows[~chosen]), np.sort(rows[chosen])


def _first_groups(labels: np.ndarray, fraction: float, groups: np.ndarray) -> np.ndarray:
    """Return which examples to split off, bool (examples,): whole groups up to the fraction."""
    left, room = Counter(labels.tolist()), fraction * len(labels)
    chosen = np.zeros(len(labels), dtype=bool)
    members, spans = _members(groups)
    for start, end in spans:
        rows = members[start:end]
        counts = Counter(labels[rows].tolist())
        if len(rows) <= 2 * room and all(left[one] > n for one, n in counts.items()):
            chosen[rows] = True
            left.subtract(counts)
            room -= len(rows)
    return chosen


def _chosen_groups(labels: np.ndarray, fraction: float, groups: np.ndarray) -> np.ndarray | None:
    """Return which examples to split off, bool (examples,), so that no group is divided.

    Groups are taken in the order of their first examples, while they fit into the fraction of each
    of their classes, then those that bring classes closer to it. Returns None if there are only
    groups of one example, or if a class would be far from its fraction.
    """
    members, spans = _members(groups)
    if len(spans) == len(labels):
        return None
    totals = Counter(labels.tolist())
    wanted = {label: round(fraction * count) for label, count in totals.items()}
    room = Counter(wanted)
    chosen = np.zeros(len(labels), dtype=bool)
    for excess in (1, 2):
        for start, end in spans:
            if not any(room.values()):
                break
            rows = members[start:end]
            counts = Counter(labels[rows].tolist())
            if not chosen[rows[0]] and all(n <= excess * room[one] for one, n in counts.items()):
                chosen[rows] = True
                room.subtract(counts)
    is_close = all(
        2 * abs(room[label]) <= count and (count - room[label] < totals[label] or not room[label])
        for label, count in wanted.items()
    )
    return chosen if is_close else None


def _members(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the examples ordered by group, int64, and where each group starts and ends in them.

    The spans, int64 (groups, 2), are in the order of the groups' first examples.
    """
    _, first, group_of, sizes = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    ends = np.cumsum(sizes)
    spans = np.column_stack([ends - sizes, ends])
    return np.argsort(group_of, kind="stable"), spans[np.argsort(first)]
