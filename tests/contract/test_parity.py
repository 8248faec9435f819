"""Equal seeds give equal curves: every framework against PyTorch, each in its own process."""

import json

import pytest

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
CASES = {
    "ten epochs": ["fashion-mnist", "--epochs", 10],
    "digits": ["digits", "--model", "mlp", "--batch-size", 32, "--lr", 0.3, "--seed", 5],
} | {
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


@pytest.fixture
def train(hardmax, framework):
    """A function that trains in PyTorch or in the framework under test, and returns the result."""
    if framework == "torch":
        pytest.skip("PyTorch is the reference")

    def run(name, *arguments):
        done = hardmax("train", *arguments, "--framework", name, "--out", name, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def both(train, framework, data_root):
    """A function that trains in PyTorch and in the framework under test."""
    return lambda *arguments: [train(name, *arguments) for name in ("torch", framework)]


@pytest.mark.parametrize("arguments", CASES.values(), ids=CASES)
def test_losses_match_pytorch(both, arguments):
    runs = both(*arguments)
    for one, other in zip(*(run["epochs"] for run in runs), strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], abs=1e-4)
        assert one["val_loss"] == pytest.approx(other["val_loss"], abs=1e-4)
    one, other = (run["test"] for run in runs)
    assert abs(one["correct"] - other["correct"]) <= 1  # a tie may be broken differently


@pytest.mark.parametrize("recipe", RECTIFIED.values(), ids=RECTIFIED)
def test_losses_with_relu_match_pytorch(both, recipe):
    one, other = both("fashion-mnist", "--epochs", 1, "--model", "mlp", *recipe)
    losses = [run["epochs"][0]["train_loss"] for run in (one, other)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    assert abs(one["test"]["correct"] - other["test"]["correct"]) <= 10  # of 10000


@pytest.mark.parametrize("model", ["mlp", "resnet18"])
def test_a_run_can_be_evaluated_by_another_framework(
    train, hardmax, framework, make_idx_folder, tmp_path, model
):
    make_idx_folder(tmp_path / "data", side=8)
    options = ["--model", model, "--epochs", 2, "--batch-size", 60, "--optimizer", "adam"]
    for origin, other in (("torch", framework), (framework, "torch")):
        expected = train(origin, "data", *options)["test"]
        done = hardmax("evaluate", origin, "--framework", other, "--json")
        metrics = json.loads(done.stdout)
        assert metrics["correct"] == expected["correct"]
        assert metrics["count"] == expected["count"]
        assert metrics["loss"] == pytest.approx(expected["loss"], rel=1e-5)
