"""Two classifiers on the same examples."""

import math

import numpy as np

__all__ = ["bootstrap_interval", "mcnemar"]


def mcnemar(first: int, second: int) -> float:
    """Return the two-sided p of McNemar's exact test.

    ``first`` and ``second`` count the examples that one alone decides rightly. Q. McNemar,
    Psychometrika 12 (1947), with the binomial distribution in place of its approximation.
    """
    n, least = first + second, min(first, second)
    whole = math.lgamma(n + 1) - n * math.log(2)
    tail = math.fsum(
        math.exp(whole - math.lgamma(i + 1) - math.lgamma(n - i + 1)) for i in range(least + 1)
    )
    return min(1.0, 2 * tail)


def bootstrap_interval(
    differences: np.ndarray, seed: int, rounds: int = 2000
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of paired ``differences``, float (n,).

    B. Efron and R. Tibshirani, "An introduction to the bootstrap" (1993).
    """
    rng, n = np.random.default_rng(seed), len(differences)
    means = [differences[rng.integers(0, n, n)].mean() for _ in range(rounds)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
