"""Tables that name image files, on the command line: training, evaluation and inspection."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from support import SOFTMAX, refused, save

pytestmark = pytest.mark.shared


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def frame(tmp_path):
    """Images with a bright column or row, in one folder, and a table that names them."""
    rows = []
    for i in range(60):
        kind = "bar" if i % 2 else "row"
        pixels = np.random.default_rng(i).integers(0, 80, (8, 12), dtype=np.uint8)
        pixels[np.s_[:, 5] if kind == "bar" else np.s_[5, :]] = 250
        save(tmp_path / f"images/{i}.png", pixels)
        rows.append({"name": f"images/{i}.png", "kind": kind, "patient": i // 3})
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "labels.csv", index=False)
    return frame


OPTIONS = ("--label", "kind", "--files", "name")


def train(hardmax, framework, *options):
    arguments = (*OPTIONS, "--framework", framework, *SOFTMAX, "--epochs", 8, "--out", "run")
    return hardmax("train", "labels.csv", *arguments, *options)


def evaluated(hardmax, *source):
    done = hardmax("evaluate", "run", *source, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_is_trained_evaluated_and_predicts(hardmax, framework, tmp_path, frame):
    done = train(hardmax, framework, "--size", 8, "--validation", 0.2, "--json")
    assert done.returncode == 0, done.stderr
    assert "labels: 60 images of 2 classes, as 8 x 8 grayscale" in done.stderr
    assert "60 images of another aspect ratio are cropped" in done.stderr
    test = json.loads(done.stdout)["test"]
    assert (test["count"], test["correct"]) == (12, 12)
    assert evaluated(hardmax).items() >= test.items()
    settings = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    assert (settings["files"], settings["label"]) == ("name", "kind")
    frame[:9].to_csv(tmp_path / "other.csv", index=False)
    frame[:9].iloc[::-1].to_parquet(tmp_path / "other.parquet")
    for source in ("other.csv", "other.parquet"):
        found = evaluated(hardmax, source)
        assert (found["count"], found["correct"]) == (9, 9)
    for name, kind in zip(frame["name"][:9], frame["kind"], strict=False):
        path = tmp_path / "folder" / kind / name.split("/")[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((tmp_path / name).read_bytes())
    assert evaluated(hardmax, "folder")["correct"] == 9
    done = hardmax("predict", "run", *frame["name"][:9], "--json")
    assert [one["label"] for one in json.loads(done.stdout)] == frame["kind"][:9].tolist()
    frame.iloc[::-1].to_csv(tmp_path / "labels.csv", index=False)
    refused(hardmax("evaluate", "run"), "labels.csv has changed since the run was trained on it")


def test_another_table_is_the_test_set(hardmax, framework, tmp_path, frame):
    (tmp_path / "elsewhere").mkdir()
    some = frame[:10].assign(name=[str(tmp_path / name) for name in frame["name"][:10]])
    some.drop(columns="patient").to_csv(tmp_path / "elsewhere/test.csv", index=False)
    done = train(hardmax, framework, "--test", "elsewhere/test.csv", "--group", "patient", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["test"]["count"] == 10
    assert evaluated(hardmax)["count"] == 10
    data = json.loads((tmp_path / "run" / "run.json").read_text())["data"]
    assert (data["train"], data["test"]) == (60, 10)


def test_folds_keep_the_images_of_a_group_together(hardmax, framework, frame):
    done = train(hardmax, framework, "--group", "patient", "--folds", 2)
    assert done.returncode == 0, done.stderr
    assert "with all rows of the same 'patient' on one side" in done.stderr
    done = train(hardmax, framework, "--group", "patient", "--folds", 17, "--out", "other")
    refused(done, "17 folds need as many groups, but the training set has 16")


def test_data_inspects_the_images(hardmax, tmp_path, frame):
    (tmp_path / "images" / "3.png").write_bytes(b"")
    done = hardmax("data", "labels.csv", *OPTIONS)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split() for line in lines[1:4]] == [
        ["bar", "29"],
        ["row", "30"],
        ["2", "classes", "59"],
    ]
    assert "sizes: 1\n        59 of 8 x 12 grayscale\n" in done.stdout
    assert "unreadable files: 1" in lines
    found = json.loads(hardmax("data", "labels.csv", *OPTIONS, "--json").stdout)
    assert found["classes"] == {"bar": {"train": 29}, "row": {"train": 30}}
    # Without the option it is a table like any other.
    assert "columns" in hardmax("data", "labels.csv", "--label", "kind").stdout


def test_what_cannot_be_trained_on_is_refused_on_one_line(hardmax, framework, tmp_path, frame):
    refused(train(hardmax, framework, "--files", "nam"), "no column 'nam'; did you mean 'name'?")
    refused(train(hardmax, framework, "--drop", "patient"), "--drop applies to the features")
    done = hardmax("train", "images", "--files", "name")
    refused(done, "images is not a table; --files applies only to tables")
    done = hardmax("train", "labels.csv", "--files", "name")
    refused(done, "name the column that has the classes with --label COLUMN")
    for i in (7, 8):
        (tmp_path / "images" / f"{i}.png").unlink()
    refused(train(hardmax, framework), "2 of the 60 files", "the first is images/7.png")
    refused(train(hardmax, framework, "--skip-bad", "--model", "realmlp"), "realmlp")
    assert not (tmp_path / "run").exists()
    done = train(hardmax, framework, "--skip-bad")
    assert done.returncode == 0, done.stderr
    assert "skipped 2 images that cannot be read: images/7.png, images/8.png" in done.stderr
    shutil.rmtree(tmp_path / "run")
    frame.assign(kind="").to_csv(tmp_path / "labels.csv", index=False)
    refused(train(hardmax, framework), "no row has a label; the column 'kind' is empty")
