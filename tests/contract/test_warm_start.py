"""Trainings that go on from the network of a run, also with new classes."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from hardmax.networks.initializers import initial_weights
from hardmax.runs import pace
from hardmax.runs.run import Run

NAMES = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
CONVOLUTIONS = ("--model", "small-resnet", "--widths", "4,8", "--epochs", 2)
MLP = ("--model", "mlp", "--hidden", 32, "--lr", 0.3, "--epochs", 5)


def write(path, rows, classes):
    """Write the digits of some classes among ``rows``, and all later ones for the test."""
    digits = load_digits()
    X, y = np.uint8(digits.images * 15), NAMES[digits.target]
    chosen = np.isin(y, classes)
    train, test = (np.flatnonzero(chosen[part]) + part.start for part in (rows, slice(1200, 1797)))
    np.savez(path, X=X[train], y=y[train], X_test=X[test], y_test=y[test])


@pytest.fixture
def data(tmp_path):
    """The digits up to six, and other digits of all classes."""
    write(tmp_path / "few.npz", slice(0, 800), NAMES[:7])
    write(tmp_path / "all.npz", slice(800, 1200), NAMES)


def train(hardmax, framework, *arguments):
    """Train in the framework; return what the process wrote on stderr."""
    done = hardmax("train", *arguments, "--framework", framework)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("network", [CONVOLUTIONS, MLP], ids=["small-resnet", "mlp"])
def test_a_training_starts_from_the_weights_of_the_run(hardmax, framework, tmp_path, data, network):
    train(hardmax, framework, "few.npz", *network, "--out", "few")
    said = train(hardmax, framework, "all.npz", "--from", "few", "--lr", 1e-8, "--out", "all")
    assert "but for those of the new classes eight, nine, seven\n" in said
    few, more = Run.open(tmp_path / "few"), Run.open(tmp_path / "all")
    assert more.classes == (*sorted(NAMES),)
    fresh = initial_weights(more.network, more.input_shape, 0, more.settings.initializer)
    last = f"{len(more.network) - 1}."
    for name, value in more.weights.items():
        if name.startswith(last):
            expected = fresh[name].copy()
            for label in few.classes:
                old, new = few.classes.index(label), more.classes.index(label)
                expected[new] = few.weights[name][old]
            np.testing.assert_allclose(value, expected, atol=1e-5)
        elif not name.endswith(("mean", "var")):
            np.testing.assert_allclose(value, few.weights[name], atol=1e-5)


def test_going_on_is_better_than_from_random_weights(hardmax, framework, tmp_path, data):
    """Test accuracy 0.84 to 0.90 with the seeds 0 to 4, 0.14 to 0.43 from random weights."""
    train(hardmax, framework, "few.npz", *MLP, "--out", "few")
    one = ("--epochs", 1, "--lr", 0.3)
    train(hardmax, framework, "few.npz", "--from", "few", *one, "--out", "on")
    train(hardmax, framework, "few.npz", *MLP, *one, "--out", "anew")
    on, anew = (Run.open(tmp_path / name).record["results"]["test"] for name in ("on", "anew"))
    assert on["accuracy"] > anew["accuracy"] + 0.2


def test_what_is_not_given_is_as_in_the_run(hardmax, framework, tmp_path, data):
    recipe = ("--optimizer", "adamw", "--lr", 0.008, "--schedule", "cosine", "--weight-decay", 0.1)
    steps = ("--batch-size", 50, "--label-smoothing", 0.1, "--augment", "shift", "--epochs", 2)
    others = ("--class-weights", "balanced", "--init", "he", "--dropout", 0.1)
    reading = ("--size", 12, "--channels", 3, "--resize", "pad", "--background", "black")
    given = (*MLP[:-4], *recipe, *steps, *others, *reading)
    train(hardmax, framework, "few.npz", *given, "--out", "few")
    train(hardmax, framework, "all.npz", "--from", "few", "--seed", 1, "--out", "all")
    few, more = (Run.open(tmp_path / name).record["settings"] for name in ("few", "all"))
    changed = {
        "data": str(tmp_path / "all.npz"),
        "from_run": str(tmp_path / "few"),
        "lr": 0.002,
        "seed": 1,
    }
    assert more == few | changed
    done = hardmax("evaluate", "all")
    assert done.returncode == 0, done.stderr


def test_images_that_are_split_off_may_have_been_trained_on(hardmax, framework, tmp_path, data):
    train(hardmax, framework, "few.npz", *MLP, "--out", "few")
    options = ("--from", "few", "--epochs", 1)
    said = train(hardmax, framework, "all.npz", *options, "--out", "fixed")
    assert "split off" not in said
    said = train(hardmax, framework, "all.npz", *options, "--validation", 0.2, "--out", "part")
    assert "split off at random for the validation set; if few was trained on some" in said


@pytest.mark.parametrize("network", [CONVOLUTIONS, MLP], ids=["small-resnet", "mlp"])
def test_the_network_that_is_trained_is_timed(
    hardmax, framework, tmp_path, data, network, monkeypatch
):
    """Also if far more images are evaluated than trained on."""
    train(hardmax, framework, "few.npz", *network, "--out", "few")
    with np.load(tmp_path / "all.npz") as arrays:
        few = {"X": arrays["X"][:40], "y": arrays["y"][:40]}
        np.savez(tmp_path / "small.npz", **{**arrays, **few})
    timed = []
    session_of = pace.session_of

    def spy(settings, network, seed, part):
        timed.append((network, len(part)))
        return session_of(settings, network, seed, part)

    monkeypatch.setattr(pace, "session_of", spy)
    train(hardmax, framework, "small.npz", "--from", "few", "--minutes", 0.05, "--out", "on")
    run = Run.open(tmp_path / "on")
    assert timed == [(run.network, 40)]
    assert 1 <= run.settings.epochs <= pace.MOST_EPOCHS


@pytest.mark.shared
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "nowhere"), "no such run folder: nowhere"),
        (("--from", "few", "--model", "lenet"), "few has model mlp, which a training from it can"),
        (
            ("--from", "few", "--hidden", 5),
            "network is that of few, which hidden cannot change",
        ),
        (("--from", "few", "--size", 9), "has size (8, 8), which a training from it cannot change"),
        (("--from", "few", "--folds", 3), "leave out folds or from"),
        (("--from", "few", "--pretrained", "efficientnet-lite0"), "from and pretrained both name"),
        (("--from", "two"), "two is an ensemble, or does not end with a linear layer"),
        (("--from", "rows"), "rows was trained on a table"),
    ],
)
def test_networks_that_do_not_fit_are_refused(hardmax, framework, tmp_path, data, arguments, words):
    (tmp_path / "rows.csv").write_text("x,y\n" + "1,a\n2,b\n" * 20)
    name = arguments[1]
    options = ("--ensemble", 2) if name == "two" else ()
    if name == "rows":
        table = ("rows.csv", "--label", "y", "--model", "softmax-regression", "--no-baselines")
        train(hardmax, framework, *table, "--out", "rows")
    elif name != "nowhere":
        train(hardmax, framework, "few.npz", *MLP[:-1], 1, *options, "--out", name)
    done = hardmax("train", "all.npz", *arguments, "--out", "all")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert words in done.stderr
    assert not (tmp_path / "all").exists()


@pytest.mark.shared
def test_a_table_is_refused(hardmax, tmp_path, data):
    (tmp_path / "rows.csv").write_text("x,y\n1,a\n2,b\n")
    done = hardmax("train", "rows.csv", "--label", "y", "--from", "few", "--out", "all")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert "rows.csv is a table; --from is for networks on images; leave it out" in done.stderr
