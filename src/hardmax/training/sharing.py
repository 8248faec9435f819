"""What several processes make together of the results that each has of its shares of batches."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from hardmax.errors import ArgumentError
from hardmax.evaluation.totals import Meter, Steps
from hardmax.plotting.pyplot import on_host
from hardmax.processes.group import Group

__all__ = ["Share", "check_same", "cut", "joined_meter", "whole_steps"]


class Share(NamedTuple):
    """The number of examples of a batch that this process has, and that of the ``whole`` batch."""

    own: int = 1
    whole: int = 1


def check_same(batches: Iterable[Sequence[Any]], group: Group) -> Iterator[Sequence[Any]]:
    """Yield batches of arrays, after checking the labels of the first one.

    Raises ArgumentError unless they are the same in all processes.
    """
    for number, batch in enumerate(batches):
        if not number:
            checksums = group.gather(np.array([zlib.crc32(on_host(batch[-1]).tobytes())]))
            if len({*checksums.tolist()}) > 1:
                raise ArgumentError(
                    f"the {group.size} processes got different batches, of which each computes "
                    "with a part; give all of them the same order, in PyTorch for example by "
                    "DataLoader(..., generator=torch.Generator().manual_seed(0))"
                )
        yield batch


def cut(batches: Iterable[Sequence[Any]], group: Group) -> Iterator[tuple[Sequence[Any], int]]:
    """Yield this process's share of each batch of arrays, and the size of the whole batch."""
    for batch in batches:
        whole = len(batch[-1])
        share = group.share(whole)
        yield tuple(array[share] for array in batch), whole


def whole_steps(steps: Steps, group: Group) -> Steps:
    """Return the results of whole batches, from those of each process's shares of them.

    Their losses are float64. What a process has of an empty share does not count.
    """
    if group.size == 1:
        return steps
    losses = np.where(steps.examples > 0, steps.loss, 0).astype(np.float64) * steps.examples
    correct = [] if steps.correct is None else [np.where(steps.examples > 0, steps.correct, 0)]
    losses, examples, *correct = group.sum(losses, steps.examples, *correct)
    return Steps(losses / examples, correct[0] if correct else None, examples.astype(np.int64))


def joined_meter(meter: Meter, group: Group) -> Meter:
    """Return the meter of all processes' examples: the sums of their first and other values."""
    values = np.array([*map(float, meter.values), 0.0])
    counts = np.array([*meter.counts, 0])
    parts = (values[0], values[1:].sum(), counts[0], counts[1:].sum())
    (first, others, *numbers) = (float(one) for one in group.sum(*map(np.asarray, parts)))
    return Meter([first, others], [int(number) for number in numbers])
