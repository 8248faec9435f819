"""hardmax parity, compared with the runs of hardmax train and with NumPy."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import commands
import numpy as np
import pytest
from support import SOFTMAX, need, refused

from hardmax import frameworks
from hardmax.data.images.digits import load_digits
from hardmax.data.sampling import order
from hardmax.networks.catalog import make
from hardmax.networks.initializers import initial_weights
from hardmax.runs.run import Run
from hardmax.training import checkpoint

pytestmark = pytest.mark.shared

OPTIONS = ["--epochs", "2", "--batch-size", "64", "--lr", "0.3", "--seed", "3", "--json"]
FRAMEWORKS = ("torch", "jax")


@pytest.fixture(scope="module")
def installed():
    """Skip if one of the compared frameworks is not installed."""
    need(*FRAMEWORKS)


@pytest.fixture(scope="module")
def run(tmp_path_factory, hardmax_in, installed):
    """A function that runs the command line in the folder ``run.folder``."""
    folder = tmp_path_factory.mktemp("compared")

    def run(*arguments):
        done = hardmax_in(folder, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    run.folder = folder
    return run


@pytest.fixture(scope="module")
def reported(run):
    """The JSON that hardmax parity printed for softmax regression on the digits."""
    return run("parity", "digits", "--frameworks", ",".join(FRAMEWORKS), *OPTIONS, "--out", "both")


@pytest.fixture(scope="module")
def trained(run):
    """The JSON that hardmax train printed for the same training, by framework."""
    return {
        name: run("train", "digits", *SOFTMAX, "--framework", name, *OPTIONS, "--out", name)
        for name in FRAMEWORKS
    }


def weights(run, path):
    return checkpoint.load(run.folder / path / "model.safetensors")[0]


def test_each_run_equals_that_of_train(run, reported, trained):
    (network,) = reported["networks"]
    assert [one["framework"] for one in network["runs"]] == [*FRAMEWORKS]
    for one in network["runs"]:
        expected = trained[one["framework"]]
        assert one["test"] == expected["test"]
        assert one["train_loss"] == expected["epochs"][-1]["train_loss"]
        assert one["record"]["settings"]["lr"] == 0.3
        assert one["peak_memory"] > 2**26
        assert one["seconds_per_epoch"] > 0
        saved = weights(run, f"both/softmax-regression-{one['framework']}")
        alone = weights(run, one["framework"])
        assert all(np.array_equal(saved[name], alone[name]) for name in alone)
    assert network["runs"][1]["compile_seconds"] > 0


def test_the_differences_are_those_of_the_runs(run, reported, trained):
    (pair,) = reported["networks"][0]["pairs"]
    assert pair["frameworks"] == [*FRAMEWORKS]
    torch, jax = (trained[name] for name in FRAMEWORKS)
    losses = [one["epochs"][-1]["train_loss"] for one in (torch, jax)]
    assert pair["train_loss"] == abs(losses[0] - losses[1])
    assert pair["test_loss"] == abs(torch["test"]["loss"] - jax["test"]["loss"])
    test = load_digits().test
    pixels = test.images.reshape(len(test), -1) / 255
    scores = [
        pixels @ arrays["1.weight"].T + arrays["1.bias"]
        for arrays in (weights(run, name) for name in FRAMEWORKS)
    ]
    # The frameworks also round differently when they compute the scores.
    largest = np.abs(scores).max()
    difference = np.abs(scores[0] - scores[1]).max()
    assert pair["final_scores"]["absolute"] == pytest.approx(difference, abs=1e-6 * largest)
    labels = [one.argmax(axis=1) for one in scores]
    assert pair["different_labels"] == np.flatnonzero(labels[0] != labels[1]).tolist()
    assert pair["same_labels"] + len(pair["different_labels"]) == pair["count"] == len(test)


def test_two_frameworks_agree_up_to_rounding(reported):
    (pair,) = reported["networks"][0]["pairs"]
    kinds = ("initial_scores", "gradients", "weights_after_step", "weights_after_epoch")
    for kind in kinds:
        assert 0 < pair[kind]["relative"] < 1e-5, kind
    assert pair["first_loss"]["relative"] < 1e-5
    assert reported["precision"] == "float32"
    assert pair["above_limit"] == []


def test_the_html_report_is_self_contained_and_agrees_with_the_json(run, reported):
    folder = run.folder / "both"
    written = json.loads((folder / "parity.json").read_text())
    assert {"parity": "both", **written} == reported
    assert sorted(path.name for path in folder.iterdir()) == [
        "parity.html",
        "parity.json",
        *sorted(f"softmax-regression-{name}" for name in FRAMEWORKS),
    ]
    page = (folder / "parity.html").read_text()
    assert not re.search(r"https?:|<script|<link|src=", page)
    (network,) = reported["networks"]
    for one in network["runs"]:
        assert f"{one['train_loss']:.6f}" in page
        for name, version in frameworks.versions(one["framework"]).items():
            assert f"{name} {version}" in page
    assert f"{network['pairs'][0]['gradients']['relative']:.1e}" in page
    assert network["runs"][0]["record"]["data"]["fingerprint"] in page


def test_bfloat16_rounds_the_first_step_and_no_scores(run):
    options = ["--models", "small-resnet", "--widths", "4,8", "--epochs", "1", "--json"]
    names = ["--frameworks", ",".join(FRAMEWORKS)]
    found = run("parity", "digits", *options, *names, "--precision", "bfloat16", "--out", "narrow")
    (network,) = found["networks"]
    (pair,) = network["pairs"]
    settings = [one["record"]["settings"]["precision"] for one in network["runs"]]
    assert [found["precision"], *settings] == ["bfloat16"] * 3
    assert pair["initial_scores"]["relative"] < 1e-5
    assert pair["first_loss"]["relative"] < 2.0**-8
    assert pair["gradients"]["relative"] > 2.0**-12
    assert pair["above_limit"] == []
    page = (run.folder / "narrow/parity.html").read_text()
    assert "trained in bfloat16 for 1" in page


def test_the_data_chooses_the_training_of_a_small_resnet_as_in_train(installed, tmp_path):
    from hardmax.parity.measurement import measure
    from hardmax.runs.settings import Settings

    X, y = np.zeros((40, 4, 4), np.uint8), np.arange(40) % 2
    X[y == 1] = 200
    np.savez(tmp_path / "data.npz", X=X, y=y)
    options = {"data": str(tmp_path / "data.npz"), "model": "small-resnet", "widths": (4,)}
    measure(Settings(**options, augment="flip"), tmp_path / "run", tmp_path / "measured")
    settings = Run.open(tmp_path / "run").settings
    assert (settings.epochs, settings.batch_size, settings.lr) == (40, 32, 0.05)
    assert settings.augment == "flip"


def test_the_measured_gradients_and_first_step_agree_with_the_formulas(installed, tmp_path):
    """The gradients of softmax regression by its formula, on the first batch of the run."""
    from hardmax.parity.measurement import Measurement, measure
    from hardmax.runs.settings import Settings

    settings = Settings(
        data="digits",
        model="softmax-regression",
        batch_size=64,
        epochs=4,
        lr=0.3,
        schedule="cosine",
        warmup=2.0,
        clip=0.1,
        seed=3,
    )
    measure(settings, tmp_path / "run", tmp_path / "measured")
    arrays = Measurement.open(tmp_path / "measured").arrays
    train = load_digits().train
    rows = order(len(train), 3, 0)[:64]
    pixels = train.images[rows].reshape(64, -1) / 255
    initial = initial_weights(make("softmax-regression", (8, 8, 1), 10), (8, 8, 1), 3)
    scores = pixels @ initial["1.weight"].T + initial["1.bias"]
    errors = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    errors[np.arange(64), train.labels[rows]] -= 1
    gradients = {"1.weight": errors.T @ pixels / 64, "1.bias": errors.mean(axis=0)}
    assert arrays["gradients"].keys() == gradients.keys()
    loss = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(64), train.labels[rows]]
    assert arrays["first_loss"]["loss"] == pytest.approx(loss.mean(), rel=1e-6)
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
    assert norm > 0.1  # otherwise nothing would be clipped
    # 23 batches per epoch, so the warmup takes 46 steps.
    for name, gradient in gradients.items():
        largest = np.abs(gradient).max()
        assert np.abs(arrays["gradients"][name] - gradient).max() < 1e-6 * largest
        after = initial[name] - 0.3 / 46 * gradient * 0.1 / norm
        assert np.abs(arrays["weights_after_step"][name] - after).max() < 1e-8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--frameworks", "torch"], ["--frameworks", "2 or more", "'torch'"]),
        (["--frameworks", "torch,torch"], ["different", "'torch,torch'"]),
        (["--frameworks", "torch,caffe"], ["unknown framework 'caffe'", "mxnet"]),
        (["--models", "lenet,mpl"], ["unknown model 'mpl'"]),
        (["--models", "lenet"], ["lenet does not fit"]),
        (["--hidden", "12"], ["does not take hidden"]),
        (["--epochs", "0"], ["epochs"]),
        (["--precision", "auto"], ["precision", "float32, bfloat16"]),
        (["--precision", "bfloat16"], ["softmax-regression", "no convolutions"]),
    ],
)
def test_invalid_arguments_are_refused_before_training(hardmax, tmp_path, arguments, words):
    refused(hardmax("parity", "digits", *arguments, "--json"), *words)
    assert [*tmp_path.iterdir()] == []


def test_a_missing_framework_is_one_line(hardmax_process, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'jax' else find(name, *more)\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    arguments = ("parity", "digits", "--frameworks", "torch,jax")
    done = hardmax_process(*arguments, env={"PYTHONPATH": path})
    refused(done, "'jax' is not installed", "pip install")
    assert not (tmp_path / "runs").exists()


def test_a_training_that_fails_leaves_nothing_behind(installed, hardmax, tmp_path):
    arguments = ["--frameworks", ",".join(FRAMEWORKS), "--epochs", "1", "--lr", "1e38"]
    done = hardmax("parity", "digits", *arguments, "--out", "both", "--json")
    refused(done, "softmax-regression on torch: ", "the training loss became", "--lr")
    assert [*tmp_path.iterdir()] == []


def test_compare_takes_no_options_of_a_training(hardmax, tmp_path):
    refused(hardmax("compare", "run", "other", "--epochs", 3), "--epochs")
    assert [*tmp_path.iterdir()] == []


def test_ctrl_c_leaves_nothing_behind(installed, tmp_path):
    command = [sys.executable, *commands.PROGRAM, "parity", "digits"]
    process = subprocess.Popen(
        [*command, "--frameworks", ",".join(FRAMEWORKS), "--epochs", "100000", "--out", "both"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    # The folder of the first run exists once its training begins.
    while not [*tmp_path.glob(".hardmax-*/.hardmax-*")]:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (130, "")
    assert err == "hardmax: interrupted; nothing was saved\n"
    assert [*tmp_path.iterdir()] == []
