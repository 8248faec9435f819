"""The order of an epoch's examples depends on (seed, epoch) alone."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support import pcg64

from hardmax.data.sampling import balanced_order, order

counts = st.integers(0, 300)
seeds = st.integers(0, 2**64)
epochs = st.integers(0, 1000)


@given(counts, seeds, epochs)
def test_the_order_is_pcg64s_permutation_of_seed_and_epoch(count, seed, epoch):
    found = order(count, seed, epoch)
    assert found.dtype == np.int64
    assert np.array_equal(found, pcg64(count, seed, epoch))
    assert sorted(found) == list(range(count))


def test_every_seed_and_epoch_has_a_different_order():
    pairs = list(product(range(20), range(20)))
    assert len({order(60, *pair).tobytes() for pair in pairs}) == len(pairs)


def test_the_order_is_the_same_in_another_process(python):
    code = "from hardmax.data.sampling import order; print(order(40, 3, 7).tolist())"
    assert python(code, env={"PYTHONHASHSEED": "1"}).strip() == str(order(40, 3, 7).tolist())


def test_numpys_global_generator_is_not_changed():
    before = np.random.get_state()  # noqa: NPY002
    order(10, 1, 0)
    balanced_order(np.arange(10) % 3, 1, 0)
    after = np.random.get_state()  # noqa: NPY002
    assert np.array_equal(before[1], after[1])
    assert before[2] == after[2]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), seeds, epochs)
def test_a_balanced_epoch_has_the_classes_and_within_each_the_examples_equally_often(
    labels, seed, epoch
):
    labels = np.array(labels)
    found = balanced_order(labels, seed, epoch)
    assert found.dtype == np.int64
    assert len(found) == len(labels)
    times = np.bincount(found, minlength=len(labels))
    shares = [times[labels == label].sum() for label in np.unique(labels)]
    assert max(shares) - min(shares) <= 1
    for label in np.unique(labels):
        repeats = times[labels == label]
        assert repeats.max() - repeats.min() <= 1
    assert np.array_equal(found, balanced_order(labels, seed, epoch))


def test_examples_left_out_of_a_balanced_epoch_come_in_others():
    labels = np.repeat([0, 1], [90, 10])
    seen = [{*balanced_order(labels, 0, epoch).tolist()} for epoch in range(40)]
    assert seen[0] != seen[1]
    assert set.union(*seen) == {*range(100)}
