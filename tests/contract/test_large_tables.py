"""Predictions for tables part by part: the same as for the whole, in constant memory."""

import importlib
import io
import json
from pathlib import Path

import commands
import pandas as pd
import pyarrow.parquet
import pytest
from support import SOFTMAX, mixed_table

from hardmax.runs import predict as predicting

COUNT = 100

OPTIONS = ("--abstain-below", 0.8, "--coverage", 0.9)

#: What Linux knows of a process; ``resource`` includes the memory of the one that started it.
STATUS = Path("/proc/self/status")

#: Runs the command line, then prints the most memory that was resident, in KiB.
MEASURED = (
    "-c",
    f"""import atexit, re, sys
from hardmax.cli.main import main
peak = lambda: re.search(r"VmHWM:\\s+(\\d+) kB", open({str(STATUS)!r}).read())[1]
atexit.register(lambda: print(peak(), file=sys.stderr))
main()""",
)


@pytest.fixture(scope="module")
def folder(framework, hardmax_in, tmp_path_factory):
    """A folder with a run, and the table ``new`` in several formats."""
    folder = tmp_path_factory.mktemp("large")
    mixed_table(400).to_csv(folder / "visits.csv", index=False)
    options = ("--label", "outcome", *SOFTMAX, "--validation", 0.3, "--framework", framework)
    done = hardmax_in(folder, "train", "visits.csv", *options, "--epochs", 2, "--out", "run")
    assert done.returncode == 0, done.stderr
    new = mixed_table(COUNT, seed=1).drop(columns="outcome")
    new.loc[[5, 70, 80], "size"] = ["XXL", "XS", "XXL"]
    new = new.drop(columns="whole")
    new.to_csv(folder / "new.csv", index=False)
    new.to_parquet(folder / "new.parquet", row_group_size=30)
    return folder


@pytest.fixture
def run(hardmax_in, folder):
    """A function that runs the command line in the folder, in this process."""
    return lambda *arguments: hardmax_in(folder, *arguments)


@pytest.mark.parametrize("name", ["new.csv", "new.parquet"])
def test_parts_have_the_predictions_of_the_whole(run, folder, framework, monkeypatch, name):
    classifier = importlib.import_module(f"hardmax.{framework}").load(folder / "run")

    def all_outputs():
        for suffix in ("csv", "jsonl", "parquet"):
            done = run("predict", "run", name, *OPTIONS, "--out", f"out.{suffix}")
            assert done.returncode == 0
        printed, listed = (
            run("predict", "run", name, *OPTIONS, *more) for more in ((), ["--json"])
        )
        return (
            (folder / "out.csv").read_bytes(),
            (folder / "out.jsonl").read_bytes(),
            pyarrow.parquet.read_table(folder / "out.parquet").to_pydict(),
            (printed.stdout, printed.stderr),
            (listed.stdout, listed.stderr),
            classifier.predict_proba(folder / name).tolist(),
        )

    whole = all_outputs()
    scored = []
    predict = predicting.Predictor.predict

    def recorded(self, examples, *arguments, **options):
        scored.append(len(examples))
        return predict(self, examples, *arguments, **options)

    monkeypatch.setattr(predicting, "ROWS", 1)
    monkeypatch.setattr(predicting.Predictor, "predict", recorded)
    assert all_outputs() == whole
    assert scored[:7] == [16] * 6 + [4]
    text, _, _, (printed, said), (listed, _), probabilities = whole
    assert printed.encode() == text
    assert said.count("\n") == 2
    assert f"{name} has no column 'whole'" in said
    assert "size: 3 of the rows have categories, such as 'XXL'," in said
    listed = json.loads(listed)
    assert [one["row"] for one in listed] == [*range(1, COUNT + 1)]
    assert [[*one["probabilities"].values()] for one in listed] == probabilities
    found = pd.read_csv(io.StringIO(printed))
    assert found["prediction"].tolist() == [one["label"] for one in listed]
    assert 0 < found["decision"].isna().sum() < COUNT


@pytest.mark.shared
def test_rows_are_printed_part_by_part(run, folder, monkeypatch):
    monkeypatch.setattr(predicting, "ROWS", 1)
    lines = run("predict", "run", "new.csv").stdout.splitlines()
    frame = pd.read_csv(folder / "new.csv", dtype=object)
    frame.loc[50, "number 0"] = "many"
    frame.to_csv(folder / "bad.csv", index=False)
    done = run("predict", "run", "bad.csv")
    assert done.returncode == 2
    assert done.stdout.splitlines() == lines[: 1 + 48]
    assert "column 'number 0', row 51: 'many' is not a number" in done.stderr
    for options in (("--json",), ("--out", "bad_out.csv")):
        done = run("predict", "run", "bad.csv", *options)
        assert (done.returncode, done.stdout) == (2, "")
    assert not (folder / "bad_out.csv").exists()


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(not STATUS.exists(), reason="requires Linux's /proc")
@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_memory_does_not_depend_on_the_number_of_rows(folder, tmp_path, ending):
    frame = mixed_table(50_000, seed=2).drop(columns="outcome")
    peaks = []
    for times in (1, 10):
        path = tmp_path / f"large.{ending}"
        large = pd.concat([frame] * times)
        if ending == "csv":
            large.to_csv(path, index=False)
        elif ending == "jsonl":
            large.to_json(path, orient="records", lines=True, date_format="iso")
        else:
            large.to_parquet(path, index=False)
        command = ("predict", folder / "run", path, "--out", tmp_path / "out.parquet")
        done = commands.run_process(tmp_path, *command, program=MEASURED)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stderr.splitlines()[-1]) / 1024)
        assert len(pd.read_parquet(tmp_path / "out.parquet")) == 50_000 * times
    # All rows at once took 1500 MiB more.
    assert peaks[1] < peaks[0] + 100, peaks
