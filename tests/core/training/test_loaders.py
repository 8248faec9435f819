"""Batches and chunks contain every example exactly once per epoch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import pcg64

from hardmax.data.sampling import balanced_order
from hardmax.errors import ArgumentError
from hardmax.training.loaders import Loader, TensorLoader, chunk_bounds, chunks

counts = st.integers(0, 300)
sizes = st.integers(1, 400)
seeds = st.integers(0, 2**64)
parts = st.integers(-1, 320)


class Rows(TensorLoader):
    """A loader whose examples are 0, 1, ...; the drawn seeds are 100, 101, ..."""

    drawn = 99

    def __init__(self, count, size, shuffle):
        super().__init__((np.arange(count),), size, shuffle)

    def rows(self, order):
        return order

    def draw_seed(self):
        self.drawn += 1
        return self.drawn

    def take(self, rows):
        return (np.arange(self.count)[rows],)


def cut(rows, size):
    return [rows[at : at + size].tolist() for at in range(0, len(rows), size)]


def lists(batches):
    return [batch.tolist() for (batch,) in batches]


@given(counts, sizes, seeds)
def test_an_epoch_has_every_example_exactly_once(count, size, seed):
    loader = Rows(count, size, shuffle=True)
    loader.seed = seed
    assert sorted(row for batch in lists(loader) for row in batch) == list(range(count))


@given(counts, sizes, st.booleans())
def test_all_batches_but_the_last_are_full_and_none_is_empty(count, size, shuffle):
    batches = lists(Rows(count, size, shuffle))
    assert {len(batch) for batch in batches[:-1]} <= {size}
    assert all(0 < len(batch) <= size for batch in batches)


@given(counts, sizes)
def test_a_loader_that_does_not_shuffle_keeps_the_order(count, size):
    assert lists(Rows(count, size, shuffle=False)) == cut(np.arange(count), size)


@pytest.mark.parametrize("size", [0, -1, 1.0, 2.5, "3", None, float("nan"), [4]])
def test_a_batch_size_that_is_not_a_positive_integer_is_refused(size, refused):
    with refused(ArgumentError, "batch size", repr(size)):
        Loader(10, size, shuffle=False)


def test_a_batch_size_may_have_any_integer_type():
    assert [len(batch) for batch in lists(Rows(7, np.int16(3), shuffle=False))] == [3, 3, 1]


@given(st.integers(1, 300), parts)
def test_chunks_are_consecutive_and_cover_the_epoch(count, parts):
    bounds = sorted({chunk_bounds(batch, count, parts) for batch in range(count)})
    starts, stops = zip(*bounds, strict=True)
    assert (*starts, count) == (0, *stops)
    lengths = {stop - start for start, stop in bounds}
    assert min(lengths) >= 1
    assert max(lengths) - min(lengths) <= 1
    assert len(bounds) == min(max(parts, 1), count)


@given(st.integers(1, 300), parts)
def test_every_batch_is_within_its_chunk(count, parts):
    for batch in range(count):
        start, stop = chunk_bounds(batch, count, parts)
        assert start <= batch < stop


@given(counts, sizes, parts, st.booleans(), seeds)
def test_the_chunks_of_a_loader_contain_its_epoch(count, size, parts, shuffle, seed):
    loader = Rows(count, size, shuffle)
    loader.seed = seed
    for epoch in range(2):
        rows = pcg64(count, seed, epoch) if shuffle else np.arange(count)
        batches = [lists(chunk) for chunk in chunks(loader, parts)]
        assert [batch for chunk in batches for batch in chunk] == cut(rows, size)
        assert len(batches) == min(max(parts, 1), len(loader))


@given(counts, sizes, seeds)
def test_each_pass_over_a_shuffling_loader_is_the_next_epoch(count, size, seed):
    loader = Rows(count, size, shuffle=True)
    loader.seed = seed
    for epoch in range(3):
        assert lists(loader) == cut(pcg64(count, seed, epoch), size)
    assert len(loader) == len(cut(np.arange(count), size))


def test_a_loader_without_a_seed_draws_one_per_epoch():
    loader = Rows(50, 50, shuffle=True)
    assert lists(loader) == [pcg64(50, 100, 0).tolist()]
    assert lists(loader) == [pcg64(50, 101, 1).tolist()]


def test_a_loader_that_does_not_shuffle_draws_no_seed():
    loader = Rows(5, 2, shuffle=False)
    assert lists(loader) == lists(loader) == [[0, 1], [2, 3], [4]]
    assert (loader.drawn, loader.epoch) == (99, 0)


def test_a_chunk_can_be_iterated_again():
    loader = Rows(10, 3, shuffle=True)
    first, _ = chunks(loader, 2)
    assert lists(first) == lists(first) != []


@given(st.lists(st.integers(), max_size=40), parts)
def test_any_sized_iterable_is_split_into_the_same_chunks(batches, parts):
    split = [list(chunk) for chunk in chunks(batches, parts)]
    assert [batch for chunk in split for batch in chunk] == batches
    assert len(split) == min(max(parts, 1), len(batches))


@st.composite
def ends_of_pieces(draw):
    """Return a function from the first batch of a piece to a batch that it ends before."""
    lengths = draw(st.lists(st.integers(1, 60), min_size=1, max_size=20))
    return lambda start: start + lengths[start % len(lengths)]


@given(st.integers(1, 200), st.integers(1, 40), parts, st.integers(0, 220), ends_of_pieces(), seeds)
def test_pieces_partition_the_batches_from_one_on(count, size, parts, first, piece_end, seed):
    loader = Rows(count, size, shuffle=True)
    loader.seed, loader.epoch = seed, 3
    first = min(first, len(loader))
    pieces = [lists(piece) for piece in chunks(loader, parts, first, piece_end)]
    assert [batch for piece in pieces for batch in piece] == cut(pcg64(count, seed, 3), size)[
        first:
    ]
    assert loader.epoch == 4
    start = first
    for piece in pieces:
        stop = start + len(piece)
        # As long as the chunk and the piece allow, so that no piece has batches of two chunks.
        assert stop == min(chunk_bounds(start, len(loader), parts)[1], piece_end(start))
        start = stop


def test_batches_before_the_first_one_are_not_taken():
    taken = []

    class Streamed(Loader):
        def next_order(self):
            return np.arange(self.count)

        def take(self, rows):
            taken.extend(rows.tolist())
            return (rows,)

    assert [lists(chunk) for chunk in chunks(Streamed(10, 2, True), 2, 3)] == [[[6, 7], [8, 9]]]
    assert taken == [6, 7, 8, 9]


@given(st.integers(0, 20), st.sampled_from([20, 2**31, 2**63, 10**30]))
def test_a_batch_may_be_larger_than_the_data(count, size):
    loader = Rows(count, size, shuffle=False)
    assert len(loader) == len(lists(loader)) == min(count, 1)
    assert loader.batch_size <= max(count, 1)


def test_a_balanced_loader_is_balanced_only_if_it_shuffles():
    labels = np.repeat([0, 1], [9, 3])
    for shuffle in (True, False):
        loader = Rows(12, 5, shuffle)
        loader.seed, loader.balanced_by = 7, labels
        for epoch in range(2):
            rows = np.concatenate([rows for (rows,) in loader])
            expected = balanced_order(labels, 7, epoch) if shuffle else np.arange(12)
            assert np.array_equal(rows, expected)
