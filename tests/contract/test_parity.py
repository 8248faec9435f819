"""The same seed, the same curve: every framework against PyTorch, each in its own process."""

import json

import pytest

RECIPES = {
    "sgd": [],
    "momentum": ["--lr", 0.05, "--momentum", 0.9],
    "adamw": ["--optimizer", "adamw", "--weight-decay", 0.01],
}
#: What is trained on Fashion-MNIST for an epoch, by each of the recipes.
MODELS = ("softmax-regression", "mlp", "lenet")

CASES = {
    "ten epochs": ["fashion-mnist", "--epochs", 10],
    "digits": ["digits", "--model", "mlp", "--batch-size", 32, "--lr", 0.3, "--seed", 5],
} | {
    f"{model} by {name}": ["fashion-mnist", "--epochs", 1, "--model", model, *recipe]
    for model in MODELS
    for name, recipe in RECIPES.items()
}


@pytest.fixture
def train(hardmax, framework):
    """A function that trains in PyTorch or in the framework under test, and returns the result."""
    if framework == "torch":
        pytest.skip("PyTorch is what the others are compared with")

    def run(name, *arguments):
        done = hardmax("train", *arguments, "--framework", name, "--out", name, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("arguments", CASES.values(), ids=CASES)
def test_losses_are_those_of_pytorch(train, framework, data_root, arguments):
    runs = [train(name, *arguments) for name in ("torch", framework)]
    for one, other in zip(*(run["epochs"] for run in runs), strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], abs=1e-4)
        assert one["val_loss"] == pytest.approx(other["val_loss"], abs=1e-4)
    one, other = (run["test"] for run in runs)
    assert abs(one["correct"] - other["correct"]) <= 1  # a tie may fall to the other side


@pytest.mark.parametrize("model", ["mlp", "resnet18"])
def test_a_run_is_judged_and_used_by_another_framework(train, hardmax, framework, model):
    options = ["--model", model, "--epochs", 2, "--optimizer", "adam"]
    for origin, other in (("torch", framework), (framework, "torch")):
        own = train(origin, "digits", *options)["test"]
        judged = hardmax("evaluate", origin, "--framework", other, "--json")
        found = json.loads(judged.stdout)
        assert found["correct"] == own["correct"]
        assert found["count"] == own["count"]
        assert found["loss"] == pytest.approx(own["loss"], rel=1e-5)
