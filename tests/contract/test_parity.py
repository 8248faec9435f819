"""Equal seeds give equal curves: every framework against PyTorch, which has its own process."""

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import commands
import numpy as np
import pytest
from support import SOFTMAX, need

from hardmax.data.images.fashion_mnist import load_fashion_mnist

RECIPES = {
    "momentum": ["--lr", 0.05, "--momentum", 0.9],
    "adamw": ["--optimizer", "adamw", "--weight-decay", 0.01],
}
SMOOTH = ["--model", "mlp", "--activation", "tanh"]
FLOAT32 = ["--precision", "float32"]
AUGMENTED = ["--augment", "flip,shift,crop,color,cutout,mixup"]
#: Short trainings; test_networks.py compares a step of convolutional networks with NumPy.
SHORT = {
    "digits": ["digits", "--model", "mlp", "--batch-size", 32, "--lr", 0.3, "--seed", 5],
    "mlp by momentum": ["digits", "--epochs", 2, *SMOOTH, *RECIPES["momentum"]],
    "mlp by adamw": ["digits", "--epochs", 2, *SMOOTH, *RECIPES["adamw"]],
    "mlp augmented": ["digits", "--epochs", 2, *SMOOTH, *AUGMENTED],
}
#: test_recipes.py compares every recipe with its formula.
LONG = {
    "softmax regression for ten epochs": ["fashion-mnist", *SOFTMAX, "--epochs", 10],
    "mlp by adamw": ["fashion-mnist", "--epochs", 1, *SMOOTH, *RECIPES["adamw"]],
}
#: ReLU's kink amplifies rounding, faster with larger steps: docs/parity.md.
RECTIFIED = {
    "sgd": [],
    "momentum": ["--lr", 0.02, "--momentum", 0.9],
    "adamw": ["--optimizer", "adamw", "--weight-decay", 0.01, "--lr", 0.0003],
}


@pytest.fixture(scope="module", autouse=True)
def _another_framework(framework):
    if framework == "torch":
        pytest.skip("PyTorch is the reference")
    need("torch")


def printed(done):
    """Return the JSON that a command printed, after nothing but the warnings that it has, too."""
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert done.stderr.splitlines() == [f"hardmax: {line}" for line in found.get("warnings", [])]
    return found


@pytest.fixture(scope="module")
def by_pytorch():
    """A function that runs a command in a folder by PyTorch: all in one process of their own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:

        def run(folder, *arguments):
            arguments = (*arguments, "--framework", "torch", "--json")
            done = process.submit(commands.run, folder, *arguments, framework="torch").result()
            return printed(done)

        yield run


def training(name, arguments):
    return ["train", *arguments, "--no-baselines", "--out", name]


@pytest.fixture(scope="module")
def run(hardmax_in, framework):
    """A function that runs a command in a folder by the framework under test."""

    def run(folder, *arguments):
        return printed(hardmax_in(folder, *arguments, "--framework", framework, "--json"))

    return run


@pytest.fixture(scope="module")
def both(run, by_pytorch):
    """A function that trains in a folder by PyTorch and by the framework under test."""
    return lambda folder, arguments: (
        by_pytorch(folder, *training("torch", arguments)),
        run(folder, *training("other", arguments)),
    )


def check_losses(one, other):
    for a, b in zip(one["epochs"], other["epochs"], strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], abs=1e-4)
        assert a["val_loss"] == pytest.approx(b["val_loss"], abs=1e-4)
    # A tie may be broken differently.
    assert abs(one["test"]["correct"] - other["test"]["correct"]) <= 1


@pytest.mark.parametrize("arguments", SHORT.values(), ids=SHORT)
def test_losses_match_pytorch(both, tmp_path, arguments):
    check_losses(*both(tmp_path, arguments))


@pytest.mark.slow
@pytest.mark.usefixtures("data_root")
@pytest.mark.parametrize("arguments", LONG.values(), ids=LONG)
def test_losses_on_fashion_mnist_match_pytorch(both, tmp_path, arguments):
    check_losses(*both(tmp_path, arguments))


@pytest.fixture(scope="module")
def clothes(data_root, write_idx, tmp_path_factory):
    """A folder of a part of Fashion-MNIST: in batches of 64, about as many steps as the whole."""
    folder = tmp_path_factory.mktemp("clothes")
    dataset = load_fashion_mnist()
    for part, prefix, count in ((dataset.train, "train", 12_000), (dataset.test, "t10k", 2000)):
        write_idx(folder / f"{prefix}-images-idx3-ubyte", part.images[:count, :, :, 0])
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", part.labels[:count].astype(np.uint8))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", [[], AUGMENTED], ids=["as they are", "augmented"])
def test_losses_of_lenet_match_pytorch(both, clothes, tmp_path, augmentation):
    options = ["--model", "lenet", "--epochs", 1, "--batch-size", 64]
    check_losses(*both(tmp_path, [clothes, *options, *augmentation]))


@pytest.mark.slow
@pytest.mark.usefixtures("data_root")
@pytest.mark.parametrize("recipe", RECTIFIED.values(), ids=RECTIFIED)
def test_losses_with_relu_match_pytorch(both, tmp_path, recipe):
    arguments = ["fashion-mnist", "--epochs", 1, "--model", "mlp", *recipe]
    one, other = both(tmp_path, arguments)
    losses = [run["epochs"][0]["train_loss"] for run in (one, other)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    assert abs(one["test"]["correct"] - other["test"]["correct"]) <= 10  # of 10000


@pytest.mark.slow
def test_an_epoch_of_the_small_resnet_matches_pytorch(both, tmp_path):
    """With its own schedule and augmentation, at a rate at which ReLU does not amplify rounding."""
    arguments = ["digits", "--model", "small-resnet", "--augment", "auto", "--epochs", 1]
    one, other = both(tmp_path, [*arguments, *FLOAT32, "--lr", 0.005, "--batch-size", 128])
    losses = [run["epochs"][0]["train_loss"] for run in (one, other)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("without_optimizing")
@pytest.mark.parametrize("model", ["lenet-modern", "small-resnet"])
def test_a_run_can_be_evaluated_by_another_framework(
    both, run, by_pytorch, make_idx_folder, tmp_path, model
):
    make_idx_folder(tmp_path / "data", side=16)
    options = ["data", "--model", model, "--epochs", 2, "--batch-size", 60, "--optimizer", "adam"]
    options += FLOAT32
    trained, expected = both(tmp_path, options)
    check_metrics(by_pytorch(tmp_path, "evaluate", "other"), expected["test"])
    check_metrics(run(tmp_path, "evaluate", "torch"), trained["test"])


def check_metrics(found, expected):
    assert (found["correct"], found["count"]) == (expected["correct"], expected["count"])
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
