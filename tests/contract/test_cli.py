"""The command line: from data to predictions, with invalid input, and interrupted."""

import importlib
import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from datetime import datetime
from pathlib import Path

import commands
import numpy as np
import pytest
from notebooks import executed
from PIL import Image
from sklearn import metrics
from support import SOFTMAX, refused

from hardmax import frameworks
from hardmax.runs.run import Run
from hardmax.training import checkpoint


@pytest.fixture(scope="module")
def trained(framework, tmp_path_factory):
    """A run on the digits, and the JSON printed by its training, in a process of its own."""
    folder = tmp_path_factory.mktemp("trained")
    options = ("--framework", framework, "--batch-size", 32, "--out", "run", "--json")
    done = commands.run_process(folder, "train", "digits", *SOFTMAX, *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no framework's log either
    return folder / "run", json.loads(done.stdout)


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run that a test may damage."""
    return shutil.copytree(trained[0], tmp_path / "run")


def test_train_prints_one_json_object(trained, framework):
    _, summary = trained
    names = ["run", "framework", "model", "seed", "epochs", "weights_epoch"]
    assert list(summary) == [*names, "members", "test", "baselines", "suspects", "warnings"]
    assert (summary["run"], summary["framework"]) == ("run", framework)
    assert (summary["model"], summary["seed"]) == ("softmax-regression", 0)
    assert [epoch["epoch"] for epoch in summary["epochs"]] == list(range(1, 11))
    assert summary["weights_epoch"] == 10
    assert list(summary["epochs"][0]) == [
        "epoch",
        "train_loss",
        "train_accuracy",
        "val_loss",
        "val_accuracy",
        "seconds",
        "compile_seconds",
    ]
    test = summary["test"]
    assert list(test) == [
        *("count", "correct", "accuracy", "interval", "loss", "majority"),
        *("top", "brier", "macro", "weighted"),
        *("kappa", "matthews", "roc_auc", "average_precision", "calibration_error"),
        "prediction_sets",
    ]
    assert test["prediction_sets"] is None
    assert test["count"] == 359
    assert test["accuracy"] == test["correct"] / 359 > 0.9  # seeds 0 to 4 give 0.93 to 0.94
    assert test["interval"][0] < test["accuracy"] < test["interval"][1]
    assert summary["epochs"][-1]["val_accuracy"] == test["accuracy"]


def test_a_run_folder_has_the_documented_files(trained):
    path, summary = trained
    assert sorted(file.name for file in path.iterdir()) == [
        "metrics.jsonl",
        "model.safetensors",
        "report.html",
        "run.json",
        "suspects.csv",
    ]
    lines = (path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == summary["epochs"]
    record = json.loads((path / "run.json").read_text())
    assert record["settings"]["batch_size"] == 32
    started = datetime.fromisoformat(record["started"])
    assert started.utcoffset() is not None
    assert started.timestamp() <= (path / "metrics.jsonl").stat().st_mtime
    assert record["results"]["test"] == summary["test"]
    weights, header = checkpoint.load(path / "model.safetensors")
    assert {name: array.shape for name, array in weights.items()} == {
        "1.weight": (10, 64),
        "1.bias": (10,),
    }
    assert header["classes"] == [str(digit) for digit in range(10)]
    assert summary["test"]["correct"] == count_correct(weights)
    report = (path / "report.html").read_text()
    assert f"{summary['test']['correct']} of 359" in report
    assert "the curves are computed on the test set" in " ".join(report.split())


def count_correct(weights):
    """Count the correct predictions on the digits' test set with the portable weights, in NumPy."""
    from hardmax.data.images.digits import load_digits

    test = load_digits().test
    scores = (test.images.reshape(-1, 64) / 255) @ weights["1.weight"].T + weights["1.bias"]
    return int((scores.argmax(axis=1) == test.labels).sum())


def test_evaluate_gives_the_same_counts(hardmax, trained):
    path, summary = trained
    result = json.loads(hardmax("evaluate", path, "--json").stdout)
    assert result.items() >= summary["test"].items()
    text = hardmax("evaluate", path, "digits").stdout
    assert text.startswith(f"test accuracy {summary['test']['accuracy']:.4f} (")
    assert "\nlabels: " in text
    assert text.count("\n") == 5


def test_evaluate_agrees_with_scikit_learn(hardmax, trained, tmp_path):
    from hardmax.data.images.digits import load_digits

    test = load_digits().test
    weights, _ = checkpoint.load(trained[0] / "model.safetensors")
    scores = (test.images.reshape(-1, 64) / 255) @ weights["1.weight"].T + weights["1.bias"]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    done = hardmax("evaluate", trained[0], "--report", "report.html", "--json")
    assert done.stderr == ""
    result = json.loads(done.stdout)
    matrix = metrics.confusion_matrix(test.labels, scores.argmax(axis=1))
    assert result["confusion"] == matrix.tolist()
    assert result["loss"] == pytest.approx(metrics.log_loss(test.labels, p), rel=1e-4)
    area = metrics.roc_auc_score(test.labels, p, multi_class="ovr")
    assert result["roc_auc"] == pytest.approx(area, rel=1e-4)
    brier = ((p - np.eye(10)[test.labels]) ** 2).sum(axis=1).mean()
    assert result["brier"]["score"] == pytest.approx(brier, rel=1e-4)
    assert len(result["classes"]["f1"]) == 10
    page = (tmp_path / "report.html").read_text()
    assert f"{result['correct']} of 359" in page
    assert page.count('<svg role="img"') == 4


def test_predict_classifies_images(hardmax, trained, tmp_path):
    from hardmax.data.images.digits import load_digits

    test = load_digits().test
    weights, _ = checkpoint.load(trained[0] / "model.safetensors")
    names = []
    for i in range(20):
        Image.fromarray(test.images[i, :, :, 0]).save(tmp_path / f"{i}.png")
        names.append(f"{i}.png")
    done = hardmax("predict", trained[0], *names, "--json")
    assert done.stderr == ""
    summary = json.loads(done.stdout)
    scores = (test.images[:20].reshape(20, 64) / 255) @ weights["1.weight"].T + weights["1.bias"]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert [list(entry) for entry in summary] == [
        ["file", "label", "probability", "decision", "probabilities", "scores"]
    ] * 20
    assert [entry["decision"] for entry in summary] == [entry["label"] for entry in summary]
    assert [entry["file"] for entry in summary] == names
    assert [entry["label"] for entry in summary] == [str(k) for k in scores.argmax(axis=1)]
    np.testing.assert_allclose([entry["scores"] for entry in summary], scores, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        [e["probability"] for e in summary], probabilities.max(axis=1), rtol=1e-4
    )


@pytest.mark.shared
def test_predict_reports_conversions_on_one_line(hardmax, trained, tmp_path):
    for name in ("a.png", "b.png"):
        Image.new("RGB", (30, 20), "white").save(tmp_path / name)
    done = hardmax("predict", trained[0], "a.png", "b.png")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 2
    assert done.stderr == (
        "hardmax: 2 of 2 images were converted (a.png: 20 x 30 RGB to 8 x 8 L, cropped, ...)\n"
    )


@pytest.mark.shared
@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_an_image_may_have_any_file_name(hardmax_process, trained, tmp_path, encoding):
    names = [os.fsdecode(b"p\xff.png"), "new\nline.png", "\x1b[31m.png", "größer.png"]
    for name in names:
        Image.new("RGB", (30, 20)).save(tmp_path / name)
    env = {"PYTHONIOENCODING": encoding}
    done = hardmax_process("predict", trained[0], *names, env=env)
    assert done.returncode == 0, done.stderr
    shown = [r"p\udcff.png", r"new\nline.png", r"\x1b[31m.png"]
    shown.append("größer.png" if "utf" in encoding else r"gr\xf6\xdfer.png")
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == shown
    assert r"(p\udcff.png: 20 x 30 RGB to 8 x 8 L, cropped, ...)" in done.stderr
    done = hardmax_process("predict", trained[0], "\x1b\udcff", env=env)
    refused(done, r"cannot read \x1b\udcff: No such file or directory")


def test_the_same_seed_gives_the_same_bits(hardmax, trained, framework, tmp_path):
    arguments = ("train", "digits", *SOFTMAX, "--framework", framework, "--batch-size", 32)
    assert hardmax(*arguments, "--out", "again").returncode == 0
    assert hardmax(*arguments, "--out", "other", "--seed", 1).returncode == 0
    first, again, other = (
        (path / "model.safetensors").read_bytes()
        for path in (trained[0], tmp_path / "again", tmp_path / "other")
    )
    assert first == again != other


@pytest.mark.shared
def test_a_pipe_gets_a_line_per_epoch_and_no_escape_codes(hardmax, framework, tmp_path):
    done = hardmax("train", "digits", *SOFTMAX, "--framework", framework, "--epochs", 3)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 16
    titles = re.split("  +", lines[0])
    assert titles[:6] == ["epoch", "train loss", "accuracy", "test loss", "accuracy", "seconds"]
    for number, line in enumerate(lines[1:4], start=1):
        assert re.match(rf"{number}/3 +\d\.\d{{4}} +0\.\d{{4}} +\d\.\d{{4}} +0\.\d{{4}} +\d", line)
    assert re.match(r"test accuracy 0\.\d{4} \(\d+ of 359, 95 % interval 0\.\d", lines[4])
    assert lines[5].startswith("     macro F1 0.")
    assert lines[10].startswith("most frequent class ")
    assert re.match(r"labels: \d+ of 359 test examples may be mislabeled; see the rep", lines[13])
    assert lines[14] == f"run runs/digits-softmax-regression-{framework}"
    assert lines[15].endswith("report.html")
    assert "\x1b" not in done.stdout
    again = hardmax("train", "digits", *SOFTMAX, "--framework", framework, "--epochs", 3)
    assert f"run runs/digits-softmax-regression-{framework}-2" in again.stdout


def test_a_validation_set_is_split_off_and_may_stop_training(hardmax, framework, tmp_path):
    done = hardmax(
        *("train", "digits", "--framework", framework, "--out", "run", "--epochs", 300),
        *SOFTMAX,
        *("--lr", 8, "--validation", 0.2, "--patience", 2),
    )
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["data"]["train"] + record["data"]["validation"] == 1438
    assert 280 <= record["data"]["validation"] <= 295
    assert record["results"]["stopped_early"]
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["val_loss"] for line in lines]
    assert len(losses) == np.argmin(losses) + 3 < 300
    best = np.argmin(losses) + 1
    assert record["results"]["weights_epoch"] == best
    assert f"\nweights of epoch {best}, which had the lowest validation loss\n" in done.stdout
    assert " validation loss " in done.stdout
    report = " ".join((tmp_path / "run" / "report.html").read_text().split())
    assert "images split off the training set" in report
    assert "computed on the test set" not in report


def test_idx_folders_are_trained_and_evaluated_on(hardmax, framework, tmp_path, make_idx_folder):
    make_idx_folder(tmp_path / "rows", suffix="")
    arguments = ("--framework", framework, "--model", "mlp", "--epochs", 60, "--lr", 1)
    done = hardmax("train", "rows", *arguments, "--batch-size", 16, "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["test"]["correct"] == summary["test"]["count"] == 40
    assert summary["test"]["interval"][1] == 1
    result = json.loads(hardmax("evaluate", "run", "--json").stdout)
    assert result.items() >= summary["test"].items()
    make_idx_folder(tmp_path / "rows", suffix="", test=39)
    done = hardmax("evaluate", "run")
    refused(done, "has changed since", f"hardmax evaluate run {tmp_path / 'rows'}")
    assert json.loads(hardmax("evaluate", "run", "rows", "--json").stdout)["count"] == 39
    make_idx_folder(tmp_path / "small", side=5)
    refused(hardmax("evaluate", "run", "small"), "small", "(5, 5, 1)", "(6, 6, 1)")


@pytest.mark.shared
def test_a_data_folder_may_have_a_long_name(hardmax, framework, tmp_path, make_idx_folder):
    make_idx_folder(tmp_path / ("n" * 240))
    done = hardmax("train", "n" * 240, *SOFTMAX, "--framework", framework, "--epochs", 1)
    assert done.returncode == 0, done.stderr
    assert f"run runs/{'n' * 80}-softmax-regression-{framework}\n" in done.stdout


BAD_ARGUMENTS = {
    "unknown data": (["fasion-mnist"], "did you mean fashion-mnist?"),
    "missing path": (["./nowhere"], "no such folder or file: './nowhere'"),
    "no data": ([], "DATA"),
    "unknown model": (
        ["digits", "--model", "resnet"],
        "choose one of auto, softmax-regression, mlp",
    ),
    "unknown framework": (["digits", "--framework", "theano"], "choose one of"),
    "widths": (["digits", "--model", "small-resnet", "--widths", "8,x"], "--widths must be"),
    "unknown augmentation": (
        ["digits", "--augment", "flip,spin"],
        "augment must be auto, none or some of flip, shift, crop, color, cutout, mixup, separated",
    ),
    "epochs 0": (["digits", "--epochs", "0"], "epochs must be an integer of at least 1"),
    "epochs text": (["digits", "--epochs", "many"], "--epochs"),
    "batch size": (["digits", "--batch-size", "-3"], "batch size"),
    "lr 0": (["digits", "--lr", "0"], "lr must be a number from"),
    "lr nan": (["digits", "--lr", "nan"], "lr must be a number from"),
    "lr inf": (["digits", "--lr", "inf"], "lr must be a number from"),
    "lr beyond float32": (["digits", "--lr", "1e39"], "lr must be a number from"),
    "lr below float32": (["digits", "--lr", "1e-50"], "lr must be a number from"),
    "seed": (["digits", "--seed", "-1"], "seed"),
    "seed too large": (
        ["digits", "--seed", str(2**64)],
        f"seed must be an integer from 0 to {2**63 - 1}",
    ),
    "device": (["digits", "--device", "cuda:99"], "'cuda:99' is not available"),
    "validation": (["digits", "--validation", "1.5"], "above 0 and below 1"),
    "patience": (["digits", "--patience", "3"], "--validation FRACTION"),
    "unknown option": (["digits", "--speed", "fast"], "--speed"),
    "unwritable out": (["digits", "--out", "file/run"], "cannot write file/run into"),
    "taken out": (["digits", "--out", "full"], "already exists and is not empty"),
    "taken before reading": (["nowhere", "--out", "full"], "already exists and is not empty"),
    "out is a file": (["digits", "--out", "file"], "already exists"),
}


@pytest.mark.shared
@pytest.mark.parametrize("case", BAD_ARGUMENTS)
def test_bad_arguments_of_train(hardmax, framework, tmp_path, case):
    (tmp_path / "file").write_text("a file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("a file")
    before = sorted(path for path in tmp_path.rglob("*"))
    arguments, message = BAD_ARGUMENTS[case]
    if "--framework" not in arguments:
        arguments = [*arguments, "--framework", framework]
    refused(hardmax("train", *arguments), message)
    assert sorted(path for path in tmp_path.rglob("*")) == before


@pytest.mark.shared
def test_a_batch_may_be_larger_than_the_data(hardmax, framework, tmp_path):
    arguments = ("--framework", framework, "--epochs", 1, "--out", "run", "--json")
    done = hardmax("train", "digits", *SOFTMAX, *arguments, "--batch-size", 10**20)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    result = json.loads(hardmax("evaluate", "run", "--json").stdout)
    assert result.items() >= summary["test"].items()
    assert (
        json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["batch_size"] == 10**20
    )


@pytest.mark.shared
def test_unknown_commands_are_refused(hardmax):
    refused(hardmax("trian"), "trian")


@pytest.mark.parametrize(("model", "lr"), [("softmax-regression", "1e30"), ("mlp", "1e30")])
def test_a_loss_far_above_that_of_the_start_is_a_divergence(
    hardmax, framework, tmp_path, model, lr
):
    options = ("--framework", framework, "--model", model, "--epochs", "3", "--out", "run")
    done = hardmax("train", "digits", *options, "--lr", lr)
    refused(
        done, "the training loss became", "in epoch 1", "; try a smaller --lr than 1e+30, such as"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.shared
def test_a_training_that_ends_worse_than_guessing_says_so(hardmax, framework):
    options = ("--framework", framework, "--epochs", "2", "--out", "run")
    done = hardmax("train", "digits", "--model", "mlp", *options, "--lr", "30")
    assert done.returncode == 0
    notice = "worse than guessing: equal probabilities for 10 classes give 2.3; try a smaller --lr"
    assert notice in done.stderr
    done = hardmax("train", "digits", *SOFTMAX, *options[:-1], "good")
    assert (done.returncode, done.stderr) == (0, "")


def test_divergence_names_the_epoch_and_leaves_nothing_behind(hardmax, framework, tmp_path):
    done = hardmax("train", "digits", *SOFTMAX, "--framework", framework, "--lr", "1e38")
    assert done.returncode == 2
    assert "in epoch 1; try a smaller --lr than 1e+38, such as 0.1\n" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.shared
def test_the_best_weights_are_saved_even_after_all_epochs(hardmax, framework, tmp_path):
    """With this learning rate the validation loss goes up and down."""
    arguments = ("--framework", framework, "--out", "run", "--validation", 0.2, "--lr", 8)
    arguments += ("--batch-size", 256)
    done = hardmax("train", "digits", *SOFTMAX, *arguments, "--epochs", 5, "--patience", 5)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["val_loss"] for line in lines]
    best = int(np.argmin(losses)) + 1
    assert best < len(losses) == 5
    results = json.loads((tmp_path / "run" / "run.json").read_text())["results"]
    assert (results["weights_epoch"], results["stopped_early"]) == (best, False)
    assert f"weights of epoch {best}, which had the lowest validation loss\n" in done.stdout
    report = " ".join((tmp_path / "run" / "report.html").read_text().split())
    assert f"The weights are those of epoch {best}," in report


@pytest.fixture
def python_without(tmp_path_factory):
    """A function that runs hardmax with one package hidden."""

    def run(package, *arguments, cwd, code=commands.PROGRAM[-1]):
        packages = tmp_path_factory.mktemp("packages")
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if path.name != package:
                (packages / path.name).symlink_to(path)
        source = Path(frameworks.__file__).parents[1]
        env = {"PYTHONPATH": f"{source}{os.pathsep}{packages}"}
        return commands.run_process(cwd, *arguments, env=env, program=("-S", "-c", code))

    return run


def test_the_message_for_a_missing_framework_has_the_pip_command(
    python_without, framework, tmp_path
):
    for package in frameworks.FRAMEWORKS[framework]:
        done = python_without(package, "train", "digits", "--framework", framework, cwd=tmp_path)
        refused(done, f"pip install 'hardmax[{framework}]'", package)
        done = python_without(package, code=f"import hardmax.{framework}", cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(
            f"hardmax.errors.MissingFrameworkError: framework {framework!r} is not installed"
        )
    assert list(tmp_path.iterdir()) == []


def test_the_message_for_a_broken_framework_has_the_reason(hardmax_process, framework, tmp_path):
    (tmp_path / f"{framework}.py").write_text("raise ImportError('a library is missing')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    env = {"PYTHONPATH": path}
    done = hardmax_process("train", "digits", "--framework", framework, env=env)
    refused(done, framework, "a library is missing")


DAMAGED_DATA = {
    "truncated gz": ("train-images-idx3-ubyte.gz", lambda data: data[:-20], "damaged gzip"),
    "wrong magic": ("train-images-idx3-ubyte.gz", lambda data: b"\x01\x02" + data[2:], "IDX"),
    "unreadable": ("t10k-labels-idx1-ubyte.gz", lambda data: b"", "IDX"),
}


@pytest.mark.shared
@pytest.mark.parametrize("case", DAMAGED_DATA)
def test_damaged_data(hardmax, framework, tmp_path, make_idx_folder, case):
    folder = make_idx_folder(tmp_path / "data")
    name, damage, message = DAMAGED_DATA[case]
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    refused(hardmax("train", "data", "--framework", framework), name, message)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.shared
def test_images_and_labels_that_disagree(hardmax, framework, tmp_path, make_idx_folder, write_idx):
    folder = make_idx_folder(tmp_path / "data")
    write_idx(folder / "train-labels-idx1-ubyte.gz", np.zeros(7, np.uint8))
    done = hardmax("train", "data", "--framework", framework)
    refused(done, "120 images and 7 labels")


@pytest.mark.shared
def test_missing_data_without_a_network(hardmax, framework, tmp_path):
    nowhere = {
        "HARDMAX_DATA": None,
        "HARDMAX_CACHE": str(tmp_path / "cache"),
        "HARDMAX_MIRROR": "http://127.0.0.1:9/",
    }
    done = hardmax("train", "fashion-mnist", "--framework", framework, env=nowhere)
    refused(done, "could not download", "127.0.0.1:9", "yourself")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.shared
def test_a_checksum_that_does_not_match(hardmax, framework, tmp_path, make_idx_folder):
    make_idx_folder(tmp_path / "root" / "fashion-mnist")
    done = hardmax(
        *("train", "fashion-mnist", "--framework", framework),
        env={"HARDMAX_DATA": str(tmp_path / "root")},
    )
    refused(done, "SHA-256", "train-images-idx3-ubyte.gz")


@pytest.mark.shared
@pytest.mark.parametrize("name", ["run.json", "model.safetensors", "metrics.jsonl", "report.html"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "tampered"])
def test_damaged_runs(hardmax, run, tmp_path, name, damage):
    data = (run / name).read_bytes()
    if damage == "missing":
        (run / name).unlink()
    elif damage == "truncated":
        (run / name).write_bytes(data[: len(data) // 2])
    else:
        digit = max(i for i, byte in enumerate(data) if chr(byte).isdigit())
        (run / name).write_bytes(data[:digit] + b"x" + data[digit + 1 :])
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    refused(hardmax("evaluate", run), name)
    refused(hardmax("predict", run, "a.png"), name)


@pytest.mark.shared
def test_a_missing_run(hardmax):
    refused(hardmax("evaluate", "nowhere"), "no such run folder: nowhere")


@pytest.mark.shared
def test_files_that_are_not_images(hardmax, trained, tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_text("no image")
    done = hardmax("predict", trained[0], "good.png", "bad.png")
    refused(done, "bad.png is not a readable image")
    done = hardmax("predict", trained[0], "gone.png")
    refused(done, "cannot read gone.png: No such file or directory")


#: Runs the command line, and creates a file after the first epoch. It restores the default Ctrl-C
#: handler, because a shell's background jobs ignore Ctrl-C.
SIGNALING = """
import pathlib, signal, sys
from hardmax.cli.main import main
from hardmax.runs.best_weights import BestWeights
sign, original = pathlib.Path(sys.argv.pop(1)), BestWeights.on_epoch
def on_epoch(*args):
    original(*args)
    sign.touch()
BestWeights.on_epoch = on_epoch
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


def start_long_training(framework, folder, sign, *arguments, **streams):
    command = [sys.executable, "-c", SIGNALING, sign, "train", "digits", *SOFTMAX]
    return subprocess.Popen(
        [*command, "--framework", framework, "--epochs", "1000000", *arguments],
        cwd=folder,
        text=True,
        **streams,
    )


@pytest.mark.parametrize(
    "as_json",
    [pytest.param(False, marks=pytest.mark.slow), pytest.param(True, marks=pytest.mark.shared)],
)
def test_ctrl_c_saves_the_completed_epochs(hardmax, framework, tmp_path, tmp_path_factory, as_json):
    sign = tmp_path_factory.mktemp("signs") / "first epoch is complete"
    options = ["--out", "run", *(["--json"] if as_json else [])]
    pipe = subprocess.PIPE
    process = start_long_training(framework, tmp_path, sign, *options, stdout=pipe, stderr=pipe)
    while not sign.exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert re.fullmatch(
        r"hardmax: interrupted after \d+ of 1000000 epochs; the run was saved in run; "
        r"hardmax train --resume run.unfinished goes on with the training\n",
        err,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run.unfinished"]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["results"]["interrupted"]
    epochs = len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    assert epochs == record["results"]["epochs"] >= 1
    assert "The training was interrupted" in (tmp_path / "run" / "report.html").read_text()
    result = json.loads(hardmax("evaluate", "run", "--json").stdout)
    assert result.items() >= record["results"]["test"].items()
    if as_json:
        assert json.loads(out)["test"] == record["results"]["test"]
    else:
        assert out.startswith("epoch")


#: The calls after the last epoch, in this order.
AFTER_TRAINING = [
    ("hardmax.training.callbacks:EarlyStopping", "on_fit_end"),
    ("hardmax.training.trainer:Trainer", "scores"),
    ("hardmax.reports.report", "render"),
    ("hardmax.runs.writer:RunWriter", "write"),
    ("hardmax.runs.writer:RunWriter", "publish"),
]


@pytest.fixture
def train_interrupted(hardmax, framework, monkeypatch):
    """A function that trains with ``times`` Ctrl-C at the first call of a method or function."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def train(place, name, times):
        module, _, cls = place.partition(":")
        owner = importlib.import_module(module)
        owner = getattr(owner, cls) if cls else owner
        original, left = getattr(owner, name), [signal.SIGINT] * times

        def interrupted(*args, **kwargs):
            while left:
                signal.raise_signal(left.pop())
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, interrupted)
        arguments = ("--epochs", 3, "--validation", 0.2, "--patience", 3, "--out", "run")
        try:
            return hardmax("train", "digits", *SOFTMAX, "--framework", framework, *arguments)
        except KeyboardInterrupt:
            pytest.fail("Ctrl-C is not handled")

    yield train
    signal.signal(signal.SIGINT, before)


@pytest.mark.shared
@pytest.mark.parametrize(("place", "name"), AFTER_TRAINING)
def test_ctrl_c_after_the_last_epoch_still_saves_the_run(train_interrupted, tmp_path, place, name):
    done = train_interrupted(place, name, 1)
    assert done.returncode == 130
    assert done.stderr == "hardmax: interrupted after 3 of 3 epochs; the run was saved in run\n"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    results = Run.open(tmp_path / "run").record["results"]
    assert (results["epochs"], results["interrupted"]) == (3, False)


@pytest.mark.shared
@pytest.mark.parametrize(("place", "name"), AFTER_TRAINING[2:4])
def test_a_second_ctrl_c_discards_the_run(hardmax, train_interrupted, tmp_path, place, name):
    done = train_interrupted(place, name, 2)
    assert done.returncode == 130
    assert done.stderr == (
        "hardmax: interrupted while saving the run; hardmax train --resume run.unfinished goes on "
        "with the training\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["run.unfinished"]
    assert hardmax("train", "--resume", "run").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert Run.open(tmp_path / "run").record["results"]["epochs"] == 3


@pytest.mark.shared
def test_ctrl_c_does_not_stop_the_final_rename(train_interrupted, tmp_path):
    done = train_interrupted("hardmax.runs.writer:RunWriter", "_rename", 5)
    assert (done.returncode, "after 3 of 3 epochs; the run was saved" in done.stderr) == (130, True)
    assert Run.open(tmp_path / "run").record["results"]["epochs"] == 3


@pytest.mark.shared
def test_ctrl_c_before_the_training_saves_nothing(train_interrupted, tmp_path):
    done = train_interrupted("hardmax.data.load", "load", 1)
    assert done.returncode == 130
    assert done.stderr == (
        "hardmax: interrupted before the first epoch was complete; nothing was saved\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.shared
def test_ctrl_c_in_the_first_epoch_saves_its_state(train_interrupted, hardmax, tmp_path):
    done = train_interrupted("hardmax.training.trainer:Trainer", "run_epoch", 1)
    assert done.returncode == 130
    assert done.stderr == (
        "hardmax: interrupted before the first epoch was complete; hardmax train --resume "
        "run.unfinished goes on with the training\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["run.unfinished"]
    done = hardmax("train", "--resume", "run")
    assert "after 0 of 3 epochs and 8 batches" in done.stderr
    assert Run.open(tmp_path / "run").record["results"]["epochs"] == 3


def train_in_a_terminal(framework, folder, epochs, stdout):
    """Train with stderr on a terminal and return what it showed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, *commands.PROGRAM, "train", "digits", *SOFTMAX]
    process = subprocess.Popen(
        [*command, "--framework", framework, "--epochs", str(epochs)],
        cwd=folder,
        stdout=stdout or theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], 300)[0]:
        try:
            shown += os.read(ours, 65536)
        except OSError:
            break
    os.close(ours)
    assert process.wait(300) == 0
    text = shown.decode()
    assert "━" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") > 0  # the cursor is restored
    return text


@pytest.mark.shared
def test_a_terminal_shows_a_progress_bar_and_the_epochs(framework, tmp_path):
    text = train_in_a_terminal(framework, tmp_path, 6, stdout=None)
    assert text.count("train loss") == 1
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)
    assert re.findall(r"(\d)/6 +\d", shown) == ["1", "2", "3", "4", "5", "6"]
    assert text.rstrip().endswith("report.html")


@pytest.mark.shared
def test_the_epochs_go_to_stdout_and_the_bar_to_the_terminal(framework, tmp_path):
    with open(tmp_path / "log", "wb") as log:
        text = train_in_a_terminal(framework, tmp_path, 5, stdout=log)
    assert "train loss" not in text
    lines = (tmp_path / "log").read_text().splitlines()
    baselines = ["accuracy", "hardmax:", "most", "hardmax"]
    starts = ["epoch", *(f"{number}/5" for number in range(1, 6))]
    starts += ["test", "macro", "average", "majority-class", *baselines]
    starts += ["frequent", "labels:", "run", "report"]
    assert [line.split()[0] for line in lines] == starts


@pytest.mark.shared
def test_a_cell_of_a_notebook_shows_the_epochs_alone(framework, tmp_path):
    run = ["--framework", framework, "--epochs", "3", "--out", str(tmp_path / "run")]
    command = shlex.join([sys.executable, *commands.PROGRAM, "train", "digits", *SOFTMAX, *run])
    [cell] = executed({"train": f"!{command}"}).values()
    text = "".join(output.text for output in cell.outputs)
    assert re.findall(r"^(\d)/3 +\d", text, re.MULTILINE) == ["1", "2", "3"]
    assert text.rstrip().endswith("report.html")
    assert "\x1b" not in text


@pytest.mark.shared
def test_a_closed_pipe_ends_a_command_quietly(framework, tmp_path):
    command = [sys.executable, *commands.PROGRAM, "train", "digits", *SOFTMAX]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*command, "--framework", framework], cwd=tmp_path, stdout=pipe, stderr=pipe
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.shared
def test_waiting_threads_do_not_keep_cores_busy(hardmax_process):
    """The policy must be set before a framework starts its threads."""
    code = "import atexit, os; atexit.register(lambda: print(os.environ['OMP_WAIT_POLICY']))\n"
    program = ("-c", code + commands.PROGRAM[-1])
    done = hardmax_process("--version", program=program, env={"OMP_WAIT_POLICY": None})
    assert done.stdout.splitlines()[-1] == "passive"


@pytest.mark.shared
def test_help_imports_no_framework(python):
    out = python(
        "import sys\n"
        "sys.argv = ['hardmax', '--help']\n"
        "from hardmax.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    print('code', end.code)\n"
        "print({'torch', 'jax', 'tensorflow', 'mxnet', 'numpy', 'matplotlib'} & {*sys.modules})"
    )
    assert "train" in out
    assert "code 0" in out
    assert out.rstrip().endswith("set()")


@pytest.mark.shared
@pytest.mark.parametrize(
    "command",
    ["train", "evaluate", "explain", "calibrate", "predict", "compare", "parity", "data", "models"],
)
def test_every_command_has_help(hardmax, command):
    done = hardmax(command, "--help")
    assert done.returncode == 0
    assert "Usage: hardmax" in done.stdout


@pytest.mark.shared
def test_version(hardmax):
    import hardmax as package

    assert hardmax("--version").stdout == f"hardmax {package.__version__}\n"
