"""What ``hardmax train --resume`` finds, refuses and says."""

import shutil
import signal
import subprocess
import sys

import pytest
from commands import run_process
from resuming import SAVING_OFTEN, kill_at, outcome
from support import SOFTMAX, refused

from hardmax.files import locked
from hardmax.runs.run import Run

#: Runs the command line, with a Ctrl-C in the first chunk.
INTERRUPTED = """
import signal
from hardmax.cli.main import main
from hardmax.training.epochs import Epochs
finish = Epochs._finish_chunk
def interrupted(self):
    finish(self)
    if not done:
        done.append(signal.raise_signal(signal.SIGINT))
done = []
Epochs._finish_chunk = interrupted
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory, framework):
    """A folder with the state of a training that was killed in its second epoch."""
    folder = tmp_path_factory.mktemp("killed")
    kill_at(
        folder, 1, 100, "train", "digits", *SOFTMAX, "--epochs", 3, "--out", "run", *SAVING_OFTEN
    )
    return folder / "run.unfinished"


@pytest.fixture
def unfinished(killed, tmp_path):
    """A copy of it in the folder of a test."""
    return shutil.copytree(killed, tmp_path / "run.unfinished")


SAME = ("train", "digits", *SOFTMAX, "--epochs", 3, "--out", "run", "--resume")


@pytest.mark.shared
@pytest.mark.parametrize("name", ["run", "run.unfinished"])
def test_a_training_is_resumed_by_the_name_of_its_run(hardmax, unfinished, tmp_path, name):
    done = hardmax("train", "--resume", tmp_path / name)
    assert done.returncode == 0, done.stderr
    assert Run.open(tmp_path / "run").record["results"]["epochs"] == 3
    assert not unfinished.exists()
    refused(hardmax("train", "--resume", "run"), "the training of run is finished")


@pytest.mark.shared
def test_the_command_that_repeats_a_resumed_training_is_that_of_the_first(
    hardmax, unfinished, tmp_path
):
    assert hardmax("train", "--resume", "run").returncode == 0
    repeat = "hardmax train digits --model softmax-regression --epochs 3"
    assert Run.open(tmp_path / "run").record["command"] == repeat


@pytest.mark.shared
def test_a_resumed_training_goes_into_another_folder_if_its_own_is_taken(
    hardmax, unfinished, tmp_path
):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    done = hardmax(*SAME)
    assert "run run-2\n" in done.stdout
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]
    assert Run.open(tmp_path / "run-2").record["results"]["epochs"] == 3


@pytest.mark.shared
def test_without_a_training_to_resume_a_new_one_starts(hardmax, unfinished, tmp_path):
    done = hardmax("train", "digits", *SOFTMAX, "--epochs", 1, "--out", "run", "--resume")
    assert done.stderr == (
        "hardmax: there is no training of these settings to resume (run.unfinished is one of other "
        "settings); a new one starts\n"
    )
    assert Run.open(tmp_path / "run").record["results"]["epochs"] == 1
    assert unfinished.exists()


@pytest.mark.shared
def test_a_finished_training_and_a_misspelt_folder_are_told_on_one_line(hardmax, tmp_path):
    assert hardmax(*SAME[:-1]).returncode == 0
    refused(hardmax(*SAME), "the training of run is finished")
    refused(hardmax("train", "--resume", "rum"), "unknown data 'rum'")


@pytest.mark.shared
def test_if_the_last_state_is_gone_the_one_before_is_used(hardmax, unfinished, tmp_path):
    (unfinished / "state.safetensors").unlink()
    done = hardmax("train", "--resume", "run")
    assert "state.safetensors is missing; the training goes on from the state" in done.stderr
    assert Run.open(tmp_path / "run").record["results"]["epochs"] == 3


@pytest.mark.shared
def test_the_options_of_a_resumed_training_cannot_be_changed(hardmax, unfinished):
    refused(hardmax("train", "--resume", "run", "--epochs", 9), "has settings of its own")


@pytest.mark.shared
def test_a_running_training_is_not_resumed(hardmax, unfinished):
    with locked(unfinished):
        refused(hardmax("train", "--resume", "run"), "is still running")
        refused(hardmax(*SAME), "is still running")


@pytest.mark.shared
def test_ctrl_c_before_a_resumed_training_goes_on_leaves_its_state(
    hardmax, unfinished, monkeypatch
):
    def interrupted(*_):
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr("hardmax.runs.train.fit_baselines", interrupted)
            done = hardmax("train", "--resume", "run")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == (
        "hardmax: interrupted before the training went on; hardmax train --resume run.unfinished "
        "goes on with the training"
    )
    assert hardmax("train", "--resume", "run").returncode == 0


@pytest.mark.shared
def test_a_training_is_not_resumed_on_other_data(hardmax, framework, tmp_path):
    rows = [f"{i},{i % 7},{'ab'[i % 2]}" for i in range(200)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["x,y,label", *rows]))
    options = ("train", "table.csv", "--label", "label", "--model", "mlp", "--epochs", 3)
    kill_at(tmp_path, 1, 2, *options, "--out", "run", *SAVING_OFTEN)
    table.write_text("\n".join(["x,y,label", *rows[:-1]]))
    refused(hardmax("train", "--resume", "run"), "has changed since")


@pytest.mark.shared
def test_a_training_is_resumed_from_any_folder(hardmax_in, tmp_path):
    rows = [f"{i},{i % 7},{'ab'[i % 2]}" for i in range(200)]
    (tmp_path / "table.csv").write_text("\n".join(["x,y,label", *rows]))
    options = ("train", "table.csv", "--label", "label", "--model", "mlp", "--epochs", 3)
    kill_at(tmp_path, 1, 2, *options, "--out", "run", *SAVING_OFTEN)
    (tmp_path / "elsewhere").mkdir()
    done = hardmax_in(tmp_path / "elsewhere", "train", "--resume", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "most frequent class" in done.stdout  # baselines, as the killed training asked for
    settings = Run.open(tmp_path / "run").record["settings"]
    assert settings["data"] == str(tmp_path / "table.csv")


@pytest.mark.shared
def test_a_training_of_some_minutes_keeps_its_number_of_epochs(hardmax, framework, tmp_path):
    options = ("train", "digits", "--model", "small-resnet", "--widths", "4,8")
    options = (*options, "--minutes", "0.1", "--no-baselines")
    kill_at(tmp_path, 1, 30, *options, "--out", "run", *SAVING_OFTEN)
    done = hardmax(*options, "--out", "run", "--resume")
    record = Run.open(tmp_path / "run").record
    epochs = record["results"]["epochs"]
    assert f" of {epochs} epochs" in done.stderr
    assert epochs == record["settings"]["epochs"] > 1


@pytest.mark.shared
def test_after_ctrl_c_the_rest_of_the_training_is_another_run(hardmax, unfinished, tmp_path):
    assert hardmax(*SAME[:-3], "--out", "whole").returncode == 0
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, *map(str, SAME)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "interrupted after 1 of 3 epochs" in process.communicate(timeout=300)[1]
    assert hardmax("train", "--resume", "run").returncode == 0
    assert outcome(tmp_path / "run-2") == outcome(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run-2", "whole"]


@pytest.mark.shared
def test_a_damaged_state_is_told_and_the_one_before_is_used(hardmax, unfinished, tmp_path):
    newest = unfinished / "state.safetensors"
    content = bytearray(newest.read_bytes())
    content[-100] ^= 1  # in the arrays, at the end
    newest.write_bytes(content)
    done = hardmax(*SAME)
    assert done.returncode == 0
    assert "goes on from the state before" in done.stderr.splitlines()[0]
    assert Run.open(tmp_path / "run").record["results"]["epochs"] == 3


@pytest.mark.shared
def test_two_damaged_states_are_refused_and_stay(hardmax, unfinished):
    for path in unfinished.iterdir():
        path.write_bytes(b"damaged")
    before = {path.name: path.read_bytes() for path in unfinished.iterdir()}
    refused(hardmax("train", "--resume", "run"), f"delete {unfinished.name} to start anew")
    assert {path.name: path.read_bytes() for path in unfinished.iterdir()} == before


#: Runs the command line after the largest size of a file has been set to argv[1] bytes, once the
#: training has saved its state for the first time: as if the disk were full.
FULL = """
import resource, signal, sys
from hardmax.cli.main import main
from hardmax.training.saving import Saving
most, save = int(sys.argv.pop(1)), Saving.save
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def full(self):
    save(self)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
Saving.save = full
main()
"""


@pytest.mark.shared
def test_a_full_disk_loses_neither_the_training_nor_its_last_state(hardmax, tmp_path):
    done = run_process(tmp_path, 1000, *SAME[:-1], *SAVING_OFTEN, program=("-c", FULL))
    assert done.returncode == 2
    told, failed = done.stderr.splitlines()[-2:]
    assert told.startswith("hardmax: the state of the training was not saved, and it goes on: ")
    assert failed.startswith("hardmax: cannot write ")
    assert failed.endswith("hardmax train --resume run.unfinished goes on with the training")
    assert [path.name for path in tmp_path.iterdir()] == ["run.unfinished"]
    assert hardmax(*SAME).returncode == 0
    assert Run.open(tmp_path / "run").record["results"]["epochs"] == 3


@pytest.mark.shared
def test_a_folder_that_cannot_be_written_is_told_before_the_training(hardmax, tmp_path):
    (tmp_path / "file").write_text("")
    refused(hardmax(*SAME[:-3], "--out", "file/run"), "cannot write file/run")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.shared
def test_a_training_that_diverges_leaves_no_state(hardmax, tmp_path):
    done = hardmax("train", "digits", *SOFTMAX, "--lr", "1e30", *SAVING_OFTEN)
    refused(done, "smaller --lr")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.shared
@pytest.mark.parametrize("minutes", ["0", "-1", "nan"])
def test_the_time_between_states_is_above_zero(hardmax, minutes):
    refused(
        hardmax(*SAME[:-1], "--checkpoint-every", minutes),
        "the minutes between two states must be above 0",
    )
