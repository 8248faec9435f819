"""Calibration, decision rules and the comparison of runs, on the command line."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax
from scipy.stats import binomtest
from support import SOFTMAX, refused

from hardmax.data.datasets import split_off
from hardmax.data.images.digits import load_digits
from hardmax.runs.record import write_record
from hardmax.runs.run import Run
from hardmax.training import checkpoint

DIGITS = [str(digit) for digit in range(10)]


def screening():
    """Costs of detecting eights: a false negative costs 50 times as much as a false positive."""
    matrix = 1 - np.eye(10)
    matrix[8] *= 50
    return matrix


def write_costs(path, matrix, *more):
    """Write costs as CSV; ``more`` are names of extra actions, which cost 2 each."""
    lines = [["true", *DIGITS, *more]]
    for digit, row in zip(DIGITS, matrix, strict=True):
        lines.append([digit, *(f"{cost:g}" for cost in row), *["2"] * len(more)])
    path.write_text("".join(",".join(line) + "\n" for line in lines))


@pytest.fixture(scope="module")
def calibrated(framework, hardmax_in, tmp_path_factory):
    """The folder of an overconfident MLP, and the JSON output of training and calibrating it."""
    folder = tmp_path_factory.mktemp("calibrated")
    outputs = []
    options = ("--batch-size", "32", "--epochs", "100", "--lr", "1", "--validation", "0.9")
    train = ("train", "digits", "--model", "mlp", "--framework", framework, "--out", "run")
    for arguments in ((*train, *options), ("calibrate", "run")):
        done = hardmax_in(folder, *arguments, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        outputs.append(json.loads(done.stdout))
    return folder / "run", *outputs


@pytest.fixture
def run(calibrated, tmp_path):
    """A copy of the calibrated run."""
    return shutil.copytree(calibrated[0], tmp_path / "run")


def scores_of(run, images):
    """The scores of an MLP for images, computed from its portable weights in NumPy."""
    weights, _ = checkpoint.load(run / "model.safetensors")
    hidden, last = sorted({name.rpartition(".")[0] for name in weights}, key=int)
    values = images.reshape(len(images), -1) / 255
    values = np.maximum(values @ weights[f"{hidden}.weight"].T + weights[f"{hidden}.bias"], 0)
    return values @ weights[f"{last}.weight"].T + weights[f"{last}.bias"]


def log_loss(scores, labels):
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -logs[np.arange(len(labels)), labels].mean()


def test_a_temperature_calibrates_an_overconfident_network(hardmax, calibrated, run, tmp_path):
    _, trained, fitted = calibrated
    assert list(fitted) == ["temperature", "before", "after"]
    temperature = fitted["temperature"]
    assert temperature > 1
    _, part = split_off(load_digits().train, 0.9, 0)
    scores = scores_of(run, part.images)
    assert fitted["before"]["count"] == len(part)
    assert fitted["before"]["loss"] == pytest.approx(log_loss(scores, part.labels), rel=1e-3)
    losses = [log_loss(scores / t, part.labels) for t in temperature * np.array([0.98, 1, 1.02])]
    assert losses[1] == min(losses)
    assert fitted["after"]["loss"] == pytest.approx(losses[1], rel=1e-3)

    found = json.loads(hardmax("evaluate", run, "--report", "page.html", "--json").stdout)
    before = found["uncalibrated"]
    assert before == {**trained["test"], "prediction_sets": None}
    assert found["temperature"] == temperature
    assert found["loss"] <= before["loss"]
    assert found["calibration_error"] < before["calibration_error"]
    assert (found["correct"], found["macro"]) == (before["correct"], before["macro"])
    test = load_digits().test
    loss = log_loss(scores_of(run, test.images) / temperature, test.labels)
    assert found["loss"] == pytest.approx(loss, rel=1e-3)
    page = (tmp_path / "page.html").read_text()
    assert f"by a temperature of {temperature:.4f}" in " ".join(page.split())


def test_least_expected_cost_costs_less_than_argmax(hardmax, run, tmp_path):
    test = load_digits().test
    write_costs(tmp_path / "costs.csv", screening(), "ask a person")
    rules = ("--costs", "costs.csv", "--abstain-below", 0.9)
    done = hardmax("evaluate", run, *rules, "--report", "page.html", "--json")
    assert done.stderr == ""
    argmax, abstaining, cheapest = json.loads(done.stdout)["rules"]
    assert cheapest["cost"] < argmax["cost"]
    temperature = json.loads((run / "run.json").read_text())["calibration"]["temperature"]
    scores = scores_of(run, test.images) / temperature
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    matrix = np.column_stack([screening(), np.full(10, 2.0)])
    for rule, chosen in ((argmax, p.argmax(axis=1)), (cheapest, (p @ matrix).argmin(axis=1))):
        assert rule["coverage"] == pytest.approx((chosen < 10).mean(), abs=1 / len(test))
        assert rule["cost"] == pytest.approx(matrix[test.labels, chosen].mean(), abs=0.15)
    confident = p.max(axis=1) >= 0.9
    assert abstaining["coverage"] == pytest.approx(confident.mean(), abs=1 / len(test))
    assert abstaining["accuracy"] > argmax["accuracy"]
    assert "least expected cost" in (tmp_path / "page.html").read_text()


def test_predict_applies_costs_and_the_temperature(hardmax, run, tmp_path):
    test = load_digits().test
    temperature = json.loads((run / "run.json").read_text())["calibration"]["temperature"]
    names = [f"{i}.png" for i in range(9)]
    for i, name in enumerate(names):
        Image.fromarray(test.images[i, :, :, 0]).save(tmp_path / name)
    # Every decision but 3 costs 1.
    matrix = np.ones((10, 10))
    matrix[:, 3] = 0
    write_costs(tmp_path / "costs.csv", matrix)
    predicted = json.loads(hardmax("predict", run, *names, "--costs", "costs.csv", "--json").stdout)
    scores = scores_of(run, test.images[:9]) / temperature
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert [one["decision"] for one in predicted] == ["3"] * 9
    assert [one["label"] for one in predicted] == [str(k) for k in p.argmax(axis=1)]
    np.testing.assert_allclose([one["probability"] for one in predicted], p.max(axis=1), rtol=1e-3)


def test_prediction_sets_cover_as_the_validation_set_promises(hardmax, run, tmp_path):
    found = json.loads(hardmax("evaluate", run, "--json").stdout)
    record = json.loads((run / "run.json").read_text())
    temperature, conformity = record["calibration"]["temperature"], record["conformity"]
    _, part = split_off(load_digits().train, 0.9, 0)
    assert conformity["count"] == len(part)
    p = softmax(scores_of(run, part.images) / temperature, axis=1)
    highest = np.array([row[row >= row[y]].sum() for row, y in zip(p, part.labels, strict=True)])
    own = p[np.arange(len(part)), part.labels]
    stored = np.array(conformity["scores"])
    # Of more than 1000 examples, evenly spaced scores are stored: their quantiles are the same.
    for share in (0.25, 0.5, 0.9):
        low, high = np.quantile(highest - own, share), np.quantile(highest, share)
        assert low - 0.02 < np.quantile(stored, share) < high + 0.02
    sets = found["prediction_sets"]
    assert sets["interval"][0] < 0.9 < sets["interval"][1]
    images = load_digits().test.images[:30]
    for i, image in enumerate(images):
        Image.fromarray(image[:, :, 0]).save(tmp_path / f"{i}.png")
    names = [f"{i}.png" for i in range(30)]
    done = hardmax("predict", run, *names, "--coverage", 0.99, "--json")
    for one in json.loads(done.stdout):
        likely = sorted(DIGITS, key=lambda name: -one["probabilities"][name])
        assert one["prediction_set"] == likely[: len(one["prediction_set"])]
    line = hardmax("predict", run, "0.png", "--coverage", 0.999).stdout
    assert re.fullmatch(r'0.png: \d \(.*\), set \["\d"(, "\d")*\]\n', line)


@pytest.mark.shared
def test_abstaining_is_printed(hardmax, run, tmp_path):
    Image.fromarray(load_digits().test.images[0, :, :, 0]).save(tmp_path / "a.png")
    plain = hardmax("predict", run, "a.png").stdout
    abstained = hardmax("predict", run, "a.png", "--abstain-below", 1).stdout
    label = plain.split()[1]
    assert plain.startswith(f"a.png: {label} (0.")
    assert abstained.startswith(f"a.png: abstained ({label} 0.")
    done = hardmax("predict", run, "a.png", "--abstain-below", 1, "--json")
    assert json.loads(done.stdout)[0]["decision"] is None


@pytest.mark.shared
def test_calibrate_and_evaluate_print_what_changed(hardmax, run):
    done = hardmax("calibrate", run)
    first, second, third = done.stdout.splitlines()
    assert first.startswith("temperature ")
    assert second.startswith("validation (")
    assert third == f"saved in {run}; evaluate, predict and export will use it"
    lines = hardmax("evaluate", run, "--abstain-below", 0.5).stdout.splitlines()
    assert lines[4].startswith("     sets of 90 % coverage: cover 0.")
    assert lines[6].startswith(f"     calibrated by {first}: loss ")
    assert [line.split()[0] for line in lines[8:]] == ["rule", "most", "abstain", "labels:"]


@pytest.mark.shared
def test_invalid_costs_are_rejected_on_one_line(hardmax, run, tmp_path):
    write_costs(tmp_path / "costs.csv", screening())
    text = (tmp_path / "costs.csv").read_text()
    (tmp_path / "costs.csv").write_text(text.rpartition("9,")[0])
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    for command in (("evaluate", run), ("predict", run, "a.png")):
        refused(hardmax(*command, "--costs", "costs.csv"), "costs.csv", "class '9' is missing")
        refused(hardmax(*command, "--costs", "gone.csv"), "gone.csv", "No such file")
        refused(hardmax(*command, "--abstain-below", 1.5), "0 to 1", "1.5")
    both = ("--costs", "costs.csv", "--abstain-below", 0.5)
    refused(hardmax("predict", run, "a.png", *both), "not both")


@pytest.mark.shared
def test_calibration_requires_a_validation_set(hardmax, framework, tmp_path):
    arguments = ("--framework", framework, "--epochs", 1, "--out", "run", "--json")
    assert hardmax("train", "digits", *SOFTMAX, *arguments).returncode == 0
    before = (tmp_path / "run" / "run.json").read_bytes()
    refused(hardmax("calibrate", "run"), "validation set", "--validation FRACTION")
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    # A record may claim a validation set that the data does not have.
    record = dict(Run.open(tmp_path / "run").record)
    record["data"] = {**record["data"], "validation": 5}
    write_record(tmp_path / "run", record)
    refused(hardmax("calibrate", "run"), "validation set", "--validation FRACTION")


def test_two_runs_are_compared_example_by_example(hardmax, framework, run):
    options = ("--framework", framework, "--batch-size", 32, "--out", "other", "--json")
    assert hardmax("train", "digits", *SOFTMAX, *options).returncode == 0
    done = hardmax("compare", run, "other", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    test = load_digits().test
    temperature = json.loads((run / "run.json").read_text())["calibration"]["temperature"]
    weights, _ = checkpoint.load(run.parent / "other" / "model.safetensors")
    pixels = test.images.reshape(len(test), -1) / 255
    plain = pixels @ weights["1.weight"].T + weights["1.bias"]
    scores = (scores_of(run, test.images) / temperature, plain)
    first, second = (each.argmax(axis=1) == test.labels for each in scores)
    assert found["only"] == [
        np.flatnonzero(a & ~b).tolist() for a, b in ((first, second), (second, first))
    ]
    assert (found["both"], found["neither"]) == ((first & second).sum(), (~first & ~second).sum())
    assert found["accuracy"] == pytest.approx([first.mean(), second.mean()])
    losses = [log_loss(each, test.labels) for each in scores]
    assert found["loss"] == pytest.approx(losses, rel=1e-3)
    counts = [len(examples) for examples in found["only"]]
    assert found["p"] == pytest.approx(binomtest(counts[0], sum(counts)).pvalue)
    assert [sum(classes.values()) for classes in found["only_by_class"]] == counts
    for name, (a, b) in (("accuracy", found["accuracy"]), ("loss", found["loss"])):
        low, high = found["intervals"][name]
        assert low < a - b < high


@pytest.mark.shared
def test_runs_that_cannot_be_compared_are_rejected_on_one_line(
    hardmax, framework, run, tmp_path, make_idx_folder
):
    refused(hardmax("compare", run, "nowhere"), "no such run folder: nowhere")
    refused(hardmax("compare", run, run, "--epochs", 3), "--epochs")
    make_idx_folder(tmp_path / "data")
    arguments = ("--framework", framework, "--epochs", 1, "--out", "other")
    assert hardmax("train", "data", *SOFTMAX, *arguments).returncode == 0
    refused(hardmax("compare", run, "other"), "different data")
    same = hardmax("compare", run, run).stdout
    assert "only the first on 0\nonly the second on 0\nMcNemar's test: p = 1\n" in same
