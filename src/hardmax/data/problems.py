"""What may be wrong with a data set: examples in two sets, labels, frequencies of classes."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from hardmax.checks import plain, shortened
from hardmax.data.datasets import Dataset, Examples, Vectors
from hardmax.data.equality import are_multiplied, differently_labeled, repeated
from hardmax.data.images.parts import TEST, TRAIN, VALIDATION

__all__ = ["Part", "find_problems", "is_leaking", "of_dataset"]

#: Images with the same pixels are one image. Rows may be equal by nature, and then an honest test
#: set has as many rows of the training set as this one has with an equal one in itself: 9, 11 and
#: 29 % of three real tables, whose training rows have an equal one in 9, 11 and 28 %. A test set is
#: not honest if it has TIMES as many and the difference is more than DEVIATIONS standard deviations
#: (a probability of 1e-4).
TIMES, DEVIATIONS = 1.5, 3.7

#: If no rows of the larger set are equal, the other has rows of it by chance with a probability
#: that must be below this.
CHANCE_LEVEL = 0.05

#: Equal rows may differ in what nobody recorded, so that fewer than this fraction of the rows may
#: have an equal one with another label.
MAX_CONTRADICTING = 0.01

#: The classes have other frequencies in two sets if it is by chance only with a probability below
#: SHIFT_LEVEL, which no random split will see, and if at least SHIFT of one set would have to be
#: of other classes, because in large sets also a slight difference is more than chance.
SHIFT_LEVEL, SHIFT = 1e-6, 0.1

#: The chi-squared distribution holds if each class has at least this many examples expected.
LEAST_EXPECTED = 5

#: The sets in messages.
SETS = {TRAIN: "training set", VALIDATION: "validation set", TEST: "test set"}


class Part(NamedTuple):
    """A set of examples: the ``keys`` of their contents, uint64, and ``labels``, both (examples,).

    ``name`` is one of SETS; ``place`` names the example at a position.
    """

    name: str
    keys: np.ndarray
    labels: np.ndarray
    place: Callable[[int], str]


def of_dataset(
    dataset: Dataset, *, is_split: bool, is_split_by_time: bool = False
) -> tuple[str, ...]:
    """Return what may be wrong with a data set, a line each.

    ``is_split`` is whether its test set was split off at random, with copies on one side, and
    ``is_split_by_time`` whether it has the last rows.
    """
    sets = {TRAIN: dataset.train, VALIDATION: dataset.validation, TEST: dataset.test}
    if not dataset.has_test:
        del sets[TEST]
    train = dataset.train
    return tuple(
        find_problems(
            dataset.name,
            [_part(name, part) for name, part in sets.items() if part is not None],
            classes=dataset.classes,
            words=train.words,
            is_by_chance=_is_by_chance(train),
            is_split=is_split,
            is_split_by_time=is_split_by_time,
        )
    )


def is_leaking(dataset: Dataset) -> bool:
    """Return whether the test set has examples of the training set that it should not have."""
    train, test = _part(TRAIN, dataset.train), _part(TEST, dataset.test)
    is_by_chance = _is_by_chance(dataset.train)
    return len(_leaked(train, test, words=dataset.train.words, is_by_chance=is_by_chance)) > 0


def _is_by_chance(train: Examples) -> bool:
    """Return whether equal examples are no copies."""
    return bool(repeated(train.keys).any() and not repeated(train.groups).any())


def _part(name: str, examples: Examples) -> Part:
    def place(position: int) -> str:
        source, (found,) = examples.source(np.array([position]))
        if source == "file":
            return shortened(plain(str(found)))
        return f"{'training' if name == TRAIN else name} {examples.words[0]} {found}"

    return Part(name, examples.keys, examples.labels, place)


def find_problems(
    name: str,
    parts: Sequence[Part],
    *,
    classes: Sequence[str],
    words: tuple[str, str],
    is_by_chance: bool = False,
    is_split: bool = False,
    is_split_by_time: bool = False,
) -> Iterator[str]:
    """Yield what may be wrong with the data called ``name``, a line each.

    ``parts`` are its sets, that to train on first, and ``words`` the noun for its examples. With
    ``is_by_chance`` equal ones are no copies; with ``is_split`` they are on one side already. With
    ``is_split_by_time`` the test set has the last ones.
    """
    train, *others = parts
    for part in others:
        if not (is_split and part.name == TEST):
            yield from _leak(name, train, part, words=words, is_by_chance=is_by_chance)
    if not is_by_chance:
        yield from _contradictions(name, parts, classes=classes, words=words)
    for part in others:
        if part.name == TEST:
            yield from _shift(name, train, part, classes=classes, is_by_time=is_split_by_time)


def _leak(
    name: str, train: Part, part: Part, *, words: tuple[str, str], is_by_chance: bool
) -> Iterator[str]:
    """Yield a line if another set has examples of the training set."""
    common = _leaked(train, part, words=words, is_by_chance=is_by_chance)
    if not len(common):
        return
    first = int(common[0])
    same = int(np.flatnonzero(train.keys == part.keys[first])[0])
    are = "is" if len(common) == 1 else "are"
    yield (
        f"{name}: {len(common)} of the {len(part.keys)} {part.name} {words[1]} {are} also in the "
        f"training set, such as {part.place(first)} = {train.place(same)}; the accuracy on the "
        f"{part.name} set is too high; leave them out of one of the two"
    )


def _leaked(train: Part, part: Part, *, words: tuple[str, str], is_by_chance: bool) -> np.ndarray:
    """Return the positions of a set's examples of the training set, int64, unless it is honest."""
    common = np.flatnonzero(np.isin(part.keys, train.keys))
    is_honest = (
        len(common) > 0
        and words == Vectors.words
        and _are_usual(len(common), part, train, is_by_chance=is_by_chance)
    )
    return common[:0] if is_honest else common


def _are_usual(common: int, part: Part, train: Part, *, is_by_chance: bool) -> bool:
    """Return whether a set has ``common`` rows of the training set because rows are often equal.

    They are not if each occurs a multiple of the same number of times in both sets together, which
    are a repeated table. Otherwise, their share is compared with the one that the larger set lets
    expect, in the normal approximation of the binomial distribution. Equal rows count only once in
    its variance: the number of rows is divided by how many are equal on average.
    """
    keys = np.concatenate([train.keys, part.keys])
    labels = np.concatenate([train.labels, part.labels])
    if not is_by_chance and are_multiplied(keys, labels):
        return False
    larger = max(train, part, key=lambda one: len(one.keys)).keys
    count = len(part.keys)
    smaller = min(len(train.keys), count) / len(larger)
    equal = np.unique(larger, return_counts=True)[1]
    if equal.max() == 1:
        # Of the pairs of rows in both sets and of those in the larger one, the share of the former.
        return (2 * smaller / (2 * smaller + 1)) ** common > CHANCE_LEVEL
    # The probability that a row has an equal one among as many others as there are to train on.
    others = min(len(train.keys) / len(larger), 1)
    usual = float((equal * (1 - (1 - others) ** (equal - 1))).sum() / len(larger))
    share = common / count
    equal = equal[equal > 1]
    pooled = (common + usual * len(larger)) / (count + len(larger))
    variance = pooled * (1 - pooled) * (equal**2).sum() / equal.sum()
    deviation = math.sqrt(variance * (1 / count + 1 / len(larger)))
    return share <= TIMES * usual or share - usual <= DEVIATIONS * deviation


def _contradictions(
    name: str, parts: Sequence[Part], *, classes: Sequence[str], words: tuple[str, str]
) -> Iterator[str]:
    """Yield a line if equal examples have different labels."""
    keys = np.concatenate([part.keys for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    pairs = differently_labeled(keys, labels)
    affected = int(np.isin(keys, keys[pairs[:, 0]]).sum())
    are_rows = words == Vectors.words
    if not len(pairs) or (are_rows and affected < MAX_CONTRADICTING * len(keys)):
        return
    starts = np.cumsum([0, *(len(part.keys) for part in parts)])

    def described(position: int) -> str:
        part = int(np.searchsorted(starts, position, side="right")) - 1
        place = parts[part].place(position - int(starts[part]))
        return f"{place} ({shortened(classes[labels[position]])})"

    first, other = map(described, pairs[0].tolist())
    if are_rows:
        yield (
            f"{name}: {affected} of the {len(keys)} rows equal a row with another label, such as "
            f"{first} = {other}; the columns cannot tell these rows apart, or labels are wrong"
        )
        return
    occur = f"{words[0]} occurs" if len(pairs) == 1 else f"{words[1]} occur"
    yield (
        f"{name}: {len(pairs)} {occur} with different labels, such as {first} = {other}; correct "
        "the labels, or leave out those that are wrong"
    )


def _shift(
    name: str, train: Part, test: Part, *, classes: Sequence[str], is_by_time: bool
) -> Iterator[str]:
    """Yield a line if the classes have other frequencies in the test set."""
    counts = np.array([np.bincount(part.labels, minlength=len(classes)) for part in (train, test)])
    if not counts.any(axis=1).all():
        return
    shares = counts / counts.sum(axis=1, keepdims=True)
    differences = np.abs(shares[0] - shares[1])
    if differences.sum() / 2 < SHIFT or _p_value(counts) >= SHIFT_LEVEL:
        return
    most = int(differences.argmax())
    advice = (
        "they change over time, so that they may be others again in data to come"
        if is_by_time
        else "choose both sets in the same way, or the accuracy holds for the classes of the test "
        "set alone"
    )
    yield (
        f"{name}: the classes have other frequencies in the test set, such as "
        f"{shortened(classes[most])} with {shares[1, most]:.1%} instead of {shares[0, most]:.1%} "
        f"(chi-squared test: p < 1e-6); {advice}"
    )


def _p_value(counts: np.ndarray) -> float:
    """Return the p-value of the chi-squared test of homogeneity of counts, int64 (2, classes).

    Classes with fewer than LEAST_EXPECTED expected examples in a set are taken together.
    """
    from scipy.stats import chi2_contingency

    expected = counts.sum(axis=1).min() * counts.sum(axis=0) / counts.sum()
    is_rare = expected < LEAST_EXPECTED
    pooled = np.column_stack([counts[:, ~is_rare], counts[:, is_rare].sum(axis=1)])
    pooled = pooled[:, pooled.any(axis=0)]
    return float(chi2_contingency(pooled, correction=False).pvalue)
