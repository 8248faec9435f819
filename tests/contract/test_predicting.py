"""Predictions for many images on the command line: batches, patterns, files and bad images."""

import json
import os
import subprocess
import sys

import commands
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from PIL import Image
from support import SOFTMAX, refused

from hardmax.data.images.digits import load_digits
from hardmax.data.tables import writing
from hardmax.runs import predict as predicting
from hardmax.runs.evaluate import session_of
from hardmax.runs.predict import predict
from hardmax.runs.run import Run
from hardmax.runs.session import Session
from hardmax.training.compiled import Cache

#: The number of images, and of those in a batch.
COUNT, SIZE = 20, 8

NAMES = [f"photos/{i % 3}/{i:02}.png" for i in range(COUNT)]

EXAMPLES = load_digits().test.take(slice(COUNT))

OPTIONS = ("--abstain-below", 0.5, "--coverage", 0.8)


@pytest.fixture(scope="module")
def folder(framework, hardmax_in, tmp_path_factory):
    """A folder with a run, and images in three folders."""
    folder = tmp_path_factory.mktemp("predicting")
    options = ("--batch-size", SIZE, "--epochs", 1, "--validation", 0.5, "--framework", framework)
    done = hardmax_in(folder, "train", "digits", *SOFTMAX, *options, "--out", "run")
    assert done.returncode == 0, done.stderr
    for name, image in zip(NAMES, EXAMPLES.images, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[:, :, 0]).save(folder / name)
    return folder


@pytest.fixture(autouse=True)
def single_batches(monkeypatch):
    """Score a batch at a time, also of these few images."""
    monkeypatch.setattr(predicting, "PART", SIZE)


@pytest.fixture
def run(hardmax_in, folder):
    """A function that runs the command line in the folder, in this process."""
    return lambda *arguments: hardmax_in(folder, *arguments)


@pytest.fixture(scope="module")
def listed(hardmax_in, folder):
    """The predictions for all images as JSON, with decisions and sets."""
    done = hardmax_in(folder, "predict", "run", *NAMES, *OPTIONS, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("most", "expected"),
    [(1, [SIZE] * 5 + [3]), (2 * SIZE + 1, [2 * SIZE] * 2 + [SIZE + 4])],
)
def test_a_network_is_built_once_and_compiled_for_two_sizes_of_batches(
    framework, folder, monkeypatch, most, expected
):
    monkeypatch.setattr(predicting, "PART", most)
    made, calls = [], []
    get, scores = Cache.get, Session.scores

    def recorded_get(self, key, make, trainer=None):
        return get(self, key, lambda: made.append(key) or make(), trainer)

    def recorded_scores(self, examples, batch_size):
        before = len(made)
        found = scores(self, examples, batch_size)
        calls.append((id(self), len(examples), len(made) - before))
        return found

    monkeypatch.setattr(Cache, "get", recorded_get)
    monkeypatch.setattr(Session, "scores", recorded_scores)
    files = [str(folder / name) for name in [*NAMES, *NAMES, *NAMES[: sum(expected) - 2 * COUNT]]]
    with predict(str(folder / "run"), files) as predictions:
        batches = [batch.predictions for batch in predictions.batches]
    sessions, sizes, compiled = zip(*calls, strict=True)
    assert [*map(len, batches)] == [*sizes] == expected
    assert len({*sessions}) == 1
    *others, last = compiled[1:]
    assert {*others} == {0}
    assert last == (framework in ("jax", "tensorflow"))


def test_batches_give_the_scores_of_all_images_at_once(folder, listed):
    scores = session_of(Run.open(folder / "run"), None).scores(EXAMPLES, SIZE)
    assert [one["file"] for one in listed] == NAMES
    np.testing.assert_array_equal(np.float32([one["scores"] for one in listed]), scores)


def test_a_session_that_has_computed_scores_takes_other_weights(folder):
    run = Run.open(folder / "run")
    session = session_of(run, None)
    before = session.scores(EXAMPLES, SIZE)
    halved = {name: value / 2 for name, value in run.weights.items()}
    session.trainer.set_weights(session.model, halved)
    np.testing.assert_allclose(session.scores(EXAMPLES, SIZE), before / 2, rtol=1e-5, atol=1e-6)


@pytest.mark.shared
def test_predictions_are_printed_batch_by_batch(run, folder, tmp_path):
    lines = run("predict", "run", *NAMES).stdout.splitlines()
    assert [line.split(": ")[0] for line in lines] == NAMES
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    done = run("predict", "run", *NAMES, bad)
    assert done.returncode == 2
    assert done.stdout.splitlines() == lines[: COUNT // SIZE * SIZE]
    assert done.stderr.startswith(f"hardmax: {bad} is not a readable image")
    assert done.stderr.count("\n") == 1
    assert "--skip-bad" in done.stderr
    refused(run("predict", "run", *NAMES, bad, "--json"), str(bad))
    done = run("predict", "run", *NAMES, bad, "--skip-bad")
    assert (done.returncode, done.stdout.splitlines()) == (0, lines)
    assert done.stderr == f"hardmax: skipped 1 images that cannot be read: {bad}\n"
    refused(run("predict", "run", bad, "--skip-bad"), "none of the 1 images can be read", "bad.png")


@pytest.mark.shared
def test_a_closed_pipe_ends_predictions_quietly(folder):
    pipe = subprocess.PIPE
    for options in ((), ("--json", "--out", folder / "closed.csv")):
        command = [sys.executable, *commands.PROGRAM, "predict", "run", *NAMES, *map(str, options)]
        with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe) as process:
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 1
    assert not (folder / "closed.csv").exists()


@pytest.mark.shared
def test_patterns_are_expanded(run):
    expected = run("predict", "run", "photos").stdout
    assert len(expected.splitlines()) == COUNT
    assert run("predict", "run", "photos/**/*.png").stdout == expected
    assert run("predict", "run", "photos/[01]/*", "photos/2").stdout == expected
    refused(run("predict", "run", "photos/*.gif"), "no file matches the pattern photos/*.gif")


@pytest.mark.shared
@pytest.mark.parametrize("ending", [".csv", ".TSV", ".parquet"])
def test_predictions_for_images_are_written_as_tables(run, folder, listed, ending, monkeypatch):
    monkeypatch.setattr(writing, "GROUP", 10 * 15)
    out = folder / f"out{ending}"
    done = run("predict", "run", *NAMES, *OPTIONS, "--out", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"predictions {out}\n", "")
    if ending == ".parquet":
        found = pd.read_parquet(out)
        assert pyarrow.parquet.ParquetFile(out).num_row_groups == 2
    else:
        separator = "," if ending == ".csv" else "\t"
        types = {"prediction": str, "decision": str}
        found = pd.read_csv(out, sep=separator, dtype=types)
    first = ["file", "prediction", "probability", "decision", "prediction_set"]
    assert [*found] == [*first, *(f"probability of {i}" for i in range(10))]
    for name, key in (("file", "file"), ("prediction", "label"), ("probability", "probability")):
        assert found[name].tolist() == [one[key] for one in listed]
    decisions = found["decision"].astype(object).where(found["decision"].notna(), None)
    assert decisions.tolist() == [one["decision"] for one in listed]
    assert {None} < {*decisions}
    assert [*map(json.loads, found["prediction_set"])] == [one["prediction_set"] for one in listed]
    for label in map(str, range(10)):
        expected = [one["probabilities"][label] for one in listed]
        assert found[f"probability of {label}"].tolist() == expected
    done = run("predict", "run", *NAMES, "--out", "plain.csv")
    assert [*pd.read_csv(folder / "plain.csv")][3:4] == ["probability of 0"]


@pytest.mark.shared
def test_json_lines_are_the_entries_of_the_json_output(run, folder, listed):
    done = run("predict", "run", *NAMES, *OPTIONS, "--out", "out.jsonl", "--json")
    assert json.loads(done.stdout) == listed
    assert [*map(json.loads, (folder / "out.jsonl").read_text().splitlines())] == listed


@pytest.mark.shared
def test_nothing_is_written_on_an_error(run, folder, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    out = tmp_path / "out.csv"
    out.write_text("before")
    refused(run("predict", "run", *NAMES, tmp_path / "bad.png", "--out", out), "--skip-bad")
    assert out.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.png", "out.csv"]
    refused(run("predict", "run", *NAMES, "--out", "nowhere/out.csv"), "cannot write nowhere/out")
    refused(run("predict", "run", *NAMES, "--out", "out.xlsx"), "--out must end in .csv, .jsonl")


@pytest.mark.shared
def test_any_file_name_is_written(run, folder, tmp_path):
    names = [os.fsdecode(b"p\xff.png"), "new\nline.png", "a,b.png", "größer.png"]
    for name in names:
        Image.new("L", (8, 8)).save(tmp_path / name)
    paths = [tmp_path / name for name in names]
    for ending in (".csv", ".jsonl"):
        assert run("predict", "run", *paths, "--out", f"names{ending}").returncode == 0
    found = pd.read_csv(folder / "names.csv")["file"].tolist()
    assert found == [f"{tmp_path}/{name}" for name in (r"p\udcff.png", *names[1:])]
    lines = (folder / "names.jsonl").read_text().splitlines()
    assert [json.loads(line)["file"] for line in lines] == [*map(str, paths)]


@pytest.mark.shared
def test_conversions_are_counted_over_all_batches(run, tmp_path):
    for i in range(COUNT):
        side = 8 if i % 2 else 9
        Image.new("L", (side, side)).save(tmp_path / f"{i:02}.png")
    done = run("predict", "run", tmp_path)
    first = f"{tmp_path}/00.png: 9 x 9 L to 8 x 8 L, ..."
    assert done.stderr == f"hardmax: {COUNT // 2} of {COUNT} images were converted ({first})\n"
