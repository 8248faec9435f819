"""Checking the labels of a classifier: integers from 0, one for each prediction."""

from collections.abc import Sequence
from functools import cached_property
from itertools import zip_longest
from typing import Any, Protocol

import numpy as np

from hardmax.checks import shortened
from hardmax.errors import ArgumentError
from hardmax.plotting.pyplot import on_host
from hardmax.training.dispatch import is_step_hook

__all__ = [
    "Labels",
    "Range",
    "check_batch",
    "check_pair",
    "check_range",
    "check_shape",
    "label_range",
]

#: The smallest and the largest label; None without labels.
Range = tuple[int, int] | None


class Array(Protocol):
    """An array of any framework."""

    @property
    def shape(self) -> Sequence[int | None]:
        """The shape; None is an unknown size."""


class Trained(Protocol):
    """A model with the trainer that fits or fitted it, if any."""

    trainer: Any

    @property
    def loss(self) -> object:
        """The method that computes the loss."""


class Labels:
    """The labels of batches, an array of any framework, of which only the range is needed.

    It is computed once, when it is first needed: a model without classes has no such labels.
    """

    def __init__(self, values: Any):
        self.values = values

    @cached_property
    def range(self) -> Range:
        """The smallest and the largest label. Raises ArgumentError unless all are integers."""
        return label_range(self.values)


def label_range(labels: object) -> Range:
    """Return the smallest and the largest of labels, an array of any framework; None if empty.

    Raises ArgumentError unless they are integers; whole floats are.
    """
    values = on_host(labels)
    wrong = values[:0] if values.dtype.kind in "biu" else values[~_are_whole(values)]
    if wrong.size:
        raise ArgumentError(
            f"labels must be integers, the numbers of the classes, got {values.dtype} such as "
            f"{shortened(str(wrong[0]))}; convert them, for example with numpy.unique(labels, "
            "return_inverse=True)"
        )
    return (int(values.min()), int(values.max())) if values.size else None


def _are_whole(values: np.ndarray) -> np.ndarray:
    """Return whether each value of a type other than integers is a whole number."""
    if values.dtype.kind != "f":
        return np.zeros(values.shape, bool)
    whole: np.ndarray = np.isfinite(values) & (np.rint(values) == values)
    return whole


def check_shape(predictions: Sequence[int | None], labels: Sequence[int | None]) -> None:
    """Raise ArgumentError unless there is one label for each prediction.

    ``predictions`` and ``labels`` are shapes, in which None is an unknown size; either may have a
    further axis of size 1.
    """
    if tuple(predictions) == tuple(labels):
        return
    sizes = zip_longest(predictions, labels, fillvalue=1)
    is_longer_by_one = abs(len(predictions) - len(labels)) <= 1
    if not is_longer_by_one or any(a != b for a, b in sizes if None not in (a, b)):
        raise ArgumentError(
            f"labels must have the shape of the predictions, {tuple(predictions)}, got shape "
            f"{tuple(labels)}; give one class number for each prediction (of one-hot labels, their "
            "argmax)"
        )


def check_range(found: Range, classes: int) -> None:
    """Raise ArgumentError unless labels of the range ``found`` are from 0 to ``classes`` - 1."""
    if found is not None and not 0 <= found[0] <= found[1] < classes:
        raise ArgumentError(
            f"labels must be from 0 to {classes - 1}, because the model has {classes} scores for "
            f"each example, got labels from {found[0]} to {found[1]}; number the classes from 0, "
            "and give the model a score for each"
        )


def check_pair(scores: Array, labels: Array, is_concrete: bool = True) -> None:
    """Raise ArgumentError unless labels fit scores of shape (..., classes).

    ``is_concrete`` is whether the labels can be read; while a framework traces, they cannot.
    """
    *predictions, classes = scores.shape
    check_shape(predictions, labels.shape)
    if is_concrete:
        assert classes is not None
        check_range(label_range(labels), classes)


def check_batch(
    model: Trained, method: object, scores: Array, labels: Array, is_concrete: bool = True
) -> None:
    """Raise ArgumentError unless the labels that a ``method`` of a model received fit its scores.

    Within a fit or an evaluation no values are read: their range is that of the trainer's labels,
    unless a method is overridden, which may pass on others.
    """
    known = getattr(model.trainer, "labels", None)
    if not isinstance(known, Labels):
        check_pair(scores, labels, is_concrete)
        return
    shape = scores.shape
    check_shape(shape[:-1], labels.shape)
    classes = shape[-1]
    if is_step_hook(method) and is_step_hook(model.loss):
        assert classes is not None
        check_range(known.range, classes)
