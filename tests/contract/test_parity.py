"""The same seed, the same curve: every framework against PyTorch, each in its own process."""

import json

import pytest


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ("fashion-mnist", ["--epochs", 10]),
        ("digits", ["--model", "mlp", "--batch-size", 32, "--lr", 0.3, "--seed", 5]),
    ],
)
def test_losses_are_those_of_pytorch(hardmax, framework, data_root, data, options):
    if framework == "torch":
        pytest.skip("PyTorch is what the others are compared with")
    runs = []
    for name in ("torch", framework):
        done = hardmax("train", data, *options, "--framework", name, "--out", name, "--json")
        assert done.returncode == 0, done.stderr
        runs.append(json.loads(done.stdout))
    for one, other in zip(*(run["epochs"] for run in runs), strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], abs=1e-4)
        assert one["val_loss"] == pytest.approx(other["val_loss"], abs=1e-4)
    one, other = (run["test"] for run in runs)
    assert abs(one["correct"] - other["correct"]) <= 1  # a tie may fall to the other side
