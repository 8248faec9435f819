"""The comparison of a network with the baselines, in a sentence."""

from collections.abc import Sequence

from hardmax.evaluation.paired_tests import LEVEL
from hardmax.reports.records import BaselineRecord

__all__ = ["best_of", "conclusion"]


def best_of(baselines: Sequence[BaselineRecord]) -> BaselineRecord:
    """Return the most accurate baseline, and among equals the one with the lowest log loss.

    One that has learned from no features, as the most frequent class, only if there is no other.
    """
    learned = [one for one in baselines if one["features"]]
    return max(learned or baselines, key=lambda one: (one["accuracy"], -one["loss"]))


def conclusion(baselines: Sequence[BaselineRecord], examples: int) -> str:
    """Return whether a network and the best baseline differ on the number of test ``examples``."""
    best = best_of(baselines)
    more = best["only_network"] - best["only_baseline"]
    if not more:
        return (
            f"hardmax and {best['name']} classify equally many of the {examples} test examples "
            "correctly"
        )
    better, worse = ("hardmax", best["name"]) if more > 0 else (best["name"], "hardmax")
    verdict = "is more than chance" if best["p"] < LEVEL else "may be chance"
    return (
        f"{better} classifies {abs(more)} more of the {examples} test examples correctly than "
        f"{worse}; this {verdict} (McNemar's test: p = {best['p']:.3g})"
    )
