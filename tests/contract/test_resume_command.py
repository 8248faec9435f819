"""A training that is killed goes on with ``--resume``, and ends as if it had never been killed."""

import os
import random
import shutil
import subprocess
import sys
import time

import pytest
from commands import PROGRAM
from resuming import SAVING_OFTEN, kill_at, outcome
from support import SOFTMAX

from hardmax.runs.run import Run

#: Dropout, a learning rate that changes, and running means of the optimizer.
MLP = ("--model", "mlp", "--hidden", "32", "--dropout", "0.3", "--optimizer", "adam")
MLP = (*MLP, "--lr", "0.01", "--schedule", "cosine", "--batch-size", "16", "--no-baselines")


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
    command = ("train", *options, "--framework", framework, "--out", "run", *SAVING_OFTEN)
    kill_at(tmp_path, 1, batches, *command)
    assert [path.name for path in tmp_path.glob("run*")] == ["run.unfinished"]
    done = train(*options, "--out", "run", "--resume")
    assert "hardmax: going on with the training in run.unfinished after " in done.stderr
    assert [path.name for path in tmp_path.glob("run*")] == ["run"]
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def test_a_killed_ensemble_goes_on_with_its_current_network(train, framework, tmp_path):
    folds = ("--folds", 2, "--ensemble", 3, "--epochs", 3, "--patience", 2)
    options = ("digits", *SOFTMAX, "--no-baselines", *folds)
    train(*options, "--out", "whole")
    kill_at(
        tmp_path, 2, 40, "train", *options, "--framework", framework, "--out", "run", *SAVING_OFTEN
    )
    done = train(*options, "--out", "run", "--resume")
    assert "of network 2 of 3" in done.stderr
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


@pytest.mark.shared
def test_a_training_of_images_goes_on_with_its_augmentations(train, tmp_path, framework):
    options = ("digits", "--model", "small-resnet", "--widths", "4,8", "--epochs", 2)
    options = (*options, "--augment", "shift", "--batch-size", "64", "--no-baselines")
    train(*options, "--out", "whole")
    kill_at(
        tmp_path, 1, 30, "train", *options, "--framework", framework, "--out", "run", *SAVING_OFTEN
    )
    train(*options, "--out", "run", "--resume")
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def kill_after(seconds, folder, *command):
    """Run a command, and kill it some seconds after it has saved the state of its training."""
    with subprocess.Popen(
        [sys.executable, *PROGRAM, *map(str, command)], cwd=folder, stdout=subprocess.DEVNULL
    ) as process:
        while not [*folder.glob("*.unfinished/state.safetensors")]:
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(seconds)
        process.kill()


@pytest.mark.slow
def test_trainings_killed_at_random_moments_end_like_an_undisturbed_one(
    hardmax_process, framework, tmp_path
):
    """KILLS in the environment sets the number of trainings."""
    options = ("train", "digits", *MLP, "--epochs", 20, "--framework", framework)
    assert hardmax_process(*options, "--out", "whole").returncode == 0
    expected = outcome(tmp_path / "whole")
    run, moments = tmp_path / "run", random.Random(0)
    options = (*options, "--out", "run", "--checkpoint-every", "0.0003")
    for _ in range(int(os.environ.get("KILLS", "1"))):
        pause = moments.uniform(0, Run.open(tmp_path / "whole").record["seconds"])
        kill_after(pause, tmp_path, *options)
        while run.exists():  # it was finished before
            assert outcome(run) == expected
            shutil.rmtree(run)
            shutil.rmtree(tmp_path / "run.unfinished", ignore_errors=True)
            pause /= 2
            kill_after(pause, tmp_path, *options)
        done = hardmax_process(*options, "--resume")
        assert done.returncode == 0, done.stderr
        assert "going on with the training" in done.stderr
        assert outcome(run) == expected
        shutil.rmtree(run)
