"""hardmax compare, in real processes, against the runs of hardmax train and NumPy."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from support import refused

from hardmax import frameworks
from hardmax.data.images.digits import load_digits
from hardmax.data.sampling import order
from hardmax.errors import MissingFrameworkError
from hardmax.networks.catalog import make
from hardmax.networks.initializers import starting_weights
from hardmax.training import checkpoint

pytestmark = pytest.mark.shared

OPTIONS = ["--epochs", "2", "--batch-size", "64", "--lr", "0.3", "--seed", "3", "--json"]
COMPARED = ("torch", "jax")


@pytest.fixture(scope="module")
def installed():
    """Skip where a framework that is compared is not installed."""
    for name in COMPARED:
        try:
            frameworks.check(name)
        except MissingFrameworkError as error:
            pytest.skip(str(error))


@pytest.fixture(scope="module")
def run(tmp_path_factory, installed):
    """A function that runs the command line in a folder, which is ``run.folder``."""
    folder = tmp_path_factory.mktemp("compared")

    def run(*arguments):
        command = [sys.executable, "-c", "from hardmax.cli.main import main; main()", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    run.folder = folder
    return run


@pytest.fixture(scope="module")
def certified(run):
    """What hardmax compare printed of softmax regression on the digits."""
    return run("compare", "digits", "--frameworks", ",".join(COMPARED), *OPTIONS, "--out", "both")


@pytest.fixture(scope="module")
def trained(run):
    """What hardmax train printed of the same, by framework."""
    return {
        name: run("train", "digits", "--framework", name, *OPTIONS, "--out", name)
        for name in COMPARED
    }


def weights(run, path):
    return checkpoint.load(run.folder / path / "model.safetensors")[0]


def test_each_run_is_that_of_train(run, certified, trained):
    (network,) = certified["networks"]
    assert [one["framework"] for one in network["runs"]] == [*COMPARED]
    for one in network["runs"]:
        own = trained[one["framework"]]
        assert one["test"] == own["test"]
        assert one["train_loss"] == own["epochs"][-1]["train_loss"]
        assert one["record"]["asked"]["lr"] == 0.3
        assert one["peak_memory"] > 2**26
        assert one["seconds_per_epoch"] > 0
        found = weights(run, f"both/softmax-regression-{one['framework']}")
        expected = weights(run, one["framework"])
        assert all(np.array_equal(found[name], expected[name]) for name in expected)
    assert network["runs"][1]["compile_seconds"] > 0


def test_the_differences_are_those_of_the_runs(run, certified, trained):
    (pair,) = certified["networks"][0]["pairs"]
    assert pair["frameworks"] == [*COMPARED]
    torch, jax = (trained[name] for name in COMPARED)
    losses = [one["epochs"][-1]["train_loss"] for one in (torch, jax)]
    assert pair["train_loss"] == abs(losses[0] - losses[1])
    assert pair["test_loss"] == abs(torch["test"]["loss"] - jax["test"]["loss"])
    test = load_digits().test
    pixels = test.images.reshape(len(test), -1) / 255
    scores = [
        pixels @ found["1.weight"].T + found["1.bias"]
        for found in (weights(run, name) for name in COMPARED)
    ]
    # Rounding in the frameworks themselves comes on top of what their weights differ by.
    largest = np.abs(scores).max()
    apart = np.abs(scores[0] - scores[1]).max()
    assert pair["final_scores"]["absolute"] == pytest.approx(apart, abs=1e-6 * largest)
    labels = [one.argmax(axis=1) for one in scores]
    assert pair["other_labels"] == np.flatnonzero(labels[0] != labels[1]).tolist()
    assert pair["same_labels"] + len(pair["other_labels"]) == pair["count"] == len(test)


def test_two_frameworks_agree_to_rounding(certified):
    (pair,) = certified["networks"][0]["pairs"]
    kinds = ("starting_scores", "gradients", "weights_after_step", "weights_after_epoch")
    for kind in kinds:
        assert 0 < pair[kind]["relative"] < 1e-5, kind
    assert pair["beyond"] == []


def test_the_certificate_is_one_file_that_says_the_same(run, certified):
    folder = run.folder / "both"
    written = json.loads((folder / "certificate.json").read_text())
    assert {"certificate": "both", **written} == certified
    assert sorted(path.name for path in folder.iterdir()) == [
        "certificate.html",
        "certificate.json",
        *sorted(f"softmax-regression-{name}" for name in COMPARED),
    ]
    page = (folder / "certificate.html").read_text()
    assert not re.search(r"https?:|<script|<link|src=", page)
    (network,) = certified["networks"]
    for one in network["runs"]:
        assert f"{one['train_loss']:.6f}" in page
        for name, version in frameworks.versions(one["framework"]).items():
            assert f"{name} {version}" in page
    assert f"{network['pairs'][0]['gradients']['relative']:.1e}" in page
    assert network["runs"][0]["record"]["data"]["fingerprint"] in page


def test_the_measured_gradients_and_first_step_are_those_of_the_formulas(installed, tmp_path):
    """Softmax regression's gradients, by its formula, on the batch that the run begins with."""
    from hardmax.parity.measurement import Measurement, measure
    from hardmax.runs.settings import Settings

    settings = Settings(
        "digits", batch_size=64, epochs=4, lr=0.3, schedule="cosine", warmup=2.0, clip=0.1, seed=3
    )
    measure(settings, tmp_path / "run", tmp_path / "measured")
    arrays = Measurement.open(tmp_path / "measured").arrays
    train = load_digits().train
    rows = order(len(train), 3, 0)[:64]
    pixels = train.images[rows].reshape(64, -1) / 255
    start = starting_weights(make("softmax-regression", (8, 8, 1), 10), (8, 8, 1), 3)
    scores = pixels @ start["1.weight"].T + start["1.bias"]
    errors = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    errors[np.arange(64), train.labels[rows]] -= 1
    gradients = {"1.weight": errors.T @ pixels / 64, "1.bias": errors.mean(axis=0)}
    assert arrays["gradients"].keys() == gradients.keys()
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
    assert norm > 0.1  # or nothing would be clipped
    # 23 batches an epoch, and so 46 steps over which the learning rate rises.
    for name, gradient in gradients.items():
        largest = np.abs(gradient).max()
        assert np.abs(arrays["gradients"][name] - gradient).max() < 1e-6 * largest
        after = start[name] - 0.3 / 46 * gradient * 0.1 / norm
        assert np.abs(arrays["weights_after_step"][name] - after).max() < 1e-8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--frameworks", "torch"], ["frameworks", "2 or more", "'torch'"]),
        (["--frameworks", "torch,torch"], ["different", "'torch,torch'"]),
        (["--frameworks", "torch,caffe"], ["unknown framework 'caffe'", "mxnet"]),
        (["--models", "lenet,mpl"], ["unknown model 'mpl'"]),
        (["--models", "lenet"], ["lenet does not fit"]),
        (["--hidden", "12"], ["takes no hidden"]),
        (["--epochs", "0"], ["epochs"]),
    ],
)
def test_what_cannot_be_compared_is_told_before_anything_is_trained(
    hardmax, tmp_path, arguments, words
):
    refused(hardmax("compare", "digits", *arguments, "--json"), *words)
    assert [*tmp_path.iterdir()] == []


def test_a_framework_that_is_not_installed_is_told_on_one_line(hardmax, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'jax' else find(name, *more)\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = hardmax("compare", "digits", "--frameworks", "torch,jax", env={"PYTHONPATH": path})
    refused(done, "'jax' is not installed", "pip install")
    assert not (tmp_path / "runs").exists()


def test_a_training_that_fails_leaves_nothing_behind(installed, hardmax, tmp_path):
    arguments = ["--frameworks", ",".join(COMPARED), "--epochs", "1", "--lr", "1e38"]
    done = hardmax("compare", "digits", *arguments, "--out", "both", "--json")
    refused(done, "softmax-regression on torch: ", "NaN or infinite", "--lr")
    assert [*tmp_path.iterdir()] == []


def test_ctrl_c_leaves_nothing_behind(installed, tmp_path):
    command = [
        sys.executable,
        "-c",
        "from hardmax.cli.main import main; main()",
        "compare",
        "digits",
    ]
    process = subprocess.Popen(
        [*command, "--frameworks", ",".join(COMPARED), "--epochs", "100000", "--out", "both"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    # The folder that the first run is written to is there once its training begins.
    while not [*tmp_path.glob(".hardmax-*/.hardmax-*")]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    told, said = process.communicate(timeout=60)
    assert (process.returncode, told) == (130, "")
    assert said == "hardmax: interrupted; nothing kept\n"
    assert [*tmp_path.iterdir()] == []
