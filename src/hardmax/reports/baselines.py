"""The comparison of a network with the baselines, in a sentence."""

from collections.abc import Sequence

from hardmax.reports.records import BaselineRecord

__all__ = ["LEVEL", "best_of", "conclusion"]

#: A difference is more than chance if the p-value of McNemar's test is below this.
LEVEL = 0.05


def best_of(baselines: Sequence[BaselineRecord]) -> BaselineRecord:
    """Return the most accurate baseline, and among equals the one with the lowest log loss."""
    return max(baselines, key=lambda one: (one["accuracy"], -one["loss"]))


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
