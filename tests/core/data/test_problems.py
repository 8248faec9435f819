"""What may be wrong with data is noticed, and nothing is noticed where nothing is wrong."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency
from support import noise, peak_memory, save

from hardmax.data.datasets import Images, Vectors
from hardmax.data.equality import content_keys
from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.problems import Part, find_problems, of_dataset
from hardmax.data.survey import survey
from hardmax.data.tables.survey import survey_table

ROWS, CLASSES = ("row", "rows"), ("u", "v")
RANDOM = np.random.default_rng(0)


def part(name, keys, labels=None):
    keys = np.asarray(keys).astype(np.uint64)
    labels = np.zeros(len(keys), int) if labels is None else np.asarray(labels)
    return Part(name, keys, labels, lambda position: f"{name} {position}")


def leaks(train, test, **options):
    """Return the warnings of examples of one class."""
    parts = [part("train", train), part("test", test)]
    return [*find_problems("a", parts, classes=CLASSES, words=ROWS, **options)]


def problems(source, reading=None, **options):
    return of_dataset(load(source, reading or Reading()), **({"is_split": False} | options))


# Examples of the training set in another one


def test_images_of_the_training_set_in_a_test_set_are_counted(tmp_path):
    for number in range(12):
        label = "uv"[number % 2]
        save(tmp_path / f"train/{label}/{number}.png", noise(5, 5, seed=number))
        save(tmp_path / f"other/{label}/{number}.png", noise(5, 5, seed=50 + number))
    source, test = str(tmp_path / "train"), str(tmp_path / "other")
    assert problems(source, Reading(test=test)) == ()
    for number in (4, 7):
        # Another format, and another file name, with the same pixels.
        save(tmp_path / f"other/{'uv'[number % 2]}/x{number}.bmp", noise(5, 5, seed=number))
    assert problems(source, Reading(test=test)) == (
        "train: 2 of the 14 test images are also in the training set, such as u/x4.bmp = "
        "u/4.png; the accuracy on the test set is too high; leave them out of one of the two",
    )
    (tmp_path / "both").mkdir()
    (tmp_path / "train").rename(tmp_path / "both/train")
    (tmp_path / "other").rename(tmp_path / "both/val")
    (found,) = survey(str(tmp_path / "both")).warnings
    assert "2 of the 14 test images are also in the training set, such as val/u/x4.bmp" in found


def test_an_image_in_a_validation_folder_is_noticed(tmp_path):
    for number in range(12):
        where = ("train", "val", "test")[number % 3]
        save(tmp_path / f"data/{where}/{'uv'[number // 6]}/{number}.png", noise(5, 5, seed=number))
    assert problems(str(tmp_path / "data")) == ()
    save(tmp_path / "data/val/u/x.png", noise(5, 5, seed=0))
    (found,) = problems(str(tmp_path / "data"))
    assert "1 of the 5 validation images is also" in found


def test_rows_are_compared_by_the_columns_in_use(tmp_path):
    frame = pd.DataFrame(RANDOM.normal(size=(300, 3))).add_prefix("x")
    frame["day"] = pd.Series(["2020-01-03", "2020-02-04", "2020-03-05"] * 100)
    frame["y"] = ["u", "v"] * 150
    frame.insert(0, "id", np.arange(300))
    frame[:200].to_csv(tmp_path / "a.csv", index=False)
    test = frame[200:].copy()
    test.to_csv(tmp_path / "b.csv", index=False)
    reading = Reading(label="y", test=str(tmp_path / "b.csv"))
    assert problems(str(tmp_path / "a.csv"), reading) == ()
    copies = frame[10:15].assign(id=range(900, 905))
    pd.concat([test, copies]).to_parquet(tmp_path / "b.parquet")
    reading = Reading(label="y", test=str(tmp_path / "b.parquet"))
    (found,) = problems(str(tmp_path / "a.csv"), reading)
    assert found.startswith(
        "a: 5 of the 105 test rows are also in the training set, such as test row 101 = training "
        "row 11; "
    )


@pytest.mark.parametrize("repeats", [1, 2, 3])
def test_an_honest_test_set_repeats_rows_as_often_as_the_training_set(repeats):
    """A table in which some rows are repeated by nature, split at random, row by row."""
    generator = np.random.default_rng(repeats)
    for _ in range(200):
        keys = np.r_[np.arange(400), np.repeat(generator.choice(400, 40), repeats)]
        order = generator.permutation(len(keys))
        train, test = keys[order[100:]], keys[order[:100]]
        assert leaks(train, test) == []
        assert len(leaks(train, np.r_[test, generator.choice(train, 200)])) == 1


def drawn(seed, *, rows, combinations):
    """Return the keys of a training and a test set whose rows are drawn alike."""
    keys = np.random.default_rng(seed).integers(0, combinations, sum(rows))
    return keys[: rows[0]], keys[rows[0] :]


@pytest.mark.parametrize("rows", [(3000, 1000), (1000, 3000)])
def test_rows_of_skewed_categories_are_equal_by_nature(rows):
    """Of 19,683 combinations, most rows have frequent ones."""
    for seed in range(20):
        cells = np.random.default_rng(seed).choice(3, (4000, 9), p=(0.8, 0.15, 0.05))
        keys = cells @ 3 ** np.arange(9)
        train, test = keys[: rows[0]], keys[rows[0] :]
        assert np.isin(test, train).mean() > 0.5
        assert leaks(train, test) == []


def test_a_large_test_set_has_rows_of_a_small_training_set_by_nature():
    for seed in range(40):
        train, test = drawn(seed, rows=(200, 20_000), combinations=160_000)
        assert np.isin(test, train).sum() > 5
        assert leaks(train, test) == []
        # Each training row five times more.
        assert len(leaks(train, np.r_[test, np.repeat(train, 5)])) == 1


@pytest.mark.parametrize("rows", [(200, 200), (1000, 250), (100, 1000)])
@pytest.mark.parametrize("pairs", [0.3, 1, 3])
def test_few_rows_that_are_equal_by_chance_are_rarely_taken_for_a_leak(rows, pairs):
    combinations = round(rows[0] * rows[1] / pairs)
    found = [bool(leaks(*drawn(seed, rows=rows, combinations=combinations))) for seed in range(400)]
    # At most 5 %, and four standard deviations of 400 samples.
    assert np.mean(found) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 400)


def test_a_repeated_table_that_was_split_row_by_row_is_noticed():
    keys = RANDOM.permutation(np.repeat(np.arange(100), 6))
    (found,) = leaks(keys[150:], keys[:150])
    assert "of the 150 test rows are also in the training set" in found
    assert leaks(keys[150:], keys[:150], is_by_chance=True) == []
    assert leaks(keys[150:], keys[:150], is_split=True) == []


def test_rows_that_are_equal_by_chance_are_no_leak(tmp_path):
    cells = RANDOM.integers(0, 8, (500, 2))
    frame = pd.DataFrame(cells, columns=["a", "b"]).assign(y=RANDOM.choice(["u", "v"], 500))
    frame[:400].to_csv(tmp_path / "a.csv", index=False)
    frame[400:].to_csv(tmp_path / "b.csv", index=False)
    reading = Reading(label="y", test=str(tmp_path / "b.csv"))
    assert problems(str(tmp_path / "a.csv"), reading) == ()
    assert survey_table(tmp_path / "a.csv", Reading(label="y")).warnings == []


# Labels


def test_equal_images_with_different_labels_are_counted(tmp_path):
    X, y = noise(40, 4, 4), np.arange(40) % 2
    X[[21, 33]], X[8] = X[[2, 2]], X[6]
    np.savez(tmp_path / "a.npz", X=X, y=y)
    expected = (
        "a: 1 image occurs with different labels, such as training image 2 (0) = training image "
        "21 (1); correct the labels, or leave out those that are wrong"
    )
    assert problems(str(tmp_path / "a.npz"), Reading(whole=True)) == (expected,)
    (found,) = survey(str(tmp_path / "a.npz")).warnings
    assert found == expected.replace("training image", "train")


@pytest.mark.parametrize(("contradicting", "is_noticed"), [(0, False), (4, False), (6, True)])
def test_rows_with_different_labels_are_noticed_if_they_are_not_rare(
    tmp_path, contradicting, is_noticed
):
    frame = pd.DataFrame(RANDOM.normal(size=(1000, 3))).add_prefix("x")
    frame["y"] = ["u", "v"] * 500
    frame.loc[500 : 499 + contradicting, ["x0", "x1", "x2"]] = frame.loc[
        1:contradicting, ["x0", "x1", "x2"]
    ].to_numpy()
    frame.to_csv(tmp_path / "a.csv", index=False)
    found = survey_table(tmp_path / "a.csv", Reading(label="y")).warnings
    trained = problems(str(tmp_path / "a.csv"), Reading(label="y"), is_split=True)
    assert (len(found), len(trained)) == (is_noticed, is_noticed)
    if is_noticed:
        assert found == [
            "a: 12 of the 1000 rows equal a row with another label, such as row 2 (v) = row 501 "
            "(u); the columns cannot tell these rows apart, or labels are wrong"
        ]


def test_rows_of_one_label_contradict_no_other(tmp_path):
    frame = pd.DataFrame(RANDOM.normal(size=(100, 3))).add_prefix("x").assign(y=["u", "v"] * 50)
    pd.concat([frame] * 4).to_csv(tmp_path / "a.csv", index=False)
    assert survey_table(tmp_path / "a.csv", Reading(label="y")).warnings == []


# Frequencies of the classes


def shifts(train, test, classes, **options):
    keys = iter(np.arange(len(train) + len(test)).astype(np.uint64))
    parts = [
        part(name, [next(keys) for _ in labels], labels)
        for name, labels in (("train", train), ("test", test))
    ]
    names = [*map(str, range(classes))]
    return [*find_problems("a", parts, classes=names, words=ROWS, **options)]


@pytest.mark.parametrize("classes", [2, 10, 300])
def test_sets_drawn_alike_have_no_other_frequencies(classes):
    shares = RANDOM.dirichlet(np.ones(classes))
    for count in (30, 300, 3000):
        train = RANDOM.choice(classes, 2000, p=shares)
        assert shifts(train, RANDOM.choice(classes, count, p=shares), classes) == []


def test_other_frequencies_are_noticed_if_they_are_far_apart_and_no_chance():
    train = np.repeat([0, 1], [900, 100])
    test = np.repeat([0, 1], [100, 100])
    assert chi2_contingency([[900, 100], [100, 100]], correction=False).pvalue < 1e-6
    (found,) = shifts(train, test, 2)
    assert "other frequencies in the test set, such as 0 with 50.0% instead of 90.0%" in found
    assert "choose both sets in the same way" in found
    (drift,) = shifts(train, test, 2, is_split_by_time=True)
    assert drift.startswith(found[: found.index("; ")])
    assert drift.endswith("they change over time, so that they may be others again in data to come")
    assert shifts(train, test[95:105], 2) == []  # 10 rows prove nothing
    assert chi2_contingency([[9e5, 1e5], [8.5e5, 1.5e5]], correction=False).pvalue < 1e-6
    slight = (np.repeat([0, 1], [90_000, 10_000]), np.repeat([0, 1], [85_000, 15_000]))
    assert shifts(*slight, 2) == []


# Real data


def test_nothing_is_wrong_with_the_digits():
    assert problems("digits") == survey("digits").warnings == ()


def test_nothing_is_wrong_with_fashion_mnist(data_root):
    source = str(data_root / "fashion-mnist")
    assert problems(source) == survey(source).warnings == ()


def test_nothing_is_wrong_with_real_tables(data_root):
    """In three of them, a tenth to a quarter of the test rows equal training rows by nature."""
    tables, common = data_root / "tables", {}
    for name, label in json.loads((tables / "labels.json").read_text()).items():
        test = str(tables / f"{name}-test.csv")
        dataset = load(str(tables / f"{name}-train.csv"), Reading(label=label, test=test))
        assert of_dataset(dataset, is_split=False) == (), name
        common[name] = round(float(np.isin(dataset.test.keys, dataset.train.keys).mean()), 2)
        split = load(str(tables / f"{name}-train.csv"), Reading(label=label, validation=0.2))
        assert of_dataset(split, is_split=True) == split.warnings == (), name
        found = survey_table(tables / f"{name}-train.csv", Reading(label=label))
        assert found.warnings == [], name
    assert {name: share for name, share in common.items() if share} == {
        "letter": 0.09,
        "wine-white": 0.29,
        "spam": 0.11,
    }


# Keys


def test_keys_need_no_more_memory_than_their_array():
    inputs = np.arange(2**17, dtype=np.float32)[:, None]
    assert peak_memory(lambda: content_keys(inputs)) < 12 * len(inputs)


def test_keys_are_those_of_the_contents_in_every_part():
    images = Images(noise(9, 3, 3, 1)[[0, 1, 2, 1, 4, 0]], np.arange(6) % 2)
    taken = images.take(np.array([5, 3, 2]))
    assert taken.keys.tolist() == images.keys[[5, 3, 2]].tolist()
    assert images.keys[0] == images.keys[5] != images.keys[1] == images.keys[3]
    vectors = Vectors(images.images.reshape(6, -1).astype(np.float32), images.labels)
    assert len({*vectors.keys}) == len({*images.keys}) == 4
