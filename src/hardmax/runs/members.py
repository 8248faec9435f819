"""The networks of a run: one, or the members of an ensemble, each trained for itself.

With folds, each member is trained without one of them, which is its validation set; so every
training example has scores of networks that were not trained on it, the out-of-fold scores.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hardmax import frameworks
from hardmax.checks import MAX_SEED
from hardmax.data.datasets import Examples
from hardmax.data.sampling import order
from hardmax.errors import ArgumentError, DivergenceError
from hardmax.evaluation.metrics import log_softmax
from hardmax.networks import catalog
from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import Ensemble, Network
from hardmax.networks.pretrained import pretrained_network
from hardmax.networks.quantiles import quantile_bins
from hardmax.runs.session import Session
from hardmax.runs.settings import Settings
from hardmax.training.callbacks import Callback
from hardmax.training.contracts import EpochRecord

__all__ = [
    "Member",
    "OutOfFold",
    "advising",
    "averaged",
    "averaging",
    "fold_of",
    "mean_epochs",
    "members_of",
    "network_of",
    "session_of",
    "smaller_rate",
    "trainer_arguments",
    "whole_count",
]


@dataclass(frozen=True)
class Member:
    """A network to train: its ``seed``, and its part of the examples.

    ``fold`` are the positions in the ``whole`` training set of the examples that its epochs are
    evaluated on, int64; without folds, these are the examples ``others``, if there are any.
    """

    seed: int
    whole: Examples
    others: Examples | None
    fold: np.ndarray | None = None

    @property
    def train(self) -> Examples:
        """The examples to train on."""
        if self.fold is None:
            return self.whole
        return self.whole.take(np.setdiff1d(np.arange(len(self.whole)), self.fold))

    @property
    def held_out(self) -> Examples | None:
        """The examples that the epochs are evaluated on."""
        return self.others if self.fold is None else self.whole.take(self.fold)


def members_of(settings: Settings, train: Examples, held_out: Examples | None) -> list[Member]:
    """Return the networks to train, in order.

    Each has all of ``train``, and ``held_out`` to evaluate its epochs on; or, with folds, all but
    one of the folds of ``train``, and that one. Raises ArgumentError for too many folds.
    """
    seeds = [(settings.seed + number) % (MAX_SEED + 1) for number in range(settings.members)]
    if settings.folds is None:
        return [Member(seed, train, held_out) for seed in seeds]
    numbers = fold_of(train, settings.folds, settings.seed)
    folds = [np.flatnonzero(numbers == number) for number in range(settings.folds)]
    return [Member(seed, train, None, folds[i % len(folds)]) for i, seed in enumerate(seeds)]


def fold_of(examples: Examples, folds: int, seed: int) -> np.ndarray:
    """Return the number of the fold of each example, int64: folds of equal size, by class.

    Examples of one group that must not be divided are in one fold, and so are copies of one another
    unless a class or a fold has too many; then the sizes are about equal.
    Raises ArgumentError if there are fewer examples or groups than folds.
    """
    count, words = whole_count(examples)
    if count < folds:
        raise ArgumentError(
            f"{folds} folds need as many {words}, but the training set has {count}; use fewer folds"
        )
    shuffled = order(len(examples), seed, 0)
    numbers = np.empty(len(examples), np.int64)
    if examples.wholes is not None:
        wholes = examples.wholes[shuffled]
        numbers[shuffled] = _group_folds(examples.labels[shuffled], wholes, folds)
        return numbers
    numbers[shuffled] = _copy_folds(examples.labels[shuffled], examples.groups[shuffled], folds)
    return numbers


def _copy_folds(labels: np.ndarray, groups: np.ndarray, folds: int) -> np.ndarray:
    """Return the fold of each example, int64: groups as by ``_group_folds``, then all others.

    The group of a whole class, and groups that are larger than a fold, are divided.
    """
    _, first, group_of, sizes = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    of_class = np.bincount(labels)
    is_whole = sizes >= of_class[labels[first]]
    is_divided = is_whole | (sizes == 1) | (sizes * folds > len(labels))
    is_single = is_divided[group_of]
    numbers = np.empty(len(labels), np.int64)
    filled = np.zeros((folds, len(of_class)), np.int64)
    if not is_single.all():
        numbers[~is_single] = _group_folds(labels[~is_single], group_of[~is_single], folds)
        np.add.at(filled, (numbers[~is_single], labels[~is_single]), 1)
    for label in range(len(of_class)):
        rows = np.flatnonzero(is_single & (labels == label))
        numbers[rows] = _least_filled(filled, label, len(rows))
        filled[:, label] += np.bincount(numbers[rows], minlength=folds)
    return numbers


def _least_filled(filled: np.ndarray, label: int, count: int) -> np.ndarray:
    """Return the folds that ``count`` examples of a class go to, int64 (count,), one by one.

    Each goes to the fold with the fewest of its class so far, and of these to the one with the
    fewest of all; ``filled`` are these numbers, int64 (folds, classes).
    """
    of_class, others = filled[:, label], np.delete(filled, label, axis=1).sum(axis=1)
    most = int(of_class.max()) + -(-count // len(filled))
    folds = np.repeat(np.arange(len(filled)), most - of_class)
    levels = np.concatenate([np.arange(one, most) for one in of_class])
    found: np.ndarray = folds[np.lexsort((folds, others[folds], levels))[:count]]
    return found


def whole_count(examples: Examples) -> tuple[int, str]:
    """Return how many groups or, without any, examples can be divided, and what they are called."""
    if examples.wholes is None:
        return len(examples), examples.words[1]
    return len(np.unique(examples.wholes)), "groups"


def _group_folds(labels: np.ndarray, wholes: np.ndarray, folds: int) -> np.ndarray:
    """Return the fold of each example, int64: the largest groups first, each where it fits best.

    That is the fold that has the smallest share of the group's classes so far.
    """
    _, first, groups = np.unique(wholes, return_index=True, return_inverse=True)
    counts = np.zeros((len(first), int(labels.max()) + 1))
    np.add.at(counts, (groups, labels), 1)
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    filled = np.zeros((folds, counts.shape[1]))
    chosen = np.empty(len(first), np.int64)
    for group in np.lexsort((first, -counts.sum(axis=1))):
        # A little of the whole size decides between folds that have none of the classes.
        load = filled @ shares[group] + 1e-6 * filled.sum(axis=1)
        chosen[group] = load.argmin()
        filled[chosen[group]] += shares[group]
    return chosen[groups]


def network_of(
    settings: Settings, inputs: np.ndarray, classes: int, ordered: Sequence[int] | None
) -> Network:
    """Return a member's network, for the training ``inputs`` of shape (examples, ...).

    ``ordered`` are the positions of features with an order, if known. Only these get periodic
    embeddings, and bins, if the network has any.
    """
    if settings.pretrained is not None:
        return pretrained_network(settings.model, inputs.shape[1:], classes)
    options = dict(settings.options)
    if ordered is not None and "embedded" in catalog.NETWORKS[settings.model].options:
        options["embedded"] = ordered
    if settings.bins and inputs.ndim == 2:
        options["bins"] = quantile_bins(inputs, ordered, settings.bins)
    return catalog.make(settings.model, inputs.shape[1:], classes, **options)


def session_of(
    settings: Settings,
    network: Network,
    seed: int,
    train: Examples,
    callbacks: Sequence[Callback] = (),
    weights: dict[str, np.ndarray] | None = None,
    **saving: object,
) -> Session:
    """Return a session to train a member on ``train``.

    It starts with ``weights``, or else with the initial weights of ``seed``. ``saving`` are the
    arguments ``resume`` and ``checkpoint_every`` of the trainer.
    """
    shape = train.inputs.shape[1:]
    if weights is None:
        weights = initial_weights(network, shape, seed, settings.initializer, train.inputs)
    return Session(
        frameworks.load(settings.framework),
        network=network,
        shape=shape,
        weights=weights,
        recipe=settings.recipe,
        precision=settings.precision,
        callbacks=callbacks,
        **{**trainer_arguments(settings), "seed": seed, **saving},
    )


def trainer_arguments(settings: Settings) -> dict[str, Any]:
    """Return the arguments of the trainer of one network, by name."""
    return {
        "max_epochs": settings.epochs,
        "gradient_clip_val": settings.clip,
        "seed": settings.seed,
        "device": settings.device,
        "patience": settings.patience,
    }


@contextlib.contextmanager
def advising(settings: Settings) -> Iterator[None]:
    """Let a DivergenceError advise options, as the Trainer's advice names arguments of its own."""
    try:
        yield
    except DivergenceError as error:
        problem, _, rest = str(error).partition(";")
        if "learning rate" not in rest:
            raise
        raise DivergenceError(f"{problem}; {smaller_rate(settings)}") from error


def smaller_rate(settings: Settings) -> str:
    """Return advice for a training that diverges."""
    recipe = settings.recipe
    return f"try a smaller --lr than {recipe.lr:g}, such as {recipe.smaller_rate:g}"


def averaging(network: Network, count: int) -> Network:
    """Return the network that averages ``count`` members; a single one stays as it is."""
    return network if count == 1 else (Ensemble(network, count),)


def averaged(
    network: Network, weights: Sequence[dict[str, np.ndarray]]
) -> tuple[Network, dict[str, np.ndarray]]:
    """Return the network, and its weights, that averages the members with these weights.

    A single member stays as it is.
    """
    if len(weights) == 1:
        return averaging(network, 1), weights[0]
    joined = {
        f"0.{i}.{name}": value for i, one in enumerate(weights) for name, value in one.items()
    }
    return averaging(network, len(weights)), joined


def mean_epochs(histories: Sequence[Sequence[EpochRecord]]) -> list[EpochRecord]:
    """Return the history of an ensemble: the means of its members' metrics, the sums of times."""
    longest = max(map(len, histories))
    return [
        {"epoch": i + 1, **_mean([history[i] for history in histories if len(history) > i])}
        for i in range(longest)
    ]


def _mean(records: Sequence[EpochRecord]) -> EpochRecord:
    """Return the means of the metrics of an epoch, and the sums of its times."""
    joined: EpochRecord = {}
    for name in (name for name in records[0] if name != "epoch"):
        known = [value for record in records if (value := record[name]) is not None]
        total = sum(known)
        is_time = name.endswith("seconds")
        joined[name] = (total if is_time else total / len(known)) if known else None
    return joined


class OutOfFold:
    """Collects the scores of examples by the members that were not trained on them.

    ``scores`` are logarithms of mean probabilities, float64 (examples, classes); those of the
    examples that no fold has had yet are -inf.
    """

    def __init__(self, examples: int, classes: int):
        self.totals = np.full((examples, classes), -np.inf)
        self.counts = np.zeros(examples)

    def add(self, fold: np.ndarray, scores: np.ndarray) -> None:
        """Add a member's scores, float (fold, classes), of the examples at ``fold``."""
        self.totals[fold] = np.logaddexp(self.totals[fold], log_softmax(scores.astype(float)))
        self.counts[fold] += 1

    @property
    def rows(self) -> np.ndarray:
        """The positions of the examples that have scores."""
        return np.flatnonzero(self.counts)

    @property
    def scores(self) -> np.ndarray:
        """The scores of these examples."""
        scores: np.ndarray = self.totals[self.rows] - np.log(self.counts[self.rows])[:, None]
        return scores
