"""The members of an ensemble: their examples, their average and their out-of-fold scores."""

from dataclasses import replace

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from support import pcg64

from hardmax.data.datasets import Vectors
from hardmax.errors import ArgumentError
from hardmax.networks import catalog
from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import Ensemble
from hardmax.runs.members import OutOfFold, averaged, fold_of, mean_epochs, members_of
from hardmax.runs.members import _least_filled as least_filled
from hardmax.runs.settings import Settings


def vectors(labels, wholes=None):
    labels = np.asarray(labels)
    return Vectors(np.arange(len(labels), dtype=np.float32)[:, None], labels, wholes=wholes)


@given(st.lists(st.integers(0, 3), min_size=8, max_size=60), st.integers(2, 8), st.integers(0, 99))
def test_folds_are_of_equal_size_and_divide_each_class_evenly(labels, folds, seed):
    part = vectors(labels)
    numbers = fold_of(part, folds, seed)
    sizes = np.bincount(numbers, minlength=folds)
    assert sizes.max() - sizes.min() <= 1
    for label in set(labels):
        counts = np.bincount(numbers[part.labels == label], minlength=folds)
        assert counts.max() - counts.min() <= 1


@given(st.integers(0, 2**63 - 1), st.integers(2, 6))
def test_groups_are_in_one_fold(seed, folds):
    wholes = np.random.default_rng(0).integers(0, 30, 200)
    labels = np.arange(200) % 2
    numbers = fold_of(vectors(labels, wholes), folds, seed)
    assert all(len({*numbers[wholes == group]}) == 1 for group in {*wholes})
    # Groups have about 7 rows, so that the folds of each class differ by no more.
    for label in (0, 1):
        sizes = np.bincount(numbers[labels == label], minlength=folds)
        assert sizes.max() - sizes.min() <= 10


@given(st.integers(0, 2**63 - 1), st.integers(2, 6))
def test_copies_are_in_one_fold_and_folds_have_all_classes_alike(seed, folds):
    generator = np.random.default_rng(0)
    copies = np.repeat(np.arange(60), generator.integers(1, 5, 60))
    labels, order = copies % 3, generator.permutation(len(copies))
    part = replace(vectors(labels[order]), copies=copies[order])
    numbers = fold_of(part, folds, seed)
    assert all(len({*numbers[part.copies == group]}) == 1 for group in {*copies})
    for label in range(3):
        sizes = np.bincount(numbers[part.labels == label], minlength=folds)
        assert sizes.max() - sizes.min() <= 4


def test_without_copies_the_folds_are_dealt_out_by_class():
    labels = np.random.default_rng(0).integers(0, 3, 50)
    shuffled = pcg64(50, 7, 0)
    by_class = np.concatenate([shuffled[labels[shuffled] == label] for label in range(3)])
    expected = np.empty(50, int)
    expected[by_class] = np.arange(50) % 4
    assert fold_of(vectors(labels), 4, 7).tolist() == expected.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_folds_with_many_copies_of_one_row_are_no_larger(seed):
    part = vectors(np.arange(1000) % 2)
    copies = np.r_[np.zeros(200, int), np.arange(1, 801)]
    numbers = fold_of(replace(part, copies=copies), 5, seed)
    assert len({*numbers[:200]}) == 1
    for label in (0, 1):
        assert np.bincount(numbers[part.labels == label]).tolist() == [100] * 5


@given(st.integers(0, 2**63 - 1), st.integers(2, 6))
def test_single_rows_go_one_by_one_where_the_fewest_are(seed, folds):
    generator = np.random.default_rng(seed % 100)
    filled, label, count = generator.integers(0, 9, (folds, 3)), 1, int(generator.integers(30))
    found = least_filled(filled, label, count)
    assert len(found) == count
    for fold in found.tolist():
        assert fold == min(range(folds), key=lambda one: (*filled[one, [label]], filled[one].sum()))
        filled[fold, label] += 1


def test_copies_that_are_a_class_or_more_than_a_fold_are_divided():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    copies = np.r_[np.zeros(40), np.arange(1, 51), np.full(10, 51)].astype(int)
    numbers = fold_of(replace(vectors(labels), copies=copies), 5, 0)
    assert np.bincount(numbers).tolist() == [20] * 5
    for label in range(3):
        assert np.ptp(np.bincount(numbers[labels == label], minlength=5)) <= 1


def test_members_use_all_rows_beside_a_large_group():
    wholes = np.r_[np.zeros(60, int), np.arange(1, 41)]
    part = vectors(np.arange(100) % 2, wholes)
    members = members_of(Settings(data="X", model="mlp", folds=4), part, None)
    assert {len(member.train) + len(member.held_out) for member in members} == {100}


@pytest.mark.parametrize(
    ("wholes", "words"), [(None, "as many rows, but the training set has 3"), ([0, 0, 1], "groups")]
)
def test_too_many_folds_are_refused(wholes, words):
    part = vectors([0, 1, 0], None if wholes is None else np.array(wholes))
    with pytest.raises(ArgumentError, match=words):
        fold_of(part, 4, 0)


def test_each_member_is_trained_without_the_fold_that_it_is_evaluated_on():
    part = vectors(np.arange(50) % 3)
    settings = Settings(data="X", model="mlp", folds=4, ensemble=6)
    members = members_of(settings, part, None)
    assert [member.seed for member in members] == [0, 1, 2, 3, 4, 5]
    assert {len(member.train) for member in members} == {37, 38}
    for number, member in enumerate(members):
        trained, held_out = ({*one.values[:, 0]} for one in (member.train, member.held_out))
        assert not trained & held_out
        assert held_out == {*part.values[member.fold, 0]}
        assert held_out == {*members[number % 4].held_out.values[:, 0]}
    whole = np.concatenate([member.fold for member in members[:4]])
    assert sorted(whole) == [*range(50)]


def test_without_folds_the_members_differ_in_their_seeds_only():
    part, held_out = vectors([0, 1] * 5), vectors([0, 1])
    members = members_of(Settings(data="X", model="mlp", ensemble=2, seed=7), part, held_out)
    assert [(one.seed, one.train, one.held_out) for one in members] == [
        (7, part, held_out),
        (8, part, held_out),
    ]


def test_the_average_has_the_mean_probabilities_of_the_members():
    network = catalog.make("mlp", (3,), 4, hidden=(5,))
    weights = [initial_weights(network, (3,), seed, "he") for seed in range(3)]
    ensemble, joined = averaged(network, weights)
    assert ensemble == (Ensemble(network, 3),)
    X = np.random.default_rng(0).standard_normal((20, 3))
    scores = reference.Forward(joined).run(ensemble, X)
    members = [reference.softmax(reference.Forward(one).run(network, X)) for one in weights]
    np.testing.assert_allclose(reference.softmax(scores), np.mean(members, 0))
    assert averaged(network, weights[:1]) == (network, weights[0])


def test_out_of_fold_scores_are_mean_probabilities_of_the_members_that_have_the_example():
    generator = np.random.default_rng(0)
    found = OutOfFold(5, 3)
    first, second, other = generator.standard_normal((3, 2, 3))
    found.add(np.array([0, 3]), first)
    found.add(np.array([0, 3]), second)
    found.add(np.array([4, 1]), other)
    assert found.rows.tolist() == [0, 1, 3, 4]
    twice = (reference.softmax(first) + reference.softmax(second)) / 2
    once = reference.softmax(other)
    expected = [twice[0], once[1], twice[1], once[0]]
    np.testing.assert_allclose(np.exp(found.scores), expected)


def test_the_history_of_an_ensemble_is_the_mean_of_those_of_its_members():
    first = [{"epoch": 1, "val_loss": 2.0, "train_loss": None, "seconds": 1.0}]
    second = [
        {"epoch": 1, "val_loss": 4.0, "train_loss": None, "seconds": 0.5},
        {"epoch": 2, "val_loss": 3.0, "train_loss": 1.0, "seconds": 0.25},
    ]
    assert mean_epochs([first, second]) == [
        {"epoch": 1, "val_loss": pytest.approx(3), "train_loss": None, "seconds": 1.5},
        second[1],
    ]
