"""Examples whose labels may be wrong, found by confident learning.

C. Northcutt, L. Jiang and I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset
Labels", JAIR 70 (2021): the examples off the diagonal of the confident joint, but for those whose
label is the most likely class. cleanlab's ``find_label_issues`` returns the same with
``filter_by="confident_learning"`` and ``return_indices_ranked_by="normalized_margin"``, unless
several classes reach their thresholds and the most likely class does not.
"""

from typing import NamedTuple

import numpy as np

from hardmax.evaluation.examples import BLOCK, ExampleResults
from hardmax.evaluation.metrics import log_softmax

__all__ = ["LabelIssues", "confident_classes", "find_label_issues"]

#: Probabilities that differ by less than this are equal, as rounding alone may make them differ.
TOLERANCE = 1e-6


class LabelIssues(NamedTuple):
    """The examples whose labels may be wrong.

    ``thresholds``: the mean probability of each class over the examples labeled as it, float64
    (classes,), infinite without such examples. ``suspects``: the positions of the examples whose
    labels may be wrong, int64, the most suspicious first.
    """

    thresholds: np.ndarray
    suspects: np.ndarray


def find_label_issues(
    scores: np.ndarray, labels: np.ndarray, results: ExampleResults
) -> LabelIssues:
    """Return the examples whose labels may be wrong, by scores of a network not trained on them.

    ``scores`` are float (n, classes), ``labels`` integers (n,), and ``results`` what
    ``evaluate_examples`` returns for both. An example is suspect if it is confidently of another
    class than its label, and its label is less likely than the most likely class. The first have
    the lowest margin, which is the difference between these two probabilities.
    """
    classes = scores.shape[1]
    likelihoods = np.exp(-results.loss)
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, likelihoods, classes)
    thresholds = np.full(classes, np.inf)
    np.divide(sums, counts, out=thresholds, where=counts > 0)
    margins = likelihoods - np.exp(results.log_highest)
    unlikely = np.flatnonzero(margins < -TOLERANCE)
    confident = confident_classes(scores, thresholds, unlikely)
    suspects = unlikely[(confident >= 0) & (confident != labels[unlikely])]
    # Where probabilities are so close to 0 and 1 that margins are equal, losses still differ.
    ranked = np.lexsort((-results.loss[suspects], margins[suspects]))
    return LabelIssues(thresholds, suspects[ranked])


def confident_classes(scores: np.ndarray, thresholds: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the class that each of the examples at ``rows`` confidently is, int64; -1 for none.

    It is the most likely of the classes whose probability reaches their threshold. The confident
    joint counts the examples by label and by this class.
    """
    confident = np.empty(len(rows), np.int64)
    for at in range(0, len(rows), BLOCK):
        logs = log_softmax(scores[rows[at : at + BLOCK]])
        reached = np.exp(logs) >= thresholds - TOLERANCE
        most_likely = np.where(reached, logs, -np.inf).argmax(axis=1)
        confident[at : at + BLOCK] = np.where(reached.any(axis=1), most_likely, -1)
    return confident
