"""Metrics of the numbers of true positives, predictions and examples of each class."""

from typing import NamedTuple

import numpy as np

__all__ = ["ClassCounts", "mean_over_classes"]


class ClassCounts(NamedTuple):
    """Total weights of each class's true positives, predictions and examples, float (classes,)."""

    true_positives: np.ndarray
    predicted: np.ndarray
    support: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """Whether each class occurs or is predicted, bool (classes,)."""
        present: np.ndarray = self.predicted + self.support > 0
        return present

    def ratios(self) -> dict[str, list[float | None]]:
        """Return precision, recall and F1 by class; None if the denominator is 0."""
        parts = {
            "precision": (self.true_positives, self.predicted),
            "recall": (self.true_positives, self.support),
            "f1": (2 * self.true_positives, self.predicted + self.support),
        }
        return {
            name: [float(a / b) if b else None for a, b in zip(*pair, strict=True)]
            for name, pair in parts.items()
        }

    def kappa(self) -> float | None:
        """Return Cohen's kappa (1960).

        It is undefined if all labels and all predictions are of the same class.
        """
        both_are_one = self._is_one(self.predicted) and self._is_one(self.support)
        if both_are_one and self.true_positives.any():
            return None
        n = self.support.sum()
        return float(self._excess() / (n * n - self.predicted @ self.support))

    def matthews(self) -> float | None:
        """Return the Matthews correlation (J. Gorodkin, 2004).

        It is undefined if all labels, or all predictions, are of one class.
        """
        if self._is_one(self.predicted) or self._is_one(self.support):
            return None
        n = self.support.sum()
        predicted, support = (n * n - x @ x for x in (self.predicted, self.support))
        return float(self._excess() / np.sqrt(predicted * support))

    @staticmethod
    def _is_one(counts: np.ndarray) -> bool:
        return bool((counts > 0).sum() == 1)

    def _excess(self) -> float:
        n = self.support.sum()
        return float(n * self.true_positives.sum() - self.predicted @ self.support)


def mean_over_classes(
    ratios: dict[str, list[float | None]], weights: np.ndarray
) -> dict[str, float]:
    """Return the weighted mean of each ratio; None counts as 0, as in scikit-learn.

    ``weights`` are float or bool (classes,).
    """
    return {
        name: float(np.average([value or 0.0 for value in values], weights=weights))
        for name, values in ratios.items()
    }
