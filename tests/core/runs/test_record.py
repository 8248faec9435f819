"""Every entry of run.json is checked when a run is opened, also with correct checksums."""

import json
import math

import numpy as np
import pytest
from run_folders import RECORD, contents, make_run, write

from hardmax.errors import RunError
from hardmax.runs.record import dumps, write_record
from hardmax.runs.run import Run

METRICS = {"count": 20, "accuracy": 0.5}
COMPLETE = {
    **RECORD,
    "started": "2026-05-04T13:02:01+02:00",
    "calibration": {"temperature": 1.25, "before": METRICS, "after": METRICS},
    "conformity": {"count": 3, "scores": [0.25, 0.5, 1.0]},
}
PATHS = [(section,) for section in COMPLETE] + [
    (section, key)
    for section in ("data", "results", "calibration", "conformity")
    for key in COMPLETE[section]
]
OPTIONAL = ("started", "calibration", "conformity")
OTHERS = [None, [[]], 1.5, 2, "text", True, {"a": 1}]


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "run")


def parent(record, path):
    """Return the part of a record that has the last key of a path."""
    return record if len(path) == 1 else record[path[0]]


def copy():
    return json.loads(json.dumps(COMPLETE))


def test_a_complete_record_is_read(tmp_path):
    assert Run.open(write(tmp_path / "run", make_run(COMPLETE))).record.items() >= COMPLETE.items()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (path, value)
        for path in PATHS
        for value in OTHERS
        if type(value) is not type(parent(COMPLETE, path)[path[-1]])
        and (path[-1], value) != ("temperature", 2)  # JSON has one type of number
    ],
)
def test_an_entry_of_another_type_is_refused(refused, tmp_path, path, value):
    record = copy()
    parent(record, path)[path[-1]] = value
    folder = write(tmp_path / "run", make_run(record))
    with refused(RunError, folder / "run.json", path[-1]):
        Run.open(folder)


@pytest.mark.parametrize(
    "path", [path for path in PATHS if path[0] not in OPTIONAL or len(path) == 2]
)
def test_a_missing_entry_is_refused(refused, tmp_path, path):
    record = copy()
    del parent(record, path)[path[-1]]
    folder = write(tmp_path / "run", make_run(record))
    with refused(RunError, folder / "run.json", path[-1]):
        Run.open(folder)


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("data", {"train": 0}),
        ("data", {"test": -1}),
        ("data", {"validation": -1}),
        ("data", {"classes": ["a", 3]}),
        ("data", {"classes": ["a", "b", "c"]}),
        ("data", {"shape": [2, 2, 3]}),
        ("data", {"shape": [2.0, 2, 1.5]}),
        ("results", {"epochs": 0}),
        ("results", {"weights_epoch": -3}),
    ],
)
def test_values_that_make_no_sense_are_refused(refused, tmp_path, section, change):
    record = copy()
    record[section] |= change
    folder = write(tmp_path / "run", make_run(record))
    with refused(RunError, folder, *change):
        Run.open(folder)


BASELINE = {"name": "other", "rows": 9, "features": 3, "accuracy": 0.5, "loss": 1.5} | {
    "only_network": 3,
    "only_baseline": 2,
    "p": 1.0,
}


def test_a_record_may_have_baselines(tmp_path):
    record = copy()
    record["results"]["baselines"] = [BASELINE, BASELINE]
    assert (
        Run.open(write(tmp_path / "run", make_run(record))).record["results"] == (record["results"])
    )


@pytest.mark.parametrize("value", [None, BASELINE, [None], [BASELINE, {**BASELINE, "p": "1"}]])
def test_baselines_of_another_type_are_refused(refused, tmp_path, value):
    record = copy()
    record["results"]["baselines"] = value
    folder = write(tmp_path / "run", make_run(record))
    with refused(RunError, folder / "run.json", "results.baselines"):
        Run.open(folder)


def test_a_record_without_checksums_is_refused(refused, folder):
    record = Run.open(folder).record
    del record["files"]
    write_record(folder, {**record, "format": 2})
    with refused(RunError, folder / "run.json", "no checksums"):
        Run.open(folder)


def test_a_large_record_is_not_parsed(refused, folder):
    (folder / "run.json").write_text("[" * 9_000_000)
    with refused(RunError, folder / "run.json", "at most 8388608 are allowed"):
        Run.open(folder)


def test_numbers_that_are_not_finite_become_null():
    value = {"a": [1.5, math.nan, (math.inf, -math.inf)], "b": {"c": math.nan, "d": None}}
    assert json.loads(dumps(value)) == {"a": [1.5, None, [None, None]], "b": {"c": None, "d": None}}
    assert math.isnan(value["a"][1])


def test_floats_survive_a_json_round_trip():
    values = np.random.default_rng(0).standard_normal(1000).tolist()
    assert json.loads(dumps(values)) == values


def calibrate(folder, temperature):
    record = Run.open(folder).record
    write_record(
        folder, {**record, "calibration": {**COMPLETE["calibration"], "temperature": temperature}}
    )


def test_a_temperature_is_added_to_the_record_and_nothing_else_changes(folder):
    before, files = Run.open(folder), contents(folder)
    assert before.temperature == 1
    calibrate(folder, 1.25)
    after = Run.open(folder)
    assert after.temperature == 1.25
    assert after.record.items() >= before.record.items()
    changed = [name for name, data in contents(folder).items() if data != files[name]]
    assert changed == ["run.json"]


@pytest.mark.parametrize(
    "change", [{"count": 2}, {"scores": []}, {"scores": [0.5, 0.25]}, {"count": 0, "scores": []}]
)
def test_invalid_conformity_is_refused(refused, tmp_path, change):
    record = {**COMPLETE, "conformity": {**COMPLETE["conformity"], **change}}
    folder = write(tmp_path / "run", make_run(record))
    with refused(RunError, folder / "run.json", "ascending order"):
        Run.open(folder)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf, "2", None, True])
def test_an_invalid_temperature_is_refused(refused, folder, temperature):
    calibrate(folder, temperature)
    with refused(RunError, folder / "run.json", "temperature"):
        Run.open(folder)
