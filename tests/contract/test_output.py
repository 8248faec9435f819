"""Everything that commands print fits a terminal of 80 columns and is in words."""

import itertools
import re

import pytest
from rich.cells import cell_len
from support import SOFTMAX, mixed_table, need, noise, save

pytestmark = pytest.mark.shared

LONG = "a name that is much longer than a column of any table can be, and then some more"

#: Lines that are a path, or the rest of one.
PATHS = re.compile(r"(run|report|saved in|predictions|parity report|JSON)  ?\S|  \S*/\S*$")

#: The keys of records and curves.
KEYS = re.compile(
    r"\b(train|val|test|validation)_\w+|\b\w+_(acc|accuracy|loss|seconds|epoch)\b|\broc_auc\b"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory, hardmax_in, framework):
    """A function that runs a command on a table and images, and returns its lines but paths."""
    folder = tmp_path_factory.mktemp("printed")
    frame = mixed_table(600)
    frame[LONG] = frame["number 0"] * 1e7
    frame["\u6e2c\u5b9a\u5024" * 12] = frame["number 1"] * -1e7
    frame["gives it away"] = frame["outcome"].map({"yes": 1.0, "no": 2.0})
    frame["outcome"] = frame["outcome"].map({"yes": LONG, "no": "\u3044\u3044\u3048" * 20})
    frame.loc[::3, "outcome"] = "third " * 20
    frame.to_csv(folder / "visits.csv", index=False)
    for label, i in itertools.product([LONG, "b"], range(20)):
        save(folder / f"images/{label}/{i}.png", noise(4 + i % 8, 4, seed=[i, len(label)]))

    def run(*arguments):
        done = hardmax_in(folder, *arguments)
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if not PATHS.match(line)]

    options = ("--framework", framework, "--epochs", 12)
    table = ("train", "visits.csv", "--label", "outcome", "--validation", 0.2, *options)
    run.trained = run(*table, "--model", "mlp", "--patience", 12, "--out", "first")
    run.ensemble = run(*table[:4], *SOFTMAX, *options, "--folds", 3, "--out", "second")
    run.on_images = run("train", "images", *SOFTMAX, *options, "--out", "images-run")
    return run


def check(lines):
    assert len(lines) > 0
    assert [line for line in lines if cell_len(line) > 80] == []
    assert [line for line in lines if KEYS.search(line)] == []


def test_train(run):
    for lines in (run.trained, run.ensemble, run.on_images):
        check(lines)
    assert run.trained[0].split()[:6] == [
        "epoch",
        "train",
        "loss",
        "accuracy",
        "validation",
        "loss",
    ]
    figures = " ".join(" ".join(run.trained).split())
    for name in ("macro F1", "kappa", "MCC", "ROC AUC", "average precision", "Brier score"):
        assert re.search(rf"{name} -?[01]\.\d{{4}},", figures)
    assert any(line.startswith("3 networks, accuracy on 3 folds 0.") for line in run.ensemble)


def test_calibrate_then_evaluate(run, tmp_path):
    check(run("calibrate", "first"))
    lines = run("evaluate", "first", "--abstain-below", 0.5)
    check(lines)
    assert "calibrated by temperature" in " ".join(lines)
    check(run("evaluate", "second"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "first", "--repeats", "1"),
        ("compare", "first", "second"),
        ("data", "visits.csv"),
        ("data", "visits.csv", "--label", "outcome"),
        ("data", "images"),
        ("data", "digits"),
        ("models",),
        ("models", "googlenet", "--size", "224x224x3"),
        ("models", "efficientnet-lite0", "--size", "224x224x3"),
        ("models", "realmlp", "--size", "13"),
        ("predict", "first", "visits.csv", "--out", "predicted.csv", "--coverage", "0.9"),
        ("runs", "."),
        (),
        ("--help",),
        ("train", "--help"),
    ],
    ids=" ".join,
)
def test_other_commands(run, arguments):
    if arguments[0:1] == ("predict",):
        assert run(*arguments) == []
    else:
        check(run(*arguments))


def test_parity(hardmax, framework):
    need("torch", "jax")
    options = ("--frameworks", "torch,jax", "--models", "mlp", "--epochs", 1, "--dropout", 0.1)
    done = hardmax("parity", "digits", *options)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if not PATHS.match(line)]
    check(lines)
