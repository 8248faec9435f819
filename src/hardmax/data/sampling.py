"""Which examples, in which order: a function of (seed, epoch) and of nothing else."""

import numpy as np

__all__ = ["balanced_order", "order"]


def order(count: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order in which epoch ``epoch`` visits ``count`` examples.

    An int64 permutation of 0..count-1, shape (count,), from NumPy's PCG64 generator: the same
    for the same ``seed`` and ``epoch`` in every framework.
    """
    return np.random.default_rng([seed, epoch]).permutation(count)


def balanced_order(labels: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """Return an order of as many examples as there are, of each class equally many.

    ``labels``: integers of shape (count,). The examples of a rare class come several times, each
    as often as the others or once more; of a frequent class some are left out, others in each
    epoch. An int64 array of shape (count,), from NumPy's PCG64 generator as that of ``order``.
    """
    generator = np.random.default_rng([seed, epoch])
    classes, counts = np.unique(labels, return_counts=True)
    shares = np.diff(len(labels) * np.arange(len(classes) + 1) // len(classes))
    rows = []
    for label, count, share in zip(classes, counts, shares, strict=True):
        members = np.flatnonzero(labels == label)
        rounds = [generator.permutation(members) for _ in range(-(-share // count))]
        rows.append(np.concatenate(rounds)[:share])
    return generator.permutation(np.concatenate(rows))
