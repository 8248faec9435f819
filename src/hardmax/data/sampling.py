"""The examples of an epoch and their order: a function of (seed, epoch) alone."""

import numpy as np

__all__ = ["balanced_order", "order"]


def order(count: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order in which epoch ``epoch`` visits ``count`` examples.

    An int64 permutation of 0..count-1, shape (count,), from NumPy's PCG64 generator. It depends
    only on ``seed`` and ``epoch``, whatever the framework.
    """
    return np.random.default_rng([seed, epoch]).permutation(count)


def balanced_order(labels: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """Return an order in which all classes have equally many examples.

    ``labels``: integers of shape (count,). Examples of a rare class are repeated, each equally
    often or once more; of a frequent class some are left out, different ones in each epoch. An
    int64 array of shape (count,), from NumPy's PCG64 generator as in ``order``.
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
