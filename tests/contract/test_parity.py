"""Equal seeds give equal curves: every framework against PyTorch, which has its own process."""

import json

import commands
import pytest
from support import need

RECIPES = {
    "sgd": [],
    "momentum": ["--lr", 0.05, "--momentum", 0.9],
    "adamw": ["--optimizer", "adamw", "--weight-decay", 0.01],
}
SMOOTH = {
    "softmax-regression": [],
    "mlp": ["--model", "mlp", "--activation", "tanh"],
    "lenet": ["--model", "lenet"],
}
#: Short trainings; test_networks.py compares a step of convolutional networks with NumPy.
SHORT = {
    "digits": ["digits", "--model", "mlp", "--batch-size", 32, "--lr", 0.3, "--seed", 5],
    "mlp by momentum": ["digits", "--epochs", 2, *SMOOTH["mlp"], *RECIPES["momentum"]],
    "mlp by adamw": ["digits", "--epochs", 2, *SMOOTH["mlp"], *RECIPES["adamw"]],
}
LONG = {"ten epochs": ["fashion-mnist", "--epochs", 10]} | {
    f"{model} by {name}": ["fashion-mnist", "--epochs", 1, *network, *recipe]
    for model, network in SMOOTH.items()
    for name, recipe in RECIPES.items()
}
#: ReLU's kink amplifies rounding, faster with larger steps: docs/parity.md.
RECTIFIED = {
    "sgd": [],
    "momentum": ["--lr", 0.02, "--momentum", 0.9],
    "adamw": ["--optimizer", "adamw", "--weight-decay", 0.01, "--lr", 0.0003],
}

#: Runs each of the commands that it reads, one after the other.
SEVERAL = """
import contextlib, json, sys
from hardmax.cli.main import main
for arguments in json.load(sys.stdin):
    sys.argv = ["hardmax", *arguments]
    with contextlib.suppress(SystemExit):
        main()
"""


@pytest.fixture(scope="module", autouse=True)
def _another_framework(framework):
    if framework == "torch":
        pytest.skip("PyTorch is the reference")
    need("torch")


def by_pytorch(folder, several):
    """Run several commands in one process, by PyTorch; return what each printed as JSON."""
    several = [[*map(str, one), "--framework", "torch", "--json"] for one in several]
    done = commands.run_process(folder, program=("-c", SEVERAL), input=json.dumps(several))
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def training(name, arguments):
    return ["train", *arguments, "--out", name]


@pytest.fixture(scope="module")
def run(hardmax_in, framework):
    """A function that runs a command in a folder by the framework under test."""

    def run(folder, *arguments):
        done = hardmax_in(folder, *arguments, "--framework", framework, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A folder, and the results of the short trainings in it by PyTorch, by name."""
    folder = tmp_path_factory.mktemp("short")
    several = [training(f"torch {name}", arguments) for name, arguments in SHORT.items()]
    return folder, dict(zip(SHORT, by_pytorch(folder, several), strict=True))


def check_losses(one, other):
    for a, b in zip(one["epochs"], other["epochs"], strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], abs=1e-4)
        assert a["val_loss"] == pytest.approx(b["val_loss"], abs=1e-4)
    # A tie may be broken differently.
    assert abs(one["test"]["correct"] - other["test"]["correct"]) <= 1


@pytest.mark.parametrize("name", SHORT)
def test_losses_match_pytorch(run, short, name):
    folder, expected = short
    check_losses(run(folder, *training(name, SHORT[name])), expected[name])


@pytest.fixture
def both(run, data_root, tmp_path):
    """A function that trains in PyTorch and in the framework under test."""
    return lambda arguments: (
        *by_pytorch(tmp_path, [training("torch", arguments)]),
        run(tmp_path, *training("other", arguments)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("arguments", LONG.values(), ids=LONG)
def test_losses_on_fashion_mnist_match_pytorch(both, arguments):
    check_losses(*both(arguments))


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECTIFIED.values(), ids=RECTIFIED)
def test_losses_with_relu_match_pytorch(both, recipe):
    one, other = both(["fashion-mnist", "--epochs", 1, "--model", "mlp", *recipe])
    losses = [run["epochs"][0]["train_loss"] for run in (one, other)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    assert abs(one["test"]["correct"] - other["test"]["correct"]) <= 10  # of 10000


@pytest.mark.slow
@pytest.mark.parametrize("model", ["lenet-modern", "resnet18"])
def test_a_run_can_be_evaluated_by_another_framework(run, make_idx_folder, tmp_path, model):
    make_idx_folder(tmp_path / "data", side=16)
    options = ["data", "--model", model, "--epochs", 2, "--batch-size", 60, "--optimizer", "adam"]
    expected = run(tmp_path, *training("run", options))["test"]
    several = [training("torch", options), ["evaluate", "run"]]
    trained, evaluated = by_pytorch(tmp_path, several)
    check_metrics(evaluated, expected)
    check_metrics(run(tmp_path, "evaluate", "torch"), trained["test"])


def check_metrics(found, expected):
    assert (found["correct"], found["count"]) == (expected["correct"], expected["count"])
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
