"""The reports of trained runs have what only a training knows."""

import html
import json
import re
import shlex
import shutil
from urllib.parse import unquote

import numpy as np
import pytest
from support import SOFTMAX, noise, refused, save

from hardmax.errors import RunError
from hardmax.runs.run import Run

pytestmark = pytest.mark.shared

TRAIN = ("train", "t.csv", "--label", "kind", "--model", "mlp", "--epochs", "3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, hardmax_in):
    """A folder with a table, one column of which gives the class away, and a run on it."""
    folder = tmp_path_factory.mktemp("report")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    cells = [f"{rng.normal():.3f},{label + 5},{'ab'[label]}" for label in labels]
    (folder / "t.csv").write_text("\n".join(["x,code,kind", *cells]) + "\n")
    done = hardmax_in(
        folder, *TRAIN, "--validation", "0.25", "--out", "run", "--framework", "torch"
    )
    assert done.returncode == 0, done.stderr
    return folder


def record_of(run):
    return json.loads((run / "run.json").read_text())


def test_the_record_has_the_examples_of_each_class_and_the_leak(folder):
    data = record_of(folder / "run")["data"]
    counts = data["class_counts"]
    assert {name: sum(counts[name]) for name in counts} == {
        "train": data["train"],
        "validation": data["validation"],
        "test": data["test"],
    }
    labels = [line[-1] for line in (folder / "t.csv").read_text().splitlines()[1:]]
    totals = [sum(pair) for pair in zip(*counts.values(), strict=True)]
    assert totals == [labels.count("a"), labels.count("b")]
    assert data["preprocessing"]["leaks"] == {"code": f"{data['train']} of {data['train']}"}
    page = html.unescape((folder / "run/report.html").read_text())
    assert "Column code alone gives the class away" in page


def test_the_record_has_the_command_line_and_the_duration(folder, hardmax_in):
    record = record_of(folder / "run")
    words = shlex.split(record["command"])
    path = str(folder / "t.csv")
    assert sorted(words) == sorted(["hardmax", "train", path, *TRAIN[2:], "--validation", "0.25"])
    epochs = (folder / "run/metrics.jsonl").read_text().splitlines()
    assert record["seconds"] >= sum(json.loads(line)["seconds"] for line in epochs)
    again = hardmax_in(folder, *words[1:], "--out", "again")
    assert again.returncode == 0, again.stderr
    for key in ("settings", "data", "command"):
        assert record_of(folder / "again")[key] == record[key]
    page = html.unescape((folder / "run/report.html").read_text())
    assert f"<pre>{record['command']}</pre>" in page
    weights = sum(array.size for array in Run.open(folder / "run").weights.values())
    assert f"<tr><th>weights</th><td>{weights:,}</td></tr>" in page


def links(tmp_path, hardmax_in, *options):
    """Train on the folder ``data``, evaluate, and return each link: its file and its text.

    They are those of the report of the run and, as a second list, those of the evaluation's.
    """
    train = ("train", "data", *SOFTMAX, "--epochs", "1", "--framework", "torch", *options)
    for arguments in (
        (*train, "--out", "runs/one"),
        ("evaluate", "runs/one", "--report", "p.html"),
    ):
        done = hardmax_in(tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
    return [
        [
            ((page.parent / unquote(href)).resolve(), name)
            for href, name in re.findall(r'<a href="([^"]*)">([^<]*)</a>', page.read_text())
        ]
        for page in (tmp_path / "runs/one/report.html", tmp_path / "p.html")
    ]


def test_images_are_linked_from_the_reports(tmp_path, hardmax_in):
    for part in ("train", "test"):
        for kind in "ab":
            for number in range(12):
                save(tmp_path / "data" / part / kind / f"{number} #.png", noise(6, 6, seed=number))
    for found in links(tmp_path, hardmax_in):
        assert len(found) >= 12
        for file, name in found:
            assert name.startswith("test/")
            assert file == tmp_path / "data" / name


def test_a_test_set_from_elsewhere_is_linked_there(tmp_path, hardmax_in):
    for folder in ("data", "more"):
        for kind in "ab":
            for number in range(12):
                save(tmp_path / folder / kind / f"{folder}{number}.png", noise(6, 6, seed=number))
    for found in links(tmp_path, hardmax_in, "--test", "more"):
        assert found
        for file, name in found:
            assert file == tmp_path / "more" / name


def test_calibration_writes_the_report_anew(folder, tmp_path, hardmax_in):
    run = shutil.copytree(folder / "run", tmp_path / "run")
    before = (run / "report.html").read_text()
    suspects = (run / "suspects.csv").read_bytes()
    assert "<h2>Calibration</h2>" not in before
    done = hardmax_in(tmp_path, "calibrate", "run", "--json")
    assert done.returncode == 0, done.stderr
    temperature = json.loads(done.stdout)["temperature"]
    after = (run / "report.html").read_text()
    text = html.unescape(" ".join(re.sub(r"<[^>]*>", " ", after).split()))
    assert f"Scores are divided by a temperature of {temperature:.4f} before the softmax" in text
    # The rest of the training is still there.
    for heading in ("Curves", "Baselines", "Importance of the columns", "Columns", "Metrics"):
        assert (before.count(f"<h2>{heading}</h2>"), after.count(f"<h2>{heading}</h2>")) == (1, 1)
    rows = re.compile(r"<tr><td>\d+</td>(?:<td>[\d.]+</td>\n?)+</tr>")
    assert rows.findall(before) == rows.findall(after) != []
    assert (run / "suspects.csv").read_bytes() == suspects
    # The run is intact, and evaluates as its report says.
    done = hardmax_in(tmp_path, "evaluate", "run", "--json")
    assert done.returncode == 0, done.stderr
    assert f"the mean loss (cross-entropy) is {json.loads(done.stdout)['loss']:.4f}" in text


def test_a_calibration_that_cannot_be_saved_changes_nothing(
    folder, tmp_path, hardmax_in, monkeypatch
):
    run = shutil.copytree(folder / "run", tmp_path / "run")
    before = {path.name: path.read_bytes() for path in run.iterdir()}

    def fail(folder, record):
        raise RunError("the disk is full")

    monkeypatch.setattr("hardmax.runs.calibrate.write_record", fail)
    refused(hardmax_in(tmp_path, "calibrate", "run"), "the disk is full")
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
