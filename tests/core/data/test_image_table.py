"""Tables whose rows name image files are read as folders of the same images are."""

import os

import numpy as np
import pandas as pd
import pytest
from support import noise, save

from hardmax.data import survey as data_survey
from hardmax.data.images import cache as image_cache
from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.problems import of_dataset
from hardmax.data.survey import survey
from hardmax.errors import ArgumentError, DataError

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def frame(tmp_path):
    """30 rows that name images of 6 x 5, in no order; those of a person are equal in brightness."""
    rows = []
    for i in np.random.default_rng(0).permutation(30):
        label = "cat" if i % 3 else "dog"
        name = f"images/{label} {i:02}.png"
        save(tmp_path / name, noise(6, 5, seed=int(i)))
        rows.append({"file": name, "kind": label, "person": f"p{i % 6}", "day": int(i), "w": i % 2})
    return pd.DataFrame(rows)


@pytest.fixture
def table(tmp_path, frame):
    frame.to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path / "labels.csv"


def reading(**options):
    return Reading(**({"label": "kind", "files": "file"} | options))


def numbers(images):
    """Return the numbers of the files that images are from, by their pixels."""
    known = {noise(6, 5, seed=i).tobytes(): i for i in range(30)}
    return [known[image.tobytes()] for image in images.images]


def test_rows_are_the_images_they_name_with_their_labels(table, frame):
    data = load(str(table), reading(whole=True))
    assert (data.name, data.classes, data.shape) == ("labels", ("cat", "dog"), (6, 5, 1))
    assert numbers(data.train) == frame["day"].tolist()
    assert [data.classes[label] for label in data.train.labels] == frame["kind"].tolist()
    assert data.train.source(np.array([2, 0])) == ("file", frame["file"][[2, 0]].tolist())
    assert data.notices == (
        "labels: 30 images of 2 classes, as 6 x 5 grayscale (the common size; change it with "
        "--size and --channels)",
    )
    assert data.preprocessing == {
        "label": "kind",
        "files": "file",
        "resized": "the common size",
        "left_out": [],
    }


@pytest.mark.parametrize("ending", ["tsv", "parquet", "xlsx", "jsonl", "csv.gz"])
def test_tables_of_every_kind_name_images(ending, tmp_path, frame):
    path = tmp_path / f"labels.{ending}"
    if ending == "parquet":
        frame.to_parquet(path)
    elif ending == "xlsx":
        frame.to_excel(path, index=False)
    elif ending == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
    data = load(str(path), reading(whole=True))
    assert (data.name, numbers(data.train)) == ("labels", frame["day"].tolist())


def test_files_may_be_absolute_and_the_table_in_another_folder(tmp_path, frame, monkeypatch):
    frame["file"] = [str(tmp_path / name) for name in frame["file"]]
    (tmp_path / "tables").mkdir()
    frame.to_csv(tmp_path / "tables" / "labels.csv", index=False)
    monkeypatch.chdir(tmp_path / "tables")
    data = load("labels.csv", reading(whole=True))
    assert numbers(data.train) == frame["day"].tolist()
    assert load("../tables/labels.csv", reading(whole=True)).fingerprint == data.fingerprint


def test_a_table_without_a_header_names_its_columns_by_number(tmp_path, frame):
    frame.to_csv(tmp_path / "labels.csv", index=False, header=False)
    data = load(
        str(tmp_path / "labels.csv"), reading(label="1", files="0", header=False, whole=True)
    )
    assert numbers(data.train) == frame["day"].tolist()


def test_test_and_validation_sets_are_split_off_by_class(table, frame):
    data = load(str(table), reading(seed=3, test=0.3, validation=0.5))
    parts = [numbers(part) for part in (data.train, data.validation, data.test)]
    assert sorted([*parts[0], *parts[1], *parts[2]]) == [*range(30)]
    assert np.bincount(data.test.labels).tolist() == [6, 3]
    assert np.bincount(data.validation.labels).tolist() == [7, 4]
    kinds = dict(zip(frame["day"], frame["kind"], strict=True))
    for part in (data.train, data.validation, data.test):
        assert [data.classes[label] for label in part.labels] == [
            kinds[number] for number in numbers(part)
        ]
    again = load(str(table), reading(seed=3, test=0.3))
    assert again.fingerprint == data.fingerprint
    assert sorted(numbers(again.train)) == sorted(parts[0] + parts[1])
    assert "9 of 30 examples, 0.3 of each class, were split off (seed 3)" in again.notices[1]


def test_rows_are_split_by_group_and_by_time_and_weighted(table, frame):
    grouped = load(str(table), reading(group="person", validation=0.3))
    parts = [grouped.train, grouped.validation, grouped.test]
    people = [{number % 6 for number in numbers(part)} for part in parts]
    assert sum(map(len, people)) == len(set.union(*people)) == 6
    assert all(people)
    assert len(np.unique(grouped.train.wholes)) == len(people[0])
    timed = load(str(table), reading(time="day", validation=0.25))
    days = [sorted(numbers(part)) for part in (timed.train, timed.validation, timed.test)]
    assert days == [[*range(18)], [*range(18, 24)], [*range(24, 30)]]
    weighted = load(str(table), reading(weight="w", whole=True))
    assert sorted(numbers(weighted.train)) == [*range(1, 30, 2)]
    assert weighted.train.weights.tolist() == [1.0] * 15


def test_another_table_or_a_folder_may_be_the_test_set(table, tmp_path, frame):
    (tmp_path / "other").mkdir()
    some = frame[:7].drop(columns=["person", "w"])
    some.assign(file="../" + some["file"]).to_csv(tmp_path / "other/test.csv", index=False)
    options = reading(test=str(tmp_path / "other/test.csv"), group="person", weight="w")
    data = load(str(table), options)
    assert (len(data.train), numbers(data.test)) == (15, some["day"].tolist())
    for name in frame["file"][:7]:
        path = tmp_path / "folder" / name.split("/")[1].split()[0] / f"{name[-6:]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(tmp_path / name, path)
    data = load(str(table), reading(test=str(tmp_path / "folder")))
    assert sorted(numbers(data.test)) == sorted(some["day"].tolist())
    assert len(data.train) == 30


def test_equal_images_are_on_one_side_and_a_file_may_be_named_twice(tmp_path, frame):
    copies = frame.copy()
    for name in frame["file"][::2]:
        (tmp_path / "copies" / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(tmp_path / name, tmp_path / "copies" / name)
    copies["file"] = [
        f"copies/{name}" if i % 2 == 0 else name for i, name in enumerate(frame["file"])
    ]
    pd.concat([frame, copies]).to_csv(tmp_path / "labels.csv", index=False)
    data = load(str(tmp_path / "labels.csv"), reading())
    train, test = numbers(data.train), numbers(data.test)
    assert sorted(train + test) == sorted([*range(30), *range(30)])
    assert not {*train} & {*test}


def test_the_cache_is_that_of_the_table(table, tmp_path, frame, cache, monkeypatch):
    frame[::-1].to_csv(tmp_path / "other.csv", index=False)
    first, other = load(str(table), reading()), load(str(tmp_path / "other.csv"), reading())

    def load_upright(path, *options):
        raise AssertionError(f"{path} is decoded again")

    monkeypatch.setattr(image_cache, "load_upright", load_upright)
    assert load(str(table), reading()).fingerprint == first.fingerprint
    assert load(str(tmp_path / "other.csv"), reading()).fingerprint == other.fingerprint
    assert len([*(cache / "images").iterdir()]) == 4


def test_rows_without_a_label_are_left_out_and_their_files_not_read(tmp_path, frame):
    frame.loc[3, ["kind", "file"]] = ["", "nowhere.png"]
    frame.to_csv(tmp_path / "labels.csv", index=False)
    data = load(str(tmp_path / "labels.csv"), reading(whole=True))
    assert numbers(data.train) == frame["day"].drop(3).tolist()
    assert data.notices[0] == f"{tmp_path / 'labels.csv'}: 1 row without a label is left out"


def test_files_that_cannot_be_read_are_refused_or_skipped(table, tmp_path, frame, refused):
    for name in frame["file"][[2, 5]]:
        (tmp_path / name).unlink()
    first = frame["file"][2]
    with refused(DataError, "2 of the 30 files", "'file'", f"the first is {tmp_path / first};"):
        load(str(table), reading())
    (tmp_path / frame["file"][7]).write_bytes(b"")
    data = load(str(table), reading(whole=True, skip_bad=True))
    assert numbers(data.train) == frame["day"].drop([2, 5, 7]).tolist()
    assert data.preprocessing["left_out"] == sorted(frame["file"][[2, 5, 7]])
    assert "skipped 3 images that cannot be read" in data.notices[1]
    for name in frame["file"][[2, 5]]:
        save(tmp_path / name, noise(6, 5))
    with refused(DataError, "1 of 30 images cannot be read", frame["file"][7]):
        load(str(table), reading())


def test_a_class_whose_images_are_all_skipped_is_named(table, tmp_path, frame, refused):
    for name in frame["file"][frame["kind"] == "dog"]:
        (tmp_path / name).write_bytes(b"")
    first = frame["file"][frame["kind"] == "dog"].iloc[0]
    why = ("no examples of dog", "skipped", f"{tmp_path / first} is not a readable image")
    with refused(DataError, *why):
        load(str(table), reading(skip_bad=True))


def test_files_that_are_named_with_different_labels_are_counted(table, tmp_path, frame):
    again = frame.iloc[[4, 7, 7, 9]].assign(kind=["bird", frame["kind"][7], "bird", "bird"])
    pd.concat([frame, again]).to_csv(table, index=False)
    file = frame["file"][4]
    warning = (
        f"labels: 3 images occur with different labels, such as {file} ({frame['kind'][4]}) = "
        f"{file} (bird); correct the labels, or leave out those that are wrong"
    )
    assert of_dataset(load(str(table), reading(whole=True)), is_split=False) == (warning,)
    assert survey(str(table), reading()).warnings == (warning,)
    pd.concat([frame, again[:2]]).to_csv(table, index=False)
    (found,) = survey(str(table), reading()).warnings
    assert "1 image occurs" in found


def test_a_survey_decodes_a_file_once(table, tmp_path, frame, monkeypatch):
    pd.concat([frame, frame[:5], frame[:2]]).to_csv(table, index=False)
    read, original = [], data_survey.load_upright

    def load_upright(path, *options):
        read.append(path.name)
        return original(path, *options)

    monkeypatch.setattr(data_survey, "load_upright", load_upright)
    found = survey(str(table), reading())
    assert len(read) == len({*read}) == 30
    assert sum(counts["train"] for counts in found.classes.values()) == 37
    assert [len(group) for group in found.same] == [3, 3, 2, 2, 2]


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {"files": "fil"}, ["no column 'fil'", "did you mean 'file'?"]),
        ({}, {"label": "kin"}, ["no column 'kin'", "did you mean 'kind'?"]),
        ({}, {"group": "kind"}, ["'kind' is the label column"]),
        ({}, {"group": "people"}, ["no column 'people'"]),
        ({"file": ""}, {}, ["column 'file', row 3", "must name an image file, got nothing"]),
        ({"file": "a\0b"}, {}, ["column 'file', row 3", r"a\x00b"]),
        ({"file": "images"}, {}, ["1 of 30 images cannot be read: images"]),
        ({"kind": "cow"}, {"classes": ("cat", "dog")}, ["not in the run: cow"]),
    ],
)
def test_tables_that_cannot_be_read_are_refused(change, options, words, tmp_path, frame, refused):
    for column, value in change.items():
        frame.loc[2, column] = value
    frame.to_parquet(tmp_path / "labels.parquet")
    with refused(DataError, *words):
        load(str(tmp_path / "labels.parquet"), reading(**options))


def test_a_table_without_labels_or_with_one_class_is_refused(tmp_path, frame, refused):
    for value, words in (("", "no row has a label"), ("cat", "only one class (cat)")):
        frame.assign(kind=value).to_csv(tmp_path / "labels.csv", index=False)
        with refused(DataError, words):
            load(str(tmp_path / "labels.csv"), reading())


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"drop": ("a",)}, "--drop applies to the features"),
        ({"keep": ("a",)}, "--keep applies to the features"),
        ({"column_kinds": ("a=number",), "time": "day"}, "--as applies to the features"),
        ({"missing": ("-",)}, "--missing applies to the features"),
        ({"files": "kind"}, "'kind' cannot have the files and something else"),
        ({"group": "file"}, "'file' cannot have the files and something else"),
    ],
)
def test_options_for_features_are_refused(options, word, refused):
    with refused(ArgumentError, word):
        reading(**options)
    reading(column_kinds=("day=day-first",), time="day", missing=("-",))


def test_files_are_refused_for_what_is_not_a_table(tmp_path, frame, refused):
    for source in (str(tmp_path / "images"), "digits"):
        with refused(ArgumentError, source, "--files applies only to tables"):
            load(source, Reading(files="file"))


def test_a_survey_inspects_the_images_of_a_table(table, tmp_path, frame):
    save(tmp_path / frame["file"][1], noise(9, 4, seed=1))
    (tmp_path / frame["file"][2]).unlink()
    (tmp_path / frame["file"][4]).write_bytes((tmp_path / frame["file"][3]).read_bytes())
    frame.loc[0, "kind"] = ""
    frame.to_csv(table, index=False)
    found = survey(str(table), reading())
    left = frame.drop([0, 2])["kind"]
    assert found.classes == {
        label: {"train": int((left == label).sum())} for label in ("cat", "dog")
    }
    assert found.sizes == {(6, 5, 1): 27, (9, 4, 1): 1}
    assert [*found.unreadable] == [frame["file"][2]]
    assert [{*group} for group in found.same] == [{frame["file"][3], frame["file"][4]}]
    assert found.notices == (f"{table}: 1 row without a label is left out",)
    assert not found.has_test
