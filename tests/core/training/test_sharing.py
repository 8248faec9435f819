"""The results of whole batches, from those of each process's shares of them."""

import numpy as np
import pytest

from hardmax.errors import ArgumentError
from hardmax.evaluation.totals import Meter, Steps
from hardmax.processes.environment import Place
from hardmax.processes.group import Group
from hardmax.training.sharing import check_same, cut, joined_meter, whole_steps


class Two(Group):
    """A group of two processes, of which the second one's arrays are known."""

    def __init__(self, *others):
        super().__init__(Place(0, 2))
        self.others = others

    def sum(self, *arrays):
        return [np.float64(one) + other for one, other in zip(arrays, self.others, strict=True)]

    def gather(self, array):
        return np.concatenate([array, *self.others])


def test_the_results_of_whole_batches_are_means_over_all_examples():
    own = Steps(np.float32([1.0, 2.0]), np.array([1.0, 3.0]), np.array([2, 4]))
    other = Two(np.array([4.0 * 2, 0.0]), np.array([2, 0]), np.array([2.0, 0.0]))
    found = whole_steps(own, other)
    assert found.loss.tolist() == [(2 * 1.0 + 2 * 4.0) / 4, 2.0]
    assert found.correct.tolist() == [3.0, 3.0]
    assert found.examples.tolist() == [4, 4]
    assert found.examples.dtype == np.int64


def test_an_empty_share_does_not_count_whatever_its_loss_is():
    own = Steps(np.float32([np.nan]), np.array([np.nan]), np.array([0]))
    found = whole_steps(own, Two(np.array([3.0]), np.array([1]), np.array([1.0])))
    assert (found.loss.tolist(), found.correct.tolist()) == ([3.0], [1.0])


def test_one_process_has_the_results_themselves():
    own = Steps(np.float32([1.0]), None, np.array([2]))
    assert whole_steps(own, Group()) is own


def test_the_mean_of_a_meter_is_that_of_all_processes():
    meter = Meter([2.0, 3.0, 4.0], [2, 1, 3])
    found = joined_meter(meter, Two(*map(np.float64, (4.0, 1.0, 2, 1))))
    assert found.mean() == (2 + 3 + 4 + 4 + 1) / (6 + 3)
    assert found.first() == (2.0 + 4.0) / 4


def test_batches_are_cut_by_example():
    batches = [(np.arange(5), np.arange(5) * 2), (np.arange(1), np.arange(1))]
    shares = [(batch[0].tolist(), batch[1].tolist(), whole) for batch, whole in cut(batches, Two())]
    assert shares == [([0, 1], [0, 2], 5), ([], [], 1)]


def test_different_batches_are_refused():
    batches = [(np.zeros(2), np.array([0, 1])), (np.ones(2), np.array([1, 1]))]
    with pytest.raises(ArgumentError, match="the 2 processes got different batches"):
        next(check_same(batches, Two(np.array([5]))))
    same = check_same(batches, Two())
    assert [*same] == batches
