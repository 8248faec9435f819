"""What ``hardmax data`` prints stays readable, whatever the data."""

import json

import numpy as np
import pandas as pd
from support import noise, save

LONG = "x" * 150


def test_of_many_sizes_the_most_frequent_are_printed_and_the_others_counted(hardmax, tmp_path):
    for label in "ab":
        for i in range(40):
            save(tmp_path / f"data/{label}/{i}.png", noise(1 + max(i - 10, 0), 3, seed=i))
    lines = hardmax("data", "data").stdout.splitlines()
    at = lines.index("sizes (least 1 x 3, median 10.5 x 3, largest 30 x 3): 30")
    assert lines[at + 1] == "        22 of 1 x 3 grayscale"
    assert [line.split()[:2] for line in lines[at + 2 : at + 6]] == [["2", "of"]] * 4
    assert lines[at + 6] == "  and 25 more (--json lists all)"
    found = json.loads(hardmax("data", "data", "--json").stdout)
    assert found["sides"] == {
        "least": {"height": 1, "width": 3},
        "median": {"height": 10.5, "width": 3},
        "largest": {"height": 30, "width": 3},
    }
    sizes = found["sizes"]
    assert (sizes[0]["height"], sizes[0]["images"]) == (1, 22)
    assert sum(size["images"] for size in sizes) == 80
    assert len(sizes) == 30
    for path in [*(tmp_path / "data").rglob("*.png")]:
        if path.stem not in ("0", "1"):
            path.unlink()
    assert "sizes: 1" in hardmax("data", "data").stdout.splitlines()


def test_large_groups_of_equal_images_are_cut(hardmax, tmp_path):
    for label in "ab":
        for i in range(50):
            save(tmp_path / f"data/{label}/{i}.png", noise(3, 3))
    lines = hardmax("data", "data").stdout.splitlines()
    assert lines[-2] == "duplicate images: 1"
    assert lines[-1].endswith(" and 95 more")
    assert lines[-1].count(" = ") == 4


def test_long_names_of_images_are_shortened(hardmax, tmp_path):
    for label in (LONG, "b"):
        save(tmp_path / f"data/{label}/{LONG}.png", noise(3, 3))
        save(tmp_path / f"data/{label}/{LONG}.txt", noise(3, 3), format="PNG")
    done = hardmax("data", "data")
    assert done.returncode == 0
    assert done.stderr.startswith("hardmax: data: 1 image occurs with different labels, such as")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 500
    assert "x...x" in done.stdout
    assert LONG not in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 200


def test_long_names_of_columns_and_classes_are_shortened(hardmax, tmp_path):
    name = "column " * 1000
    frame = pd.DataFrame({name: np.arange(20), "label": ["class " * 1000, "b"] * 10})
    frame.to_csv(tmp_path / "data.csv", index=False)
    done = hardmax("data", "data.csv", "--label", "label")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) < 200


def test_a_table_of_only_its_label_is_surveyed(hardmax, tmp_path):
    (tmp_path / "data.csv").write_text("label\n" + "a\nb\n" * 10)
    done = hardmax("data", "data.csv", "--label", "label")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("20 rows, 1 column\n")
    assert "classes in label: 2" in done.stdout
