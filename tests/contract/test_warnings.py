"""What may be wrong is printed, and stands in the record and in the report."""

import html
import json

import numpy as np
import pandas as pd
import pytest
from support import SOFTMAX, noise, save

pytestmark = pytest.mark.shared


def warned(done, folder):
    """Return the warnings of a training, which are the same in all places."""
    assert done.returncode == 0, done.stderr
    warnings = json.loads(done.stdout)["warnings"]
    assert json.loads((folder / "run.json").read_text())["warnings"] == warnings
    page = html.unescape((folder / "report.html").read_text())
    for warning in warnings:
        assert f"hardmax: {warning}\n" in done.stderr
        assert f'<p class="warning">{warning}</p>' in page
    assert page.count('<p class="warning">') == len(warnings)
    return warnings


@pytest.mark.parametrize("model", [("--model", "mlp", "--folds", 3), ("--model", "mlp")])
def test_repeated_noise_is_not_learned(hardmax, framework, tmp_path, model):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(100, 20)).round(3)).add_prefix("x")
    frame["y"] = generator.permutation(["u", "v"] * 50)
    pd.concat([frame] * 6).to_csv(tmp_path / "noise.csv", index=False)
    options = ("--framework", framework, "--epochs", 30, "--lr", 0.5, "--out", "run", "--json")
    done = hardmax("train", "noise.csv", "--label", "y", *model, *options)
    found = json.loads(done.stdout)
    # The 20 different test rows are classified by chance: 0.2 to 0.8 with a probability of 0.997.
    assert 0.2 <= found["test"]["accuracy"] <= 0.8
    if "--folds" in model:
        record = json.loads((tmp_path / "run/run.json").read_text())
        # Of 80 different rows; with copies in other folds, it is 1, and the test loss 2.6.
        assert 0.3 <= record["results"]["out_of_fold"]["accuracy"] <= 0.75
        assert found["test"]["loss"] < 1
    warnings = warned(done, tmp_path / "run")
    assert any(
        one.startswith("not better than the majority class: of 20 distinct") for one in warnings
    )


def test_leaks_labels_and_classes_are_warned_of(hardmax, framework, tmp_path):
    for number in range(60):
        label = "uv"[number % 2]
        save(tmp_path / f"data/train/{label}/{number}.png", noise(5, 5, seed=number))
    for number in range(60):
        label = "u" if number < 55 else "v"
        seed = 100 + number if number > 2 else 0
        save(tmp_path / f"data/test/{label}/{number}.png", noise(5, 5, seed=seed))
    save(tmp_path / "data/train/v/again.png", noise(5, 5, seed=0))
    options = ("--framework", framework, "--epochs", 2, "--out", "run", "--json")
    done = hardmax("train", "data", *SOFTMAX, *options)
    leak, labels, shift, *_ = warned(done, tmp_path / "run")
    assert "3 of the 60 test images are also in the training set, such as test/u/0.png" in leak
    assert "1 image occurs with different labels, such as train/u/0.png (u) = " in labels
    assert "such as v with 8.3% instead of 50.8%" in shift
    told = hardmax("data", "data")
    assert told.stderr == "".join(f"hardmax: {one}\n" for one in (leak, labels, shift))
    assert json.loads(hardmax("data", "data", "--json").stdout)["warnings"] == [leak, labels, shift]


def test_nothing_is_warned_of_where_nothing_is_wrong(hardmax, framework, tmp_path):
    options = ("--framework", framework, "--epochs", 3, "--out", "run", "--json")
    assert warned(hardmax("train", "digits", *SOFTMAX, *options), tmp_path / "run") == []
