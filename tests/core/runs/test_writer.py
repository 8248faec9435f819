"""Run folders are written completely or not at all, and never over existing files."""

import os

import pytest
from run_folders import CLASSES, EPOCHS, RECORD, make_run, write

from hardmax.errors import RunError
from hardmax.runs.run import Run
from hardmax.runs.writer import RunWriter, folder_name

FILES = ["metrics.jsonl", "model.safetensors", "report.html", "run.json", "suspects.csv"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_default_folders_are_numbered(here):
    paths = [write(None) for _ in range(3)]
    assert [str(path) for path in paths] == ["runs/name", "runs/name-2", "runs/name-3"]
    for path in paths:
        assert Run.open(path).classes == CLASSES
    assert sorted(os.listdir("runs")) == ["name", "name-2", "name-3"]


def test_an_existing_file_of_that_name_is_left_alone(here):
    (here / "runs").mkdir()
    (here / "runs/name").write_text("mine")
    assert str(write(None)) == "runs/name-2"
    assert (here / "runs/name").read_text() == "mine"


def test_two_runs_can_be_written_at_the_same_time(here):
    with RunWriter(None, "name") as first, RunWriter(None, "name") as second:
        for writer in (first, second):
            writer.write(make_run(), EPOCHS, "", [])
        paths = [writer.publish() for writer in (first, second)]
    assert [str(path) for path in paths] == ["runs/name", "runs/name-2"]
    assert sorted(os.listdir()) == ["runs"]


@pytest.mark.parametrize("out", ["a", "a/b/c", "empty"])
@pytest.mark.parametrize("absolute", [False, True])
def test_out_is_created_with_its_parents_or_may_be_empty(here, out, absolute):
    (here / "empty").mkdir()
    path = here / out if absolute else out
    assert str(write(path)) == str(path)
    assert sorted(os.listdir(here / out)) == FILES
    assert not [name for name in os.listdir() if name.startswith(".")]


@pytest.mark.parametrize("out", ["full", "file", "file/a", "file/a/b", "n" * 300])
def test_an_unusable_out_is_refused_before_training(refused, here, out):
    (here / "full").mkdir()
    (here / "full/mine").write_text("mine")
    (here / "file").write_text("mine")

    with refused(RunError), RunWriter(out, "name"):
        raise AssertionError("hours of training would be lost")
    assert sorted(os.listdir()) == ["file", "full"]
    assert (here / "full/mine").read_text() == "mine"
    assert (here / "file").read_text() == "mine"


@pytest.mark.parametrize("out", [".", "", "../here", "loop", "loop/a", "a/b/" + "n" * 300])
def test_an_out_that_cannot_be_a_rename_target_is_refused(refused, tmp_path, monkeypatch, out):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    if "loop" in out:
        os.symlink("loop", "loop")
    before = os.listdir()
    with refused(RunError), RunWriter(out, "name"):
        raise AssertionError("hours of training would be lost")
    assert os.listdir() == before


@pytest.mark.skipif(not os.path.ismount("/proc"), reason="/proc is not a mount point here")
def test_a_mount_point_is_refused(refused, monkeypatch):
    """A mount point cannot be replaced by a folder; /proc is patched to look empty."""
    monkeypatch.setattr("pathlib.Path.iterdir", lambda path: iter(()))
    with refused(RunError, "/proc/run", "mount"), RunWriter("/proc", "name"):
        raise AssertionError("hours of training would be lost")


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("out", [None, "link"])
def test_a_link_is_followed(here, out, filled):
    os.symlink("elsewhere", out or "runs")
    if filled:
        (here / "elsewhere").mkdir()
    path = write(out)
    assert str(path) == (out or "runs/name")
    assert sorted(os.listdir(here / path)) == FILES
    assert (here / (out or "runs")).is_symlink()
    assert sorted(os.listdir()) == sorted([out or "runs", "elsewhere"])


def test_an_existing_link_of_that_name_is_left_alone(here):
    (here / "runs").mkdir()
    os.symlink("nowhere", "runs/name")
    assert str(write(None)) == "runs/name-2"
    assert os.readlink("runs/name") == "nowhere"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("digits", "digits-mlp"),
        ("x" * 240, "x" * 80 + "-mlp"),
        ("ü" * 120, "ü" * 40 + "-mlp"),
        ("a" + "ü" * 120, "a" + "ü" * 39 + "-mlp"),
        ("new\nline\x1b[31m\udcff", "new_line_[31m_-mlp"),
    ],
)
def test_a_folder_name_is_short_and_printable(data, name):
    assert folder_name(data, "mlp") == name


def test_a_file_named_runs_is_refused(refused, here):
    (here / "runs").write_text("mine")
    with refused(RunError, "runs"):
        write(None)
    assert os.listdir() == ["runs"]


@pytest.mark.parametrize("out", [None, "a/b", "empty"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_behind_on_an_exception(here, out, error):
    (here / "empty").mkdir()

    def train():
        with RunWriter(out, "name") as writer:
            (writer.folder / "half").write_text("half")
            raise error

    with pytest.raises(error):
        train()
    assert os.listdir() == ["empty"]
    assert not os.listdir("empty")


def test_files_that_appear_in_out_meanwhile_are_not_overwritten(refused, here):
    with refused(RunError), RunWriter("out", "name") as writer:
        (here / "out").mkdir()
        (here / "out/mine").write_text("mine")
        writer.write(make_run(), EPOCHS, "", [])
        writer.publish()
    assert os.listdir() == ["out"]
    assert os.listdir("out") == ["mine"]


def test_the_folder_appears_only_when_complete(here):
    with RunWriter("out", "name") as writer:
        assert not os.path.exists("out")
        writer.write(make_run(), EPOCHS, "", [])
        writer.publish()
        assert sorted(os.listdir("out")) == FILES


def test_a_name_that_is_not_utf8_can_be_saved(tmp_path):
    """Such names come from archives packed on another system."""
    odd = os.fsdecode(b"d\xe9j\xe0")
    with RunWriter(tmp_path / "out", "name") as writer:
        run = make_run({**RECORD, "data": {**RECORD["data"], "name": odd}})
        writer.write(run, EPOCHS, f"<p>{odd}</p>", [])
        writer.publish()
    assert Run.open(tmp_path / "out").record["data"]["name"] == odd
