"""Training steps in bfloat16, against float32 and a NumPy network that rounds as they do."""

import json
from functools import partial

import numpy as np
import pytest
from support import refused

from hardmax.data.datasets import Images
from hardmax.errors import ArgumentError
from hardmax.networks import catalog
from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import Activation, Conv, Flatten, Linear, Pool
from hardmax.networks.shapes import STATISTICS
from hardmax.runs.session import Session
from hardmax.training.precision import BFLOAT16, FLOAT32
from hardmax.training.recipes import Recipe

SHAPE, CLASSES = (6, 6, 2), 3
#: Without kinks, so that gradients are smooth functions of what is rounded.
SMOOTH = (
    Conv(4, 3, padding=1),
    Activation("tanh"),
    Pool("average", 2, 2),
    Flatten(),
    Linear(CLASSES),
)
#: The rate of a step by which weights change by a power of two times their gradients, exactly.
RATE = 2.0**20


@pytest.fixture
def has_bfloat16(framework):
    """Skip with MXNet, which trains in float32 only."""
    if framework == "mxnet":
        pytest.skip("MXNet trains in float32 only")


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return Images(rng.integers(0, 256, (40, *SHAPE), dtype=np.uint8), rng.integers(0, CLASSES, 40))


def initial(network, shape):
    """Return weights that are large enough for losses that differ from those of equal scores."""
    weights = initial_weights(network, shape, 0, "xavier")
    return {name: 2 * value for name, value in weights.items()}


@pytest.fixture
def step(fw, has_bfloat16):
    """A function that returns the loss and the gradients of a step on all images."""

    def step(images, precision, network=SMOOTH):
        shape = images.inputs.shape[1:]
        weights = initial(network, shape)
        session = Session(fw, network, shape, weights, Recipe(RATE), precision=precision, seed=0)
        session.fit(images, None, len(images))
        after = session.weights()
        assert all(value.dtype == np.float32 for value in after.values())
        trained = [name for name in weights if name.rpartition(".")[2] not in STATISTICS]
        gradients = {name: (weights[name] - after[name]) / RATE for name in trained}
        return session.trainer.history[0]["train_loss"], gradients

    return step


def rounded(array):
    """Return float32 values rounded to the nearest bfloat16: the upper half of their bits."""
    bits = np.asarray(array, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32)


def numpy_loss(images, weights, round_to):
    """Return the mean loss, where inputs and weights of convolutions and products are rounded."""
    X = np.moveaxis(images.inputs.astype(np.float32) / 255, -1, 1)
    X = np.pad(round_to(X), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(X, (3, 3), axis=(2, 3))
    X = np.einsum("ncijhw,ochw->noij", windows, round_to(weights["0.weight"]))
    X = np.tanh(round_to(round_to(X) + weights["0.bias"][:, None, None]))
    X = X.reshape(len(X), 4, 3, 2, 3, 2).mean(axis=(3, 5)).reshape(len(X), -1)
    scores = round_to(round_to(X) @ round_to(weights["4.weight"]).T) + weights["4.bias"]
    scores = scores.astype(float)
    truth = scores[np.arange(len(scores)), images.labels]
    return (np.log(np.exp(scores).sum(axis=1)) - truth).mean()


def test_a_step_in_bfloat16_rounds_as_numpy_does(step, images):
    weights = initial(SMOOTH, SHAPE)
    exact, narrow = (numpy_loss(images, weights, by) for by in (np.asarray, rounded))
    assert step(images, FLOAT32)[0] == pytest.approx(exact, rel=1e-6)
    # Sums round differently, and then some of the values to the other side.
    found = step(images, BFLOAT16)[0]
    assert found == pytest.approx(narrow, rel=4e-4)
    assert found != pytest.approx(exact, rel=6e-4)


def test_the_gradients_of_a_smooth_network_differ_by_rounding(step, images):
    """Each passes about six roundings to 8 bits, each by up to 2**-9 and on average by less."""
    (_, exact), (_, narrow) = (step(images, precision) for precision in (FLOAT32, BFLOAT16))
    for name, gradient in exact.items():
        error = np.linalg.norm(narrow[name] - gradient) / np.linalg.norm(gradient)
        assert 0 < error < 2.0**-5, name


@pytest.mark.usefixtures("has_bfloat16")
def test_the_statistics_of_batch_norm_are_those_of_float32(fw):
    rng = np.random.default_rng(1)
    images = Images(rng.integers(0, 256, (24, 8, 8, 1), dtype=np.uint8), np.arange(24) % 2)
    network = catalog.make("small-resnet", (8, 8, 1), 2, widths=(8, 8))
    weights = initial_weights(network, (8, 8, 1), 0)
    found = []
    for precision in (FLOAT32, BFLOAT16):
        recipe = Recipe(1e-30)
        session = Session(fw, network, (8, 8, 1), weights, recipe, precision=precision, seed=0)
        session.fit(images, None, 24)
        found.append(session.weights())
    for name in weights:
        if name.rpartition(".")[2] in STATISTICS:
            assert found[1][name].dtype == np.float32
            assert found[1][name] == pytest.approx(found[0][name], rel=0.02, abs=2e-3), name


@pytest.mark.usefixtures("has_bfloat16")
def test_a_network_is_evaluated_in_float32(fw, images):
    weights = initial(SMOOTH, SHAPE)
    sessions = [
        Session(fw, SMOOTH, SHAPE, weights, Recipe(1e-30), precision=precision, seed=0)
        for precision in (FLOAT32, BFLOAT16)
    ]
    scores = [session.scores(images, 40) for session in sessions]
    for session in sessions:
        session.fit(images, images, 40)
        scores.append(session.scores(images, 40))
    losses = [session.trainer.history[0]["val_loss"] for session in sessions]
    assert losses[0] == losses[1]
    assert all(np.array_equal(one, scores[0]) for one in scores)


def test_unknown_precisions_are_refused(fw):
    make = partial(fw.models.NetworkClassifier, SMOOTH, SHAPE, Recipe())
    with pytest.raises(ArgumentError, match="unknown precision 'float16'"):
        make(precision="float16")


RESNET = ["--model", "small-resnet", "--widths", "8,16", "--epochs", 2, "--seed", 3]


@pytest.mark.usefixtures("has_bfloat16")
def test_the_same_command_gives_the_same_bits(hardmax, framework, tmp_path):
    options = [*RESNET, "--precision", "bfloat16", "--framework", framework]
    for name in ("one", "two"):
        done = hardmax("train", "digits", *options, "--out", name)
        assert (done.returncode, done.stderr) == (0, "")
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two
    settings = json.loads((tmp_path / "one/run.json").read_text())["settings"]
    assert settings["precision"] == "bfloat16"
    assert "<th>precision</th><td>bfloat16</td>" in (tmp_path / "one/report.html").read_text()


def test_the_choice_of_auto_is_recorded_and_told(fw, hardmax, framework, tmp_path):
    device = fw.runtime.find_device("auto")
    is_narrow = fw.runtime.has_fast_bfloat16(device)
    done = hardmax("train", "digits", *RESNET, "--framework", framework, "--out", "run")
    assert done.returncode == 0
    settings = json.loads((tmp_path / "run/run.json").read_text())["settings"]
    assert settings["precision"] == ("bfloat16" if is_narrow else "float32")
    line = "hardmax: small-resnet, precision bfloat16\n"
    assert done.stderr == line * is_narrow


def test_a_framework_without_bfloat16_is_one_line(hardmax, framework, tmp_path):
    options = ["--precision", "bfloat16", "--framework", framework, "--out", "run"]
    words = ["mxnet trains in float32 only"] if framework == "mxnet" else ["mlp has no convol"]
    refused(hardmax("train", "digits", "--model", "mlp", *options), *words)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.slow
@pytest.mark.usefixtures("data_root", "has_bfloat16")
def test_the_accuracy_is_within_noise_of_float32(fw):
    """On a part of Fashion-MNIST: the means of three seeds differ by less than 0.03.

    PyTorch: 0.708, 0.664 and 0.706 in float32; 0.701, 0.676 and 0.719 in bfloat16.
    """
    from hardmax.data import load
    from hardmax.data.options import Reading

    dataset = load.load("fashion-mnist", Reading())
    train, test = dataset.train.take(slice(0, 4000)), dataset.test.take(slice(0, 2000))
    network = catalog.make("small-resnet", dataset.shape, 10, widths=(8, 16))
    recipe = Recipe(0.1, momentum=0.9, weight_decay=5e-4, schedule="one-cycle")
    means = []
    for precision in (FLOAT32, BFLOAT16):
        found = []
        for seed in range(3):
            weights = initial_weights(network, dataset.shape, seed)
            session = Session(
                fw,
                network,
                dataset.shape,
                weights,
                recipe,
                max_epochs=3,
                precision=precision,
                seed=seed,
            )
            session.fit(train, None, 64)
            found.append((session.scores(test, 500).argmax(axis=1) == test.labels).mean())
        means.append(np.mean(found))
    assert min(means) > 0.6
    assert abs(means[0] - means[1]) < 0.03
