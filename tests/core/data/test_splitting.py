"""Equal examples are on one side of a split."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import noise, pcg64, save

from hardmax.data.datasets import Images, Vectors, split_off
from hardmax.data.equality import copies_of
from hardmax.data.images.digits import load_digits
from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.splitting import split_rows
from hardmax.data.tables.columns import Column
from hardmax.data.tables.files import read_table
from hardmax.data.tables.rows import equal_rows, row_keys
from hardmax.errors import ArgumentError


def ungrouped(labels, fraction, seed):
    """Return the rows that a split without groups chooses, from its definition."""
    rows = pcg64(len(labels), seed, 0)
    chosen = []
    for label in np.unique(labels):
        members = rows[labels[rows] == label]
        chosen += members[: round(fraction * len(members))].tolist()
    return sorted(chosen)


labelings = st.lists(st.integers(0, 3), min_size=2, max_size=60).map(np.array)
fractions = st.floats(0.05, 0.95)


@given(labelings, fractions, st.integers(0, 2**63 - 1))
def test_without_equal_examples_the_split_is_that_without_groups(labels, fraction, seed):
    groups = np.random.default_rng(seed).permutation(len(labels)) - 7
    try:
        rest, chosen = split_rows(labels, fraction, seed, groups)
    except ArgumentError:
        assert len(ungrouped(labels, fraction, seed)) in (0, len(labels))
        return
    assert chosen.tolist() == ungrouped(labels, fraction, seed)
    assert sorted([*rest, *chosen]) == [*range(len(labels))]
    np.testing.assert_array_equal(chosen, split_rows(labels, fraction, seed)[1])


@given(
    st.integers(2, 4).flatmap(lambda k: st.tuples(st.just(k), st.integers(0, 2**32))),
    st.sampled_from([0.1, 0.2, 0.25, 0.5, 0.8]),
)
def test_groups_are_not_divided_and_classes_keep_their_fractions(drawn, fraction):
    classes, seed = drawn
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(60), generator.integers(1, 4, 60))
    labels = np.repeat(np.arange(60) % classes, np.bincount(groups))
    shuffled = generator.permutation(len(groups))
    groups, labels = groups[shuffled], labels[shuffled]
    rest, chosen = split_rows(labels, fraction, seed % 1000, groups)
    assert not {*groups[rest]} & {*groups[chosen]}
    for label in range(classes):
        count = (labels[chosen] == label).sum()
        assert abs(count - fraction * (labels == label).sum()) <= 3
        assert (labels[rest] == label).any()


def test_groups_may_have_several_classes():
    groups = np.repeat(np.arange(50), 4)
    labels = np.tile([0, 1], 100)
    rest, chosen = split_rows(labels, 0.2, 0, groups)
    assert not {*groups[rest]} & {*groups[chosen]}
    assert np.bincount(labels[chosen]).tolist() == [20, 20]


@pytest.mark.parametrize("sizes", [[50, 50], [95, 5], [100]])
def test_groups_that_are_too_large_are_divided(sizes):
    """Of a class with few distinct examples, some are in both parts."""
    labels = np.repeat([0, 1], 100)
    groups = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.arange(100, 200)])
    rest, chosen = split_rows(labels, 0.2, 0, groups)
    assert np.bincount(labels[chosen]).tolist() == [20, 20]
    assert chosen.tolist() == ungrouped(labels, 0.2, 0)
    assert len(rest) == 160


# What is equal


@pytest.mark.parametrize(("keys", "asked"), [([1, 2, 3, 4], 0), ([1, 2, 2, 4], 2)])
def test_no_more_columns_are_counted_than_decide_what_copies_are(keys, asked):
    distinct = iter([2, 3, 5, 7])
    keys = np.array(keys, np.uint64)
    assert copies_of(keys, np.zeros(4, int), distinct).tolist() == keys.tolist()
    assert len([*distinct]) == 4 - asked


def first_equal(groups):
    """Return the position of the first example in the group of each."""
    return [groups.tolist().index(group) for group in groups]


def test_equal_images_are_those_with_equal_bytes():
    images = noise(40, 4, 5, 3)
    repeated = Images(images[[*range(40), 3, 7, 3]], np.arange(43) % 2)
    assert first_equal(repeated.groups) == [*range(40), 3, 7, 3]
    values = images.reshape(40, -1)[:, :4].astype(np.float32)
    assert first_equal(Vectors(values, np.arange(40) % 2).groups) == [*range(40)]
    transposed = Images(images.transpose(0, 2, 1, 3)[[0, 1, 0]], np.arange(3))
    assert first_equal(transposed.groups) == [0, 1, 0]


def test_the_digits_are_split_as_ever():
    digits = load_digits()
    everything = np.concatenate([digits.train.inputs, digits.test.inputs])
    labels = np.concatenate([digits.train.labels, digits.test.labels])
    assert len(np.unique(Images(everything, labels).groups)) == 1797


def frame_of(cells):
    return pd.DataFrame(cells, columns=["a", "b"])


@given(
    st.lists(
        st.tuples(st.sampled_from(["x", "y", " x", None]), st.sampled_from([1.5, -2.0, None])),
        min_size=1,
        max_size=25,
    )
)
def test_equal_rows_have_equal_cells(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "equal.parquet"
    frame_of(rows).to_parquet(path)
    groups = equal_rows(read_table(path).table)
    trimmed = [(a and a.strip(), b) for a, b in rows]
    for i, row in enumerate(trimmed):
        assert [row == other for other in trimmed] == (groups == groups[i]).tolist()


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, -0.0, 1.5, np.nan]), st.sampled_from(["x", "y", None])),
        min_size=1,
        max_size=25,
    )
)
def test_equal_rows_of_different_tables_have_equal_keys(rows):
    numbers, texts = zip(*rows, strict=True)

    def keys(levels):
        codes = np.array([-1 if text is None else levels.index(text) for text in texts])
        return row_keys(
            [
                Column("a", "number", np.array(numbers)),
                Column("b", "category", codes, levels),
            ]
        )

    found = keys(("x", "y"))
    assert found.tolist() == keys(("y", "z", "x")).tolist()
    cells = [(None if np.isnan(a) else a, b) for a, b in rows]
    for i, row in enumerate(cells):
        assert [row == other for other in cells] == (found == found[i]).tolist()


# Data sets


def noise_table(path, repeats, columns=20, **more):
    """Write 100 rows of noise, each several times, with labels that are noise too."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(100, columns)).round(3)).add_prefix("x")
    frame["y"] = generator.permutation(["u", "v"] * 50)
    frame = pd.concat([frame] * repeats, ignore_index=True)
    frame.assign(**more).to_csv(path, index="Unnamed: 0" in more)
    return str(path)


def test_repeated_rows_of_a_table_are_in_one_part(tmp_path):
    path = noise_table(tmp_path / "a.csv", 6)
    dataset = load(path, Reading(label="y", validation=0.2))
    rows = {
        name: {*(getattr(dataset, name).places % 100).tolist()}
        for name in ("train", "validation", "test")
    }
    assert [len(rows[name]) for name in rows] == [64, 16, 20]
    assert len(set.union(*rows.values())) == 100
    assert np.bincount(dataset.test.labels).tolist() == [60, 60]
    assert dataset.notices[-1] == (
        "a: 100 of 600 examples are distinct; equal ones are either all in the training set or all "
        "in the test set"
    )
    assert load(path, Reading(label="y", whole=True)).notices == dataset.notices[:1]


def test_an_unnamed_index_does_not_make_rows_different(tmp_path):
    path = noise_table(tmp_path / "a.csv", 3, **{"Unnamed: 0": range(300)})
    dataset = load(path, Reading(label="y"))
    assert not {*dataset.train.places % 100} & {*dataset.test.places % 100}


@pytest.mark.parametrize(
    "column",
    [
        {"id": range(600)},
        {"code": [f"sample {number}" for number in range(600)]},
        {"uuid": [f"{number * 7919 % 1000003:08x}-4a" for number in range(600)]},
    ],
)
def test_an_identifier_does_not_make_rows_different(tmp_path, column):
    path = noise_table(tmp_path / "a.csv", 6, **column)
    dataset = load(path, Reading(label="y", validation=0.2))
    assert [*dataset.preprocessing["left_out"]] == [*column]
    parts = [dataset.train, dataset.validation, dataset.test]
    assert sum(len({*(part.places % 100)}) for part in parts) == 100
    kept = load(path, Reading(label="y", keep=(*column,)))
    assert "distinct" not in str(kept.notices)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_table_of_few_columns_that_was_repeated_as_a_whole_is_not_divided(tmp_path, columns):
    dataset = load(noise_table(tmp_path / "a.csv", 6, columns), Reading(label="y"))
    assert not {*dataset.train.places % 100} & {*dataset.test.places % 100}
    assert len(dataset.test) == 120


def test_a_design_with_two_observations_of_each_combination_is_split_one_by_one(tmp_path):
    frame = pd.DataFrame({"x": np.repeat(np.arange(50) / 7, 2), "y": ["u", "v"] * 50})
    frame.to_csv(tmp_path / "a.csv", index=False)
    dataset = load(str(tmp_path / "a.csv"), Reading(label="y"))
    assert {*dataset.train.places // 2} & {*dataset.test.places // 2}
    assert dataset.test.places.tolist() == ungrouped(np.tile([0, 1], 50), 0.2, 0)


def test_a_table_of_few_distinct_rows_is_split_with_a_notice(tmp_path):
    rows = "1,1,1,1,1,1,u\n2,2,2,2,2,2,v\n"
    (tmp_path / "a.csv").write_text("a,b,c,d,e,f,y\n" + rows * 20)
    dataset = load(str(tmp_path / "a.csv"), Reading(label="y"))
    assert (len(dataset.train), len(dataset.test)) == (32, 8)
    (warning,) = dataset.warnings
    assert "2 of 40 examples are distinct, too few to keep equal ones" in warning


def test_rows_that_are_equal_by_chance_are_split_one_by_one(tmp_path):
    categories = [f"k{number}" for number in np.random.default_rng(0).integers(0, 50, 1000)]
    frame = pd.DataFrame({"a": categories, "b": "same", "y": [int(c[1:]) % 2 for c in categories]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    dataset = load(str(tmp_path / "a.csv"), Reading(label="y"))
    assert len(dataset.test) == 200
    in_training = {categories[row] for row in dataset.train.places}
    assert {categories[row] for row in dataset.test.places} <= in_training
    assert "1000 examples, 0.2 of each class" in dataset.notices[-1]


@pytest.mark.parametrize("kind", ["folder", "npz"])
def test_repeated_images_are_in_one_part(tmp_path, kind):
    images = noise(40, 6, 6)[np.tile(np.arange(40), 3)]
    labels = np.tile(np.arange(40) % 2, 3)
    if kind == "folder":
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            save(tmp_path / "data" / "uv"[label] / f"{number}.png", image)
        source = str(tmp_path / "data")
    else:
        source = str(tmp_path / "data.npz")
        np.savez(source, X=images, y=labels)
    dataset = load(source, Reading(validation=0.25))
    parts = [dataset.train, dataset.validation, dataset.test]
    found = [{image.tobytes() for image in part.inputs} for part in parts]
    assert sum(map(len, found)) == len(set.union(*found)) == 40
    assert [len(part) for part in parts] == [72, 24, 24]
    assert "40 of 120 examples are distinct" in dataset.notices[-1]


def test_split_off_takes_the_examples_of_split_rows():
    images = Images(noise(30, 2, 2, 1), np.arange(30) % 3)
    rest, chosen = split_off(images, 0.3, 5)
    expected = ungrouped(images.labels, 0.3, 5)
    np.testing.assert_array_equal(chosen.inputs, images.inputs[expected])
    assert len(rest) == 30 - len(expected)
