"""The reports of trained runs have what only a training knows."""

import html
import json

import numpy as np
import pytest

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
