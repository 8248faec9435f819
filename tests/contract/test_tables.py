"""Tables on the command line: from CSV to a run, a judgement, and answers beside the rows."""

import io
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from support import mixed_table, refused

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.runs.run import Run

ROWS = 1500


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a table of mixed kinds, and rows of the same kinds without a label."""
    folder = tmp_path_factory.mktemp("tables")
    mixed_table(ROWS).to_csv(folder / "visits.csv", index=False)
    mixed_table(50, seed=1).drop(columns="outcome").to_csv(folder / "new.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def run(folder):
    """A function that runs the command line in the folder and returns the finished process."""

    def run(*arguments):
        command = [sys.executable, "-c", "from hardmax.cli.main import main; main()"]
        return subprocess.run(
            [*command, *map(str, arguments)], cwd=folder, capture_output=True, text=True
        )

    return run


@pytest.fixture(scope="module")
def trained(run, framework):
    """What training with no flag but the label printed."""
    done = run(
        *("train", "visits.csv", "--label", "outcome"),
        *("--framework", framework, "--out", "run", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert "20 columns" not in done.stderr
    assert "left out: person (text" in done.stderr
    assert "same (one value only)" in done.stderr
    return json.loads(done.stdout)


def test_it_does_as_well_as_logistic_regression(folder, trained):
    dataset = load(str(folder / "visits.csv"), Reading(label="outcome"))
    majority = np.bincount(dataset.test.labels).max() / len(dataset.test)
    other = LogisticRegression(max_iter=1000).fit(dataset.train.values, dataset.train.labels)
    reached = other.score(dataset.test.values, dataset.test.labels)
    assert trained["test"]["count"] == len(dataset.test) == 300
    assert majority == pytest.approx(0.85, abs=0.01)
    assert trained["test"]["accuracy"] > majority + 0.03
    assert trained["test"]["accuracy"] == pytest.approx(reached, abs=0.02)


def test_it_is_judged_again_by_its_framework_and_by_another(run, trained, framework):
    other = "mxnet" if framework == "torch" else "torch"
    for name in (framework, other):
        done = run("evaluate", "run", "--framework", name, "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["correct"] == trained["test"]["correct"]
        assert found["loss"] == pytest.approx(trained["test"]["loss"], rel=1e-5)


def test_answers_stand_beside_the_rows(run, folder, trained):
    own = Run.open(folder / "run")
    done = run("predict", "run", "new.csv")
    assert (done.returncode, done.stderr) == (0, "")
    given = pd.read_csv(folder / "new.csv", dtype=str, keep_default_na=False)
    found = pd.read_csv(io.StringIO(done.stdout), dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(found[given.columns], given)
    told = run("predict", "run", "new.csv", "--out", "answers.parquet")
    assert (told.returncode, told.stdout) == (0, "answers answers.parquet\n")
    answers = pd.read_parquet(folder / "answers.parquet")
    assert answers["prediction"].tolist() == found["prediction"].tolist()
    assert {*answers["prediction"]} == {"yes", "no"}
    again = run("predict", "run", "answers.parquet")
    header = again.stdout.splitlines()[0].split(",")
    assert header[-4:-2] == ["prediction_2", "probability_2"]
    assert header[-2:] == ["probability of no_2", "probability of yes_2"]
    listed = json.loads(run("predict", "run", "new.csv", "--json").stdout)
    assert [one["row"] for one in listed] == [*range(1, 51)]
    scores = np.array([one["scores"] for one in listed])
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answers["probability"], chances.max(axis=1), rtol=1e-5)
    np.testing.assert_allclose(answers["probability of yes"], chances[:, 1], rtol=1e-5)
    assert [one["probabilities"]["no"] for one in listed] == answers["probability of no"].tolist()
    right = [own.classes[i] for i in chances.argmax(axis=1)]
    assert answers["prediction"].tolist() == right


def test_the_test_rows_predicted_are_the_test_rows_judged(run, folder, trained):
    """Of all rows those that were split off are predicted as rightly as they were judged."""
    from hardmax.data.datasets import split_rows

    mixed = pd.read_csv(folder / "visits.csv")
    labels = (mixed["outcome"] == "yes").to_numpy().astype(int)
    _, rows = split_rows(labels, 0.2, 0)
    run("predict", "run", "visits.csv", "--out", "all.csv")
    answers = pd.read_csv(folder / "all.csv")
    right = (answers["prediction"] == answers["outcome"])[rows].sum()
    assert right == trained["test"]["correct"]


def test_costs_decide_in_a_column_of_their_own(run, folder, trained):
    (folder / "costs.csv").write_text("true,no,yes,ask\nno,0,1,0.3\nyes,50,0,0.3\n")
    done = run("predict", "run", "new.csv", "--costs", "costs.csv", "--out", "decided.tsv")
    assert done.returncode == 0, done.stderr
    answers = pd.read_csv(folder / "decided.tsv", sep="\t")
    sure = answers["probability"].where(answers["prediction"] == "yes", 1 - answers["probability"])
    costs = np.column_stack([50 * sure, 1 - sure, np.full(50, 0.3)])
    right = np.array(["no", "yes", "ask"])[costs.argmin(axis=1)]
    assert answers["decision"].tolist() == right.tolist()
    assert len({*right}) == 3


def test_runs_with_other_encodings_are_compared_and_calibrated(run, framework, trained):
    options = ("--framework", framework, "--model", "mlp", "--validation", 0.2, "--out", "other")
    done = run("train", "visits.csv", "--label", "outcome", *options, "--json")
    own = json.loads(done.stdout)["test"]
    calibrated = run("calibrate", "other", "--json")
    assert calibrated.returncode == 0, calibrated.stderr
    fitted = json.loads(calibrated.stdout)
    assert fitted["after"]["loss"] <= fitted["before"]["loss"]
    compared = json.loads(run("compare", "run", "other", "--json").stdout)
    assert compared["accuracy"] == [trained["test"]["accuracy"], own["accuracy"]]


def test_a_report_has_a_table_of_the_worst_mistakes(folder, trained):
    page = (folder / "run" / "report.html").read_text()
    assert "row of the table" in page
    assert "always for the most\nfrequent class would be right on 85.00 %" in page
    assert '<img src="data:image/png' not in page
    assert "person (text" in page


BAD = {
    "no label": (["train", "visits.csv"], ["--label COLUMN", "number 0"]),
    "another label": (["train", "visits.csv", "--label", "y"], ["no column 'y'"]),
    "a constant label": (["train", "visits.csv", "--label", "same"], ["one class only (same)"]),
    "a unique label": (["train", "visits.csv", "--label", "person"], ["different values"]),
    "a label of digits": (["train", "digits", "--label", "y"], ["digits is no table"]),
    "a size": (["train", "visits.csv", "--label", "outcome", "--size", "8"], ["no size"]),
    "a network of pictures": (
        ["train", "visits.csv", "--label", "outcome", "--model", "lenet"],
        ["lenet does not fit", "it takes pictures"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_leave_nothing(run, folder, framework, case):
    arguments, words = BAD[case]
    done = run(*arguments, "--framework", framework, "--out", "bad")
    refused(done, *words)
    assert not (folder / "bad").exists()


SPOILT = {
    "lacks a column": (lambda frame: frame.drop(columns="size"), ["no column 'size'"]),
    "a new category": (lambda frame: frame.assign(size=["XL"] * 50), ["'size', row 1", "'XL'"]),
    "a text for a number": (
        lambda frame: frame.assign(whole=[*["3"] * 49, "many"]),
        ["'whole', row 50", "'many' is no number"],
    ),
    "an infinite number": (lambda frame: frame.assign(whole=np.inf), ["'whole', row 1", "inf"]),
}


@pytest.mark.parametrize("case", SPOILT)
def test_rows_that_do_not_fit_the_run_are_refused(run, folder, trained, case):
    spoil, words = SPOILT[case]
    spoil(pd.read_csv(folder / "new.csv")).to_csv(folder / "spoilt.csv", index=False)
    refused(run("predict", "run", "spoilt.csv", "--out", "spoilt.parquet"), *words)
    assert not (folder / "spoilt.parquet").exists()


def test_what_predict_does_not_take_is_refused(run, folder, trained):
    refused(run("predict", "run", "new.csv", "visits.csv"), "one table")
    refused(run("predict", "run", "picture.png"), "trained on a table")
    refused(run("predict", "run", "new.csv", "--out", "answers.xlsx"), ".csv, .parquet, .tsv")
    refused(run("predict", "run", "new.csv", "--out", "new.csv"), "is what is to be read")


def test_a_table_that_changed_is_not_judged_unasked(run, folder, framework):
    frame = mixed_table(200, seed=4)
    frame.to_csv(folder / "changing.csv", index=False)
    options = ("--label", "outcome", "--framework", framework, "--out", "changed", "--epochs", 1)
    assert run("train", "changing.csv", *options).returncode == 0
    frame.iloc[::-1].to_csv(folder / "changing.csv", index=False)
    refused(run("evaluate", "changed"), "has changed since")
    assert run("evaluate", "changed", "new.csv").returncode == 2  # it has no label
    mixed_table(60, seed=5).to_parquet(folder / "later.parquet")
    done = run("evaluate", "changed", "later.parquet", "--json")
    assert json.loads(done.stdout)["count"] == 60


@pytest.mark.shared
def test_a_table_is_looked_at(run):
    told = json.loads(run("data", "visits.csv", "--label", "outcome", "--json").stdout)
    assert told["rows"] == ROWS
    assert sum(told["classes"].values()) == ROWS
    kinds = {name: column["kind"] for name, column in told["columns"].items()}
    assert kinds["number 3"] == "number"
    assert kinds["flag 0"] == "boolean"
    assert kinds["day"] == "date"
    assert kinds["letter"] == "category"
    shown = run("data", "visits.csv", "--label", "outcome").stdout
    assert f"{ROWS} rows, 21 columns" in shown
    refused(run("data", "digits", "--label", "y"), "digits is no table")


@pytest.mark.shared
def test_without_pyarrow_a_table_says_what_to_install(run, folder):
    (folder / "hide").mkdir(exist_ok=True)
    (folder / "hide" / "pyarrow.py").write_text("raise ImportError('hidden')\n")
    code = (
        "import sys; sys.path.insert(0, 'hide'); from hardmax.cli.main import main; "
        "sys.argv = ['hardmax', 'data', 'visits.csv']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    refused(done, "pip install 'hardmax[tables]'")
