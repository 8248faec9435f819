"""``hardmax runs`` lists the runs below a folder, whatever else is there."""

import json
import shutil

import pytest
from run_folders import RECORD, make_run, write
from support import refused

UTC = {"TZ": "UTC"}


def record(started=None, accuracy=0.875, preprocessing=None, **settings):
    dated = {} if started is None else {"started": started}
    return {
        **RECORD,
        **dated,
        "settings": {**RECORD["settings"], "model": "mlp", **settings},
        "data": {**RECORD["data"], "preprocessing": preprocessing or {}},
        "results": {**RECORD["results"], "test": {"accuracy": accuracy}},
    }


@pytest.fixture
def folder(tmp_path):
    """A folder of four runs, one of them in another folder, and of what is none."""
    runs = tmp_path / "runs"
    one = record("2026-05-04T13:02:01+02:00", preprocessing={"split_off": 0.2})
    write(runs / "one", make_run(one))
    # Later than the first, although its clock said less.
    two = record("2026-05-04T12:30:00+00:00", 0.5, {"test": {"name": "other"}}, framework="jax")
    write(runs / "more" / "two", make_run(two))
    write(runs / "three", make_run(record("2025-12-31T23:59:59-05:00")))
    write(runs / "old", make_run(record()))
    (runs / "notes").mkdir()
    (runs / "notes" / "todo.txt").write_text("train more")
    (runs / "empty").mkdir()
    (runs / "notes.txt").write_text("train more")
    shutil.copytree(runs / "one", runs / ".trash")
    return runs


def damaged(folder):
    """Add damaged runs to a folder; return the names."""
    copies = {name: shutil.copytree(folder / "one", folder / name) for name in "abcdef"}
    with (copies["a"] / "run.json").open("r+b") as file:
        file.truncate(100)
    for name in ("metrics.jsonl", "model.safetensors"):
        (copies["b"] / name).unlink()
    (copies["c"] / "report.html").unlink()
    (copies["d"] / "run.json").unlink()
    (copies["e"] / "run.json").write_bytes(b"\0\xff")
    text = (copies["f"] / "run.json").read_text()
    (copies["f"] / "run.json").write_text(text.replace('"format": 2', '"format": 1'))
    return [*copies]


def test_runs_are_listed_newest_first(hardmax_process, folder):
    done = hardmax_process("runs", env=UTC)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "date"
    assert [line.strip() for line in lines[2::2]] == [
        f"runs/{name}" for name in ("more/two", "one", "three", "old")
    ]
    assert [" ".join(line.split()) for line in lines[1::2]] == [
        "2026-05-04 12:30 mlp größer 0.5000 20 other",
        "2026-05-04 11:02 mlp größer 0.8750 20 split off",
        "2026-01-01 04:59 mlp größer 0.8750 20 test set",
        "unknown mlp größer 0.8750 20 test set",
    ]
    again = hardmax_process("runs", folder, env=UTC)
    assert again.stdout.replace(f"{folder.parent}/", "") == done.stdout


def test_the_list_as_json(hardmax, folder):
    done = hardmax("runs", "runs", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert found[0] == {
        "run": "runs/more/two",
        "started": "2026-05-04T12:30:00+00:00",
        "model": "mlp",
        "framework": "jax",
        "data": "größer",
        "test_accuracy": 0.5,
        "test_count": 20,
        "test_examples": "other",
        "error": None,
    }
    assert [one["run"] for one in found[1:]] == ["runs/one", "runs/three", "runs/old"]
    assert (found[3]["started"], found[3]["error"]) == (None, None)


def test_damaged_runs_are_named(hardmax, folder):
    names = damaged(folder)
    done = hardmax("runs")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(hardmax("runs", "--json").stdout)
    assert [one["run"] for one in found if one["error"] is None] == [
        f"runs/{name}" for name in ("more/two", "one", "three", "old")
    ]
    errors = {one["run"]: one["error"] for one in found if one["error"] is not None}
    assert [*errors] == [f"runs/{name}" for name in names]
    for (path, error), part in zip(
        errors.items(),
        [
            "run.json is damaged",
            "runs/b has no metrics.jsonl and no model.safetensors",
            "runs/c has no report.html",
            "cannot read runs/d/run.json",
            "run.json is damaged",
            "has format 1",
        ],
        strict=True,
    ):
        assert part in error
        assert f"damaged or of another version: {path}\n  {error}\n" in done.stdout


def test_weights_are_not_read_for_the_list(hardmax, folder):
    # Larger than any that can be read; nothing of it is on the disk.
    with (folder / "one" / "model.safetensors").open("r+b") as file:
        file.truncate(2**40)
    found = json.loads(hardmax("runs", "--json").stdout)
    assert [one["run"] for one in found if one["error"]] == []


def test_a_run_itself_can_be_named(hardmax, folder):
    (found,) = json.loads(hardmax("runs", "runs/one", "--json").stdout)
    assert found["run"] == "runs/one"


@pytest.mark.parametrize("name", ["runs/notes", "runs/empty"])
def test_a_folder_without_runs(hardmax, folder, name):
    done = hardmax("runs", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"no runs in {name}\n", "")
    assert json.loads(hardmax("runs", name, "--json").stdout) == []


def test_before_the_first_training_there_are_no_runs(hardmax):
    done = hardmax("runs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "no runs in runs\n", "")


def test_what_is_no_folder_is_refused(hardmax, folder):
    refused(hardmax("runs", "gone"), "cannot read the folder gone: No such file")
    refused(hardmax("runs", "runs/notes.txt"), "cannot read the folder runs/notes.txt: Not a dir")


def test_odd_names_stay_on_their_lines(hardmax, folder):
    shutil.copytree(folder / "one", folder / "new\nline \x1b[31m")
    (folder / "one" / "run.json").write_text("\x1b[31m")
    done = hardmax("runs")
    assert "\x1b" not in done.stdout
    assert r"  runs/new\nline \x1b[31m" in done.stdout.splitlines()


def test_other_dates_than_those_of_trainings_are_refused(hardmax, folder):
    for number, text in enumerate(["yesterday", "2026-05-04T13:02:01", ""]):
        write(folder / f"bad {number}", make_run(record(text)))
    found = json.loads(hardmax("runs", "--json").stdout)
    errors = {one["run"]: one["error"] for one in found if one["error"]}
    assert [*errors] == [f"runs/bad {number}" for number in range(3)]
    assert all("is damaged or not a run record" in error for error in errors.values())
