"""Several processes that train together come to what one process comes to."""

import json
import re
from pathlib import Path

import numpy as np
import processes_program
import pytest
from commands import run_process
from resuming import SAVING_OFTEN
from torchrun import torchrun

from hardmax.runs.run import Run

PROGRAM = str(Path(processes_program.__file__))

#: No dropout, whose masks differ between the processes.
TRAINING = ("digits", "--model", "mlp", "--hidden", "16", "--lr", "0.1", "--batch-size", "50")
TRAINING = (*TRAINING, "--epochs", "2", "--no-baselines")

#: Runs the command line, and kills the last process of three in the second epoch, once the state
#: of the first has been saved.
DYING = """
import os, signal
from hardmax.cli.main import main
from hardmax.training.trainer import Trainer
run_epoch = Trainer.run_epoch
def dying(self):
    if self.epoch == 1:
        self.group.wait()
        if os.environ["RANK"] == "2":
            os.kill(os.getpid(), signal.SIGKILL)
    return run_epoch(self)
Trainer.run_epoch = dying
main()
"""

#: Runs the command line, and interrupts the first of its processes in the second epoch.
INTERRUPTED = """
import os, signal
from hardmax.cli.main import main
from hardmax.training.trainer import Trainer
run_epoch = Trainer.run_epoch
def interrupted(self):
    if self.epoch == 1:
        self.group.wait()
        if self.group.is_first:
            signal.raise_signal(signal.SIGINT)
    return run_epoch(self)
Trainer.run_epoch = interrupted
main()
"""


def skip_mxnet(framework):
    if framework == "mxnet":
        pytest.skip("MXNet trains in one process")


def fitted(count, framework, folder):
    """Return the results of the program in ``count`` processes."""
    path = folder / f"{count}.npz"
    done = torchrun(count, folder, framework, path, program=(PROGRAM,))
    assert done.returncode == 0, done.stderr
    with np.load(path) as found:
        return {name: found[name] for name in found}


@pytest.fixture(scope="module")
def results(framework, tmp_path_factory):
    """The results in 1 and in 3 processes."""
    skip_mxnet(framework)
    folder = tmp_path_factory.mktemp("results")
    return processes_program.results(framework), fitted(3, framework, folder)


def assert_alike(one, three):
    assert one.keys() == three.keys()
    for name, value in one.items():
        if "accuracy" in name:
            assert three[name] == pytest.approx(value, abs=1e-12, nan_ok=True), name
        elif "weights" in name:
            np.testing.assert_allclose(three[name], value, atol=2e-4, err_msg=name)
        else:
            assert three[name] == pytest.approx(value, rel=1e-4), name


@pytest.mark.parametrize("name", processes_program.FITS)
def test_three_processes_take_the_steps_of_one(results, name):
    one, three = (
        {key: value for key, value in found.items() if key.startswith(f"{name}:")}
        for found in results
    )
    assert one
    assert_alike(one, three)


def test_the_loss_after_a_step_is_that_of_one_process(results):
    before, after = (f"one step: train_loss {epoch}" for epoch in (1, 2))
    one, three = results
    assert one[before] == pytest.approx(np.log(10), rel=0.2)
    assert one[after] < one[before]
    for name in (before, after):
        assert three[name] == pytest.approx(float(one[name]), rel=1e-6)


def test_an_evaluation_counts_every_example_once(results):
    one, three = results
    assert three["evaluation: correct"] == one["evaluation: correct"]
    assert three["evaluation: loss"] == pytest.approx(float(one["evaluation: loss"]), rel=1e-6)
    scores = one["evaluation: scores"]
    assert scores.shape == (processes_program.MANY, 3)
    np.testing.assert_allclose(three["evaluation: scores"], scores, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_four_processes_do_so_too(results, framework, tmp_path):
    assert_alike(results[0], fitted(4, framework, tmp_path))


@pytest.fixture(scope="module")
def undisturbed(framework, hardmax_in, tmp_path_factory):
    """The run of one process."""
    skip_mxnet(framework)
    folder = tmp_path_factory.mktemp("undisturbed")
    done = hardmax_in(folder, "train", *TRAINING, "--framework", framework, "--out", "run")
    assert done.returncode == 0, done.stderr
    return Run.open(folder / "run")


def assert_same_run(folder, run):
    """Assert that a run is that of one process, to the accuracy of floats."""
    found = Run.open(folder)
    for name, array in run.weights.items():
        np.testing.assert_allclose(found.weights[name], array, atol=2e-4, err_msg=name)
    for name in ("accuracy", "count"):
        assert found.record["results"]["test"][name] == run.record["results"]["test"][name]


@pytest.mark.slow
def test_all_processes_train_the_baseline_of_images(framework, tmp_path):
    skip_mxnet(framework)
    options = [option for option in TRAINING if option != "--no-baselines"]
    done = torchrun(2, tmp_path, "train", *options, "--framework", framework, "--out", "run")
    assert done.returncode == 0, done.stderr
    baselines = Run.open(tmp_path / "run").record["results"]["baselines"]
    assert [one["name"] for one in baselines] == ["most frequent class", "softmax regression"]
    assert baselines[1]["accuracy"] > 0.9


@pytest.mark.shared
def test_ctrl_c_ends_all_processes_at_once_also_after_an_epoch(tmp_path):
    done = torchrun(2, tmp_path, "train", *TRAINING, "--out", "run", program=("-c", INTERRUPTED))
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if line.startswith("hardmax: ")]
    assert told == [
        "hardmax: interrupted in the middle of the training; hardmax train --resume run.unfinished "
        "goes on with the training"
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["run.unfinished"]


def test_the_command_writes_one_run(undisturbed, hardmax, framework, tmp_path):
    done = torchrun(
        2, tmp_path, "train", *TRAINING, "--framework", framework, "--out", "run", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert_same_run(tmp_path / "run", undisturbed)
    assert json.loads(done.stdout)["run"] == "run"
    assert Run.open(tmp_path / "run").record["environment"]["processes"] == 2
    done = torchrun(2, tmp_path, "evaluate", "run", "--json")
    alone = hardmax("evaluate", "run", "--json", "--framework", framework)
    assert alone.returncode == done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accuracy"] == json.loads(alone.stdout)["accuracy"]


@pytest.mark.slow
def test_a_training_of_which_a_process_dies_is_resumed_by_any_number(
    undisturbed, framework, tmp_path
):
    command = ("train", *TRAINING, "--framework", framework, "--out", "run", *SAVING_OFTEN)
    done = torchrun(3, tmp_path, *command, program=("-c", DYING))
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if line.startswith("hardmax: ")]
    assert told == [
        "hardmax: process 2 of 3 ended unexpectedly; the training is stopped; hardmax train "
        "--resume run.unfinished goes on with the training"
    ]
    assert not re.search(r'File "[^"]*/src/hardmax/', done.stderr)  # torchrun has a traceback
    assert [path.name for path in tmp_path.glob("run*")] == ["run.unfinished"]
    done = torchrun(2, tmp_path, "train", "--resume", "run.unfinished")
    assert done.returncode == 0, done.stderr
    assert "going on with the training in run.unfinished after 1 of 2 epochs" in done.stderr
    assert [path.name for path in tmp_path.glob("run*")] == ["run"]
    assert_same_run(tmp_path / "run", undisturbed)


def test_a_framework_that_trains_in_one_process_says_so(framework, tmp_path):
    if framework != "mxnet":
        pytest.skip("it trains in several")
    done = torchrun(2, tmp_path, "train", "digits", "--framework", framework)
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if line.startswith("hardmax: ")]
    assert told == [
        "hardmax: MXNet trains in one process, and 2 were started; start one, or train with "
        "framework torch, jax or tensorflow: hardmax loads the weights of a network of theirs in "
        "MXNet too"
    ]
    assert not [*tmp_path.iterdir()]


@pytest.mark.shared
def test_other_commands_run_in_one_process(tmp_path):
    done = torchrun(2, tmp_path, "predict", "run", "image.png")
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if line.startswith("hardmax: ")]
    assert told == [
        "hardmax: predict runs in one process, and 2 were started; start it without torchrun"
    ]


@pytest.mark.shared
def test_the_parity_report_compares_numbers_of_processes(framework, tmp_path):
    options = ("--frameworks", framework, "--processes", "1,2", "--epochs", 1, "--json")
    done = run_process(tmp_path, "parity", "digits", *options)
    assert done.returncode == 0, done.stderr
    (network,) = json.loads(done.stdout)["networks"]
    names = [framework, f"{framework} x2"]
    assert [(run["name"], run["processes"]) for run in network["runs"]] == [
        (names[0], 1),
        (names[1], 2),
    ]
    (pair,) = network["pairs"]
    assert pair["frameworks"] == names
    assert pair["above_limit"] == []
    assert pair["first_loss"]["relative"] <= 1e-6
    assert pair["weights_after_epoch"]["relative"] <= 1e-4
    assert pair["same_labels"] == pair["count"]
