"""``hardmax export``: ONNX files that give the predictions of ``hardmax predict``."""

import json
import os
import sys

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score
from support import SOFTMAX, mixed_table, noise, refused, save

from hardmax.data.images.digits import load_digits
from hardmax.export import onnx_file
from hardmax.export.outputs import Answers
from hardmax.runs.calibrate import calibrate
from hardmax.runs.run import Run

ROWS = 300

#: Runs a file as somebody without hardmax does, on cells read from JSON; prints its answers.
ALONE = """
import json, sys
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
cells = json.load(open(sys.argv[2]))
types = {"tensor(double)": np.float64, "tensor(string)": object, "tensor(uint8)": np.uint8}
feeds = {one.name: np.array(cells[one.name], types[one.type]) for one in session.get_inputs()}
names = [one.name for one in session.get_outputs()]
answers = dict(zip(names, session.run(names, feeds)))
print(json.dumps({name: answer.tolist() for name, answer in answers.items()}))
assert not {"hardmax", "torch", "jax", "tensorflow", "mxnet"} & {*sys.modules}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a table that has every kind of column."""
    folder = tmp_path_factory.mktemp("export")
    frame = mixed_table(ROWS)
    generator = np.random.default_rng(3)
    frame["price"] = [f"€ {value:,.2f}" for value in 5000 * generator.random(ROWS)]
    frame["paid"] = generator.choice(["yes", "No", ""], ROWS)
    frame["time"] = [f"{hour}:{hour + 9} pm" for hour in generator.integers(1, 13, ROWS)]
    frame["seen"] = [f"{day:02}.{day % 12 + 1:02}.2024" for day in generator.integers(1, 29, ROWS)]
    words = np.array("good bad slow Quick über nothing äpfel ever again".split())
    frame["note"] = [" ".join(generator.choice(words, 7)) for _ in range(ROWS)]
    frame["label"] = generator.choice(["a", "b"], ROWS)
    frame.to_csv(folder / "visits.csv", index=False)
    new = frame.head(12).astype(object).drop(columns="outcome")
    new.loc[0, ["letter", "price", "paid", "note"]] = " unseen ", "(3.5)", "YES", "Äpfel, ÜBER all!"
    new.loc[1, ["letter", "paid", "seen"]] = " a", None, None
    new.loc[2, :] = None
    new.loc[3, ["whole", "number 0", "day", "size"]] = "NA", "?", "2021-03-04T05:06:07Z", "n/a"
    new.loc[4, ["whole", "number 1"]] = "1e2", None
    new.to_csv(folder / "new.csv", index=False)
    # Of another kind than their columns: predict refuses them, in a file they count as missing.
    new.loc[1, ["paid", "seen"]] = "maybe", "31.02.2024"
    new.to_csv(folder / "odd.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def of_table(run, framework):
    """What the export of a run on the table printed, as JSON."""
    done = run(
        *("train", "visits.csv", "--label", "outcome", "--framework", framework, "--epochs", 3),
        *("--ensemble", 2, "--as", "note=text", "--as", "seen=date", "--as", "time=time"),
        *("--as", "paid=boolean", "--no-baselines", "--out", "table"),
    )
    assert done.returncode == 0, done.stderr
    done = run("export", "table", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def of_images(run, framework):
    """What the export of a run on images printed."""
    options = ("--epochs", 1, "--validation", 0.3, "--framework", framework)
    assert run("train", "digits", *SOFTMAX, *options, "--out", "digits").returncode == 0
    done = run("export", "digits", "--abstain-below", 0.6)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_file_of_a_table_is_checked_and_named_after_the_run(folder, of_table):
    assert of_table["file"] == "table.onnx"
    assert of_table["bytes"] == (folder / "table.onnx").stat().st_size
    assert of_table["checked"]["labels"] == of_table["checked"]["examples"] == ROWS // 5
    assert of_table["checked"]["difference"] <= 1e-6


@pytest.mark.usefixtures("of_table")
def test_raw_cells_get_the_answers_of_predict_without_hardmax(folder, run, python):
    session = ort.InferenceSession(folder / "table.onnx")
    rows = pd.read_csv(folder / "odd.csv", dtype=str, keep_default_na=False)
    types = {one.name: one.type for one in session.get_inputs()}
    named = json.loads(session.get_modelmeta().custom_metadata_map["inputs"])
    assert named["label"] != "label"  # which is an output
    assert {*types} == {*named.values()}
    cells = {}
    for column, name in named.items():
        is_number = types[name] == "tensor(double)"
        cells[name] = [*rows[column]]
        if is_number:
            cells[name] = [*pd.to_numeric(rows[column], errors="coerce")]
    (folder / "cells.json").write_text(json.dumps(cells))
    files = [str(folder / name) for name in ("table.onnx", "cells.json")]
    answers = json.loads(python(f"import sys; sys.argv[1:] = {files}\n{ALONE}"))
    done = run("predict", "table", "new.csv", "--json")
    assert done.returncode == 0, done.stderr
    predictions = json.loads(done.stdout)
    assert answers["label"] == [one["label"] for one in predictions]
    expected = [[*one["probabilities"].values()] for one in predictions]
    np.testing.assert_allclose(answers["probabilities"], expected, atol=1e-5)
    np.testing.assert_allclose(answers["scores"], [one["scores"] for one in predictions], atol=1e-4)
    assert len({*map(tuple, np.round(expected, 6))}) == len(rows)


def test_images_of_any_size_and_channels_get_the_answers_of_predict(folder, run, of_images):
    count = len(load_digits().test)
    printed = " ".join(of_images.split())
    checked = f"checked on {count} test examples: all labels are equal, probabilities differ by"
    assert printed.startswith(checked)
    assert " saved digits.onnx (" in printed
    session = ort.InferenceSession(folder / "digits.onnx")
    for shape in ((8, 8, 1), (30, 21, 3), (5, 40, 4), (8, 8, 3)):
        pixels = noise(2, *shape)
        names = []
        for place, image in enumerate(pixels):
            names.append(f"{'x'.join(map(str, shape))}-{place}.png")
            save(folder / names[-1], image[:, :, 0] if shape[2] == 1 else image)
        done = run("predict", "digits", *names, "--abstain-below", 0.6, "--json")
        predictions = json.loads(done.stdout)
        label, probabilities, _, decision = session.run(None, {"images": pixels})
        assert [*label] == [one["label"] for one in predictions]
        expected = [[*one["probabilities"].values()] for one in predictions]
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)
        assert [*decision] == [one["decision"] or "" for one in predictions]


@pytest.mark.usefixtures("of_images")
def test_the_metadata_say_what_the_file_is(folder):
    session = ort.InferenceSession(folder / "digits.onnx")
    metadata = session.get_modelmeta().custom_metadata_map
    run = Run.open(folder / "digits")
    assert json.loads(metadata["classes"]) == [*run.classes]
    assert json.loads(metadata["metrics"]) == run.record["results"]["test"]
    assert json.loads(metadata["data"]) == run.record["data"]["fingerprint"]
    found = session.run(["label"], {"images": load_digits().test.images})[0]
    truth = [run.classes[label] for label in load_digits().test.labels]
    assert accuracy_score(truth, found) == run.record["results"]["test"]["accuracy"]


@pytest.mark.shared
@pytest.mark.usefixtures("of_images")
def test_costs_and_the_temperature_of_a_calibrated_run_are_in_the_file(folder, run):
    calibrate(str(folder / "digits"))
    assert Run.open(folder / "digits").temperature != 1
    classes = [*map(str, range(10))]
    costs = pd.DataFrame(1 - np.eye(10), classes, classes)
    costs["ask"] = 0.3
    costs.to_csv(folder / "costs.csv")
    assert run("export", "digits", "--costs", "costs.csv", "--out", "c.onnx").returncode == 0
    images = load_digits().test.images[:50]
    names = [f"test-{place}.png" for place in range(len(images))]
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image[:, :, 0]).save(folder / name)
    done = run("predict", "digits", *names, "--costs", "costs.csv", "--json")
    predictions = json.loads(done.stdout)
    session = ort.InferenceSession(folder / "c.onnx")
    probabilities, decision = session.run(["probabilities", "decision"], {"images": images})
    assert [*decision] == [one["decision"] for one in predictions]
    assert "ask" in decision
    expected = [[*one["probabilities"].values()] for one in predictions]
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


@pytest.mark.shared
@pytest.mark.usefixtures("of_images", "of_table")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing",), ("nothing",)),
        (("digits", "--costs", "visits.csv", "--abstain-below", 0.5), ("either",)),
        (("digits", "--abstain-below", 2), ("0 to 1",)),
        (("digits", "--data", "visits.csv"), ("visits.csv is a table",)),
        (("digits", "--to", "pt2"), ("unknown format 'pt2'; choose one of onnx, torch",)),
        (("digits", "--to", "jax", "--abstain-below", 0.5), ("--abstain-below is for --to onnx",)),
        (("digits", "--out", "no/folder.onnx"), ("cannot write no/folder.onnx",)),
        (("digits", "--out", ""), ("cannot write", "Is a directory")),
        (("digits", "--out", "table"), ("cannot write table", "Is a directory")),
        (("digits", "--out", "digits/run.json"), ("in the run folder",)),
        (("digits", "--out", "pipe"), ("cannot write pipe", "not a regular file")),
        (("digits", "--to", "torch", "--out", "digits/model.pt2"), ("in the run folder",)),
        (("table", "--out", "visits.csv"), ("the data of the run",)),
        (("table.onnx",), ("table.onnx is a file, not a run folder",)),
        ((".",), ("run.json is not there, so . is no run folder", "hardmax runs")),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_line(folder, run, arguments, words):
    if "pipe" in arguments and not (folder / "pipe").exists():
        os.mkfifo(folder / "pipe")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    refused(run("export", *arguments), *words)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.usefixtures("of_images", "of_table")
def test_a_run_is_loaded_without_a_framework(folder, run, python):
    names = ["gray.png", "color.png"]
    for name, shape in zip(names, ((8, 8), (30, 21, 3)), strict=True):
        save(folder / name, noise(*shape))
    code = f"""
import json, os, sys
os.chdir({str(folder)!r})
import hardmax
images, rows = hardmax.load("digits"), hardmax.load("table")
print(json.dumps([images.predict_proba({names}).tolist(), [*images.predict({names})]]))
print(json.dumps([rows.predict_proba("new.csv").tolist(), [*rows.predict("new.csv")]]))
assert not {{"torch", "jax", "tensorflow", "mxnet"}} & {{*sys.modules}}
"""
    lines = python(code).splitlines()
    for line, arguments in zip(lines, (("digits", *names), ("table", "new.csv")), strict=True):
        predictions = json.loads(run("predict", *arguments, "--json").stdout)
        probabilities, labels = json.loads(line)
        assert labels == [one["label"] for one in predictions]
        expected = [[*one["probabilities"].values()] for one in predictions]
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)


@pytest.mark.shared
@pytest.mark.usefixtures("of_images")
def test_a_file_with_other_answers_is_not_written(folder, run, monkeypatch):
    before = (folder / "digits.onnx").read_bytes()

    def slightly_warmer(classes, temperature, *rules):
        return Answers(classes, 1.01 * temperature, *rules)

    monkeypatch.setattr(onnx_file, "Answers", slightly_warmer)
    refused(run("export", "digits"), "does not give the predictions of the run")
    assert (folder / "digits.onnx").read_bytes() == before


@pytest.mark.shared
@pytest.mark.usefixtures("of_images")
def test_a_missing_package_is_named_with_the_command_that_installs_it(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    refused(run("export", "digits"), "onnxruntime", "pip install 'hardmax[export]'")


@pytest.mark.usefixtures("of_images")
def test_a_network_is_exported_to_the_format_of_a_framework(folder, run, framework):
    if framework == "mxnet":
        refused(run("export", "digits", "--to", "mxnet"), "unknown format 'mxnet'")
        return
    done = run("export", "digits", "--to", framework, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    printed = json.loads(done.stdout)
    endings = {"torch": "digits.pt2", "jax": "digits.stablehlo", "tensorflow": "digits.savedmodel"}
    assert printed["file"] == endings[framework]
    assert (folder / printed["file"]).exists()
    assert printed["checked"]["labels"] == len(load_digits().test)


@pytest.mark.shared
def test_data_that_has_been_moved_is_given_by_an_option(hardmax, hardmax_in, tmp_path):
    mixed_table(100).to_csv(tmp_path / "rows.csv", index=False)
    done = hardmax("train", "rows.csv", "--label", "outcome", *SOFTMAX, "--out", "run")
    assert done.returncode == 0, done.stderr
    (tmp_path / "rows.csv").rename(tmp_path / "moved.csv")
    refused(hardmax("export", "run"), "no such", "rows.csv", "other data: --data DATA")
    assert not (tmp_path / "run.onnx").exists()
    assert hardmax("export", "run", "--data", "moved.csv").returncode == 0
    within = hardmax_in(tmp_path / "run", "export", ".", "--data", "../moved.csv")
    assert within.returncode == 0, within.stderr
    assert "run.onnx" in within.stdout
    assert not (tmp_path / "run" / "..onnx").exists()


@pytest.mark.shared
def test_a_number_that_stands_for_a_missing_value_is_missing_in_the_file(hardmax, tmp_path):
    frame = mixed_table(200)[["number 5", "whole", "letter", "outcome"]]
    frame["whole"] = frame["whole"].fillna(-999).astype(int)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    options = ("--label", "outcome", "--missing=-999,none", *SOFTMAX, "--out", "run")
    assert hardmax("train", "rows.csv", *options).returncode == 0
    done = hardmax("export", "run")
    assert done.returncode == 0, done.stderr
    session = ort.InferenceSession(tmp_path / "run.onnx")
    assert {one.type for one in session.get_inputs()} == {"tensor(string)"}
    rows = pd.read_csv(tmp_path / "rows.csv", dtype=str, keep_default_na=False)
    rows = rows.drop(columns="outcome")
    assert (rows["whole"] == "-999").sum() > 3
    found = session.run(["probabilities"], {name: rows[name].to_numpy(object) for name in rows})[0]
    predictions = json.loads(hardmax("predict", "run", "rows.csv", "--json").stdout)
    expected = [[*one["probabilities"].values()] for one in predictions]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.shared
def test_the_rows_of_a_test_file_are_found_by_whatever_name_the_data_is_given(hardmax, tmp_path):
    mixed_table(100).to_csv(tmp_path / "train.csv", index=False)
    mixed_table(150, seed=1).to_csv(tmp_path / "test.csv", index=False)
    mixed_table(100).to_csv(tmp_path / "copy.csv", index=False)
    options = ("--label", "outcome", "--test", "test.csv", *SOFTMAX, "--out", "run")
    assert hardmax("train", "train.csv", *options).returncode == 0
    for data, count in (("train.csv", 150), ("copy.csv", 150), ("test.csv", 150)):
        done = hardmax("export", "run", "--data", data, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["checked"]["labels"] == count
