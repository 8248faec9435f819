"""A training that is killed goes on with ``--resume``, and ends as if it had never been killed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from commands import PROGRAM, run_process
from support import SOFTMAX, refused

from hardmax.files import locked
from hardmax.runs.run import Run

#: Runs the command line, and kills the process once the state of network argv[1] is saved after at
#: least argv[2] batches.
KILLED = """
import os, signal, sys
from hardmax.cli.main import main
from hardmax.training.saving import Saving
network, batches = int(sys.argv.pop(1)), int(sys.argv.pop(1))
fits, save = [], Saving.save
def killing(self):
    save(self)
    trainer = self.state.__self__.trainer
    if self not in fits:
        fits.append(self)
    is_within = trainer.epoch == len(trainer.history)
    done = len(trainer.history) * trainer.num_train_batches + is_within * trainer.batches_done
    if len(fits) == network and done >= batches:
        os.kill(os.getpid(), signal.SIGKILL)
Saving.save = killing
main()
"""

#: Dropout, a learning rate that changes, and running means of the optimizer.
MLP = ("--model", "mlp", "--hidden", "32", "--dropout", "0.3", "--optimizer", "adam")
MLP = (*MLP, "--lr", "0.01", "--schedule", "cosine", "--batch-size", "16", "--no-baselines")

#: So that a state is saved in every chunk.
OFTEN = ("--checkpoint-every", "1e-9")


def kill_at(folder, network, batches, *arguments):
    """Run a command until it has saved the state of a network after some batches, and kill it."""
    done = run_process(folder, network, batches, *arguments, program=("-c", KILLED))
    assert done.returncode == -signal.SIGKILL, done.stderr


def outcome(run):
    """Return what must be equal in equal trainings: the weights and the metrics of each epoch."""
    opened = Run.open(run)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["seconds"], line["compile_seconds"]
    results = opened.record["results"]
    return {name: w.tobytes() for name, w in opened.weights.items()}, lines, results


@pytest.fixture
def train(hardmax, framework, tmp_path):
    """A function that trains in this process; returns what it printed."""

    def run(*arguments):
        done = hardmax("train", *arguments, "--framework", framework)
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.mark.parametrize("batches", [1, 100])  # an epoch has 90
def test_a_killed_training_ends_like_an_undisturbed_one(train, framework, tmp_path, batches):
    options = ("digits", *MLP, "--epochs", 3)
    train(*options, "--out", "whole")
    kill_at(
        tmp_path, 1, batches, "train", *options, "--framework", framework, "--out", "run", *OFTEN
    )
    assert [path.name for path in tmp_path.glob("run*")] == ["run.unfinished"]
    done = train(*options, "--out", "run", "--resume")
    assert "hardmax: going on with the training in run.unfinished after " in done.stderr
    assert [path.name for path in tmp_path.glob("run*")] == ["run"]
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def test_a_killed_ensemble_goes_on_with_its_current_network(train, framework, tmp_path):
    folds = ("--folds", 2, "--ensemble", 3, "--epochs", 3, "--patience", 2)
    options = ("digits", *SOFTMAX, "--no-baselines", *folds)
    train(*options, "--out", "whole")
    kill_at(tmp_path, 2, 40, "train", *options, "--framework", framework, "--out", "run", *OFTEN)
    done = train(*options, "--out", "run", "--resume")
    assert "of network 2 of 3" in done.stderr
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


@pytest.mark.shared
def test_a_training_of_images_goes_on_with_its_augmentations(train, tmp_path, framework):
    options = ("digits", "--model", "small-resnet", "--widths", "4,8", "--epochs", 2)
    options = (*options, "--augment", "shift", "--batch-size", "64", "--no-baselines")
    train(*options, "--out", "whole")
    kill_at(tmp_path, 1, 30, "train", *options, "--framework", framework, "--out", "run", *OFTEN)
    train(*options, "--out", "run", "--resume")
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


# What the command says


@pytest.fixture(scope="module")
def killed(tmp_path_factory, framework):
    """A folder with the state of a training that was killed in its second epoch."""
    folder = tmp_path_factory.mktemp("killed")
    kill_at(folder, 1, 100, "train", "digits", *SOFTMAX, "--epochs", 3, "--out", "run", *OFTEN)
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
        "hardmax: there is no training of these settings to resume; a new one starts\n"
    )
    assert Run.open(tmp_path / "run").record["results"]["epochs"] == 1
    assert unfinished.exists()


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
    kill_at(tmp_path, 1, 2, *options, "--out", "run", *OFTEN)
    table.write_text("\n".join(["x,y,label", *rows[:-1]]))
    refused(hardmax("train", "--resume", "run"), "has changed since")


@pytest.mark.shared
def test_a_training_is_resumed_from_any_folder(hardmax_in, tmp_path):
    rows = [f"{i},{i % 7},{'ab'[i % 2]}" for i in range(200)]
    (tmp_path / "table.csv").write_text("\n".join(["x,y,label", *rows]))
    options = ("train", "table.csv", "--label", "label", "--model", "mlp", "--epochs", 3)
    kill_at(tmp_path, 1, 2, *options, "--out", "run", *OFTEN)
    (tmp_path / "elsewhere").mkdir()
    done = hardmax_in(tmp_path / "elsewhere", "train", "--resume", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "most frequent class" in done.stdout  # baselines, as the killed training asked for
    settings = Run.open(tmp_path / "run").record["settings"]
    assert settings["data"] == str(tmp_path / "table.csv")


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
    refused(hardmax("train", "--resume", "run"), f"delete {unfinished.name}/state")
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
    done = run_process(tmp_path, 1000, *SAME[:-1], *OFTEN, program=("-c", FULL))
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
    done = hardmax("train", "digits", *SOFTMAX, "--lr", "1e30", *OFTEN)
    refused(done, "smaller --lr")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.shared
@pytest.mark.parametrize("minutes", ["0", "-1", "nan"])
def test_the_time_between_states_is_above_zero(hardmax, minutes):
    refused(hardmax(*SAME[:-1], "--checkpoint-every", minutes), "must be above 0 minutes")


# Kills at any moment


@pytest.mark.slow
def test_trainings_killed_at_random_moments_end_like_an_undisturbed_one(
    hardmax_process, framework, tmp_path
):
    """Each training is killed until it is finished; KILLS in the environment sets their number."""
    options = ("train", "digits", *MLP, "--epochs", 12, "--framework", framework)
    start = time.monotonic()
    assert hardmax_process(*options, "--out", "whole").returncode == 0
    duration, expected = time.monotonic() - start, outcome(tmp_path / "whole")
    moments, resumed = random.Random(0), 0
    for number in range(int(os.environ.get("KILLS", "3"))):
        out = ("--out", f"run-{number}-", "--resume", "--checkpoint-every", "0.0003")
        with subprocess.Popen(
            [sys.executable, *PROGRAM, *map(str, (*options, *out))],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(moments.uniform(0.3, 1) * duration)
            process.kill()
        if not (tmp_path / out[1]).exists():
            done = hardmax_process(*options, *out)
            assert done.returncode == 0, done.stderr
            resumed += "going on with the training" in done.stderr
        assert outcome(tmp_path / out[1]) == expected
    assert resumed
