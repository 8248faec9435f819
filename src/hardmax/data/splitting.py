"""Splitting examples into two parts, by class and without dividing equal examples."""

from collections import Counter

import numpy as np

from hardmax.data.sampling import order
from hardmax.errors import ArgumentError

__all__ = ["split_rows"]


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
    if not 0 < fraction < 1:
        raise ArgumentError(f"the fraction to split off must be between 0 and 1, got {fraction}")
    rows = order(len(labels), seed, 0)
    shuffled = labels[rows]
    chosen = None if groups is None else _chosen_groups(shuffled, fraction, groups[rows])
    if chosen is None:
        chosen = np.zeros(len(rows), dtype=bool)
        for label in np.unique(shuffled):
            members = np.flatnonzero(shuffled == label)
            chosen[members[: round(fraction * len(members))]] = True
    if chosen.all() or not chosen.any():
        raise ArgumentError(
            f"splitting off {fraction} of {len(labels)} examples leaves one part empty; "
            "choose another fraction"
        )
    return np.sort(rows[~chosen]), np.sort(rows[chosen])


def _chosen_groups(labels: np.ndarray, fraction: float, groups: np.ndarray) -> np.ndarray | None:
    """Return which examples to split off, bool (examples,), so that no group is divided.

    Groups are taken in the order of their first examples, while they fit into the fraction of each
    of their classes, then those that bring classes closer to it. Returns None if there are only
    groups of one example, or if a class would be far from its fraction.
    """
    _, first, group_of, sizes = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    if len(sizes) == len(labels):
        return None
    totals = Counter(labels.tolist())
    wanted = {label: round(fraction * count) for label, count in totals.items()}
    room = Counter(wanted)
    members, ends = np.argsort(group_of, kind="stable"), np.cumsum(sizes)
    chosen = np.zeros(len(labels), dtype=bool)
    for excess in (1, 2):
        for group in np.argsort(first):
            if not any(room.values()):
                break
            rows = members[ends[group] - sizes[group] : ends[group]]
            counts = Counter(labels[rows].tolist())
            if not chosen[rows[0]] and all(n <= excess * room[one] for one, n in counts.items()):
                chosen[rows] = True
                room.subtract(counts)
    is_close = all(
        2 * abs(room[label]) <= count and (count - room[label] < totals[label] or not room[label])
        for label, count in wanted.items()
    )
    return chosen if is_close else None
