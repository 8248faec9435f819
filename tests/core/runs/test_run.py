"""Run folders are read as they were written, or refused."""

import json
import math
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardmax.errors import RunError
from hardmax.networks.catalog import softmax_regression
from hardmax.networks.layers import Flatten, Linear, to_json
from hardmax.networks.shapes import weight_shapes
from hardmax.runs.run import Run, dumps
from hardmax.runs.writer import RunWriter, write_record

ODD = ["\x1b[31mred", "two\nlines", "\ud800", "\u2028", "\x9b31m", "\0", "\t"]
FILES = ["metrics.jsonl", "model.safetensors", "report.html", "run.json"]
SHAPE = (2, 2, 1)
CLASSES = ("shirt", "<b>&", "größer")
EPOCHS = [{"epoch": 1, "train_loss": 0.30000000000000004}, {"epoch": 2, "train_loss": 1e-07}]
RECORD = {
    "asked": {"data": "digits", "lr": 0.1, "seed": 0, "patience": None},
    "results": {"epochs": 2, "loss": 1e-05, "note": "größer"},
}
here = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def a_run(record=RECORD, seed=0):
    network = softmax_regression(3)
    generator = np.random.default_rng(seed)
    weights = {
        name: generator.standard_normal(shape).astype(np.float32)
        for name, shape in weight_shapes(network, SHAPE).items()
    }
    return Run(record, network, SHAPE, CLASSES, weights)


def write(out, run=None):
    with RunWriter(out, "name") as writer:
        writer.write(run or a_run(), EPOCHS, "<p>größer</p>")
        return writer.publish()


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "run")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_is_read_as_it_was_written(folder):
    written, read = a_run(), Run.open(folder)
    assert (read.network, read.input_shape, read.classes) == (written.network, SHAPE, CLASSES)
    assert read.weights.keys() == written.weights.keys()
    for name, array in written.weights.items():
        np.testing.assert_array_equal(read.weights[name], array)
        assert read.weights[name].dtype == np.float32
    assert read.record["asked"] == RECORD["asked"]
    assert read.record["results"] == RECORD["results"]


def test_the_files_are_what_they_are_said_to_be(folder):
    assert sorted(contents(folder)) == FILES
    assert (folder / "report.html").read_text(encoding="utf-8") == "<p>größer</p>"
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == EPOCHS


def test_a_folder_can_be_moved_and_opened_by_its_name(folder, tmp_path):
    shutil.move(folder, tmp_path / "moved")
    assert Run.open(str(tmp_path / "moved")).classes == CLASSES


def test_a_folder_written_from_what_was_read_is_the_same(folder, tmp_path):
    read = Run.open(folder)
    again = {name: read.record[name] for name in RECORD}
    copy = Run(again, read.network, read.input_shape, read.classes, read.weights)
    write(tmp_path / "again", copy)
    assert contents(tmp_path / "again") == contents(folder)


def unnoticed_changes(path, replacements):
    """Change each byte of a file in turn; return the changes that Run.open did not refuse."""
    data, unnoticed = path.read_bytes(), []
    for i, old in enumerate(data):
        for new in {replacement(old) for replacement in replacements} - {old}:
            path.write_bytes(data[:i] + bytes([new]) + data[i + 1 :])
            try:
                Run.open(path.parent)
            except RunError:
                continue
            unnoticed.append((i, bytes([old]), bytes([new])))
    return unnoticed


@pytest.mark.parametrize("name", FILES)
def test_a_folder_of_which_any_byte_was_changed_is_refused(folder, name):
    replacements = [lambda old: old ^ 1, lambda old: old ^ 0x20, lambda old: old ^ 0x80]
    replacements += [lambda old, new=new: new for new in b' \t0"{']
    assert unnoticed_changes(folder / name, replacements) == []


@here
@given(st.sampled_from(FILES), st.randoms(use_true_random=False), st.integers(1, 255))
def test_a_folder_of_which_a_byte_was_changed_by_chance_is_refused(
    refused, tmp_path_factory, name, random, change
):
    folder = write(tmp_path_factory.mktemp("chance") / "run")
    data = bytearray((folder / name).read_bytes())
    data[random.randrange(len(data))] ^= change
    (folder / name).write_bytes(data)
    with refused(RunError):
        Run.open(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_folder_with_a_file_cut_off_anywhere_is_refused(refused, folder, name):
    data = (folder / name).read_bytes()
    for length in range(len(data)):
        (folder / name).write_bytes(data[:length])
        with refused(RunError, str(folder / name)):
            Run.open(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_folder_with_a_file_missing_is_refused(refused, folder, name):
    (folder / name).unlink()
    with refused(RunError, str(folder / name)):
        Run.open(folder)
    (folder / name).mkdir()
    with refused(RunError, str(folder / name)):
        Run.open(folder)


def test_files_of_two_runs_do_not_go_together(refused, folder, tmp_path):
    other = write(tmp_path / "other", a_run(seed=1))
    shutil.copy(other / "model.safetensors", folder)
    with refused(RunError):
        Run.open(folder)


@pytest.mark.parametrize("place", ["missing", "file", "file/a", "empty", "n" * 300])
def test_what_is_no_run_folder_is_refused(refused, tmp_path, place):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("{}")
    with refused(RunError, place):
        Run.open(tmp_path / place)


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{}", b'{"checksum": 1}', b"\xff\xfe\x00", b"[" * 10**5]
)
def test_a_record_that_is_none_is_refused(refused, folder, data):
    (folder / "run.json").write_bytes(data)
    with refused(RunError, "run.json"):
        Run.open(folder)


def test_a_record_of_another_format_is_told_so(refused, tmp_path):
    folder = write(tmp_path / "run", a_run({**RECORD, "format": 2}))
    with refused(RunError, "another format"):
        Run.open(folder)


# Folders with right checksums that somebody made by hand


class Crafted(Run):
    """A run whose file of weights says something else of itself."""

    def header(self):
        return {**super().header(), **self.record["header"]}


@pytest.mark.parametrize(
    "header",
    [
        {"network": None},
        {"network": []},
        {"network": [{"layer": "Linear"}]},
        {"network": [{"layer": "os.system", "outputs": 3}]},
        {"network": [{"layer": "Flatten"}, {"layer": "Linear", "outputs": 4}]},
        {"input_shape": [2, 2]},
        {"input_shape": [2, 3, 1]},
        {"input_shape": [math.inf, 2, 1]},
        {"input_shape": [math.nan, 2, 1]},
        {"input_shape": [-2, -2, 1]},
        {"input_shape": [2.5, 2, 1]},
        {"input_shape": None},
        {"input_shape": [2, 1, 2]},
        {"input_shape": [1, 1, 4]},
        {"input_shape": [True, 4, 1]},
        {"input_shape": [10**4000, 10**4000, 1]},
        {"network": [{"layer": "Linear", "outputs": 3}]},
        {"network": [{"layer": "Flatten"}] * 300_000},
        {"network": [{"layer": "Flatten"}, {"layer": "Linear", "outputs": 10**12}]},
        {"pixels_divided_by": 1},
        {"pixels_divided_by": None},
        {"classes": ["a", "b"]},
        {"classes": ["a", "b", "c", "d"]},
        {"classes": 3},
        {"classes": "abc"},
        {"classes": ["a", "b", 3]},
        *({"classes": ["a", "b", name]} for name in ODD),
    ],
    ids=lambda header: str(header)[:60].encode("ascii", "replace").decode(),
)
def test_weights_that_do_not_fit_what_they_say_of_themselves_are_refused(refused, tmp_path, header):
    run = a_run({**RECORD, "header": header})
    crafted = Crafted(run.record, run.network, run.input_shape, run.classes, run.weights)
    folder = write(tmp_path / "run", crafted)
    with refused(RunError, "model.safetensors"):
        Run.open(folder)


@pytest.mark.parametrize(
    ("network", "told"),
    [
        ([Flatten(), Linear(4)], r"1\.weight' must be \('F32', \(4, 4\)\), is \('F32', \(3, 4\)\)"),
        ([Flatten(), Linear(3, bias=False)], r"it has '1\.bias', which no layer has"),
        ([Flatten(), Linear(3), Linear(3)], r"it lacks '2\.weight', of type and shape"),
    ],
)
def test_the_weight_that_does_not_fit_is_named_with_its_shape(tmp_path, network, told):
    run = a_run({**RECORD, "header": {"network": to_json(tuple(network))}})
    crafted = Crafted(run.record, run.network, run.input_shape, run.classes, run.weights)
    with pytest.raises(RunError, match=told):
        Run.open(write(tmp_path / "run", crafted))


def filled(value, dtype):
    return lambda array: np.full_like(array, value, dtype=dtype)


@pytest.mark.parametrize(
    "change",
    [
        filled(np.nan, "f4"),
        filled(np.inf, "f4"),
        filled(0, "f8"),
        filled(0, "f2"),
        filled(0, "i4"),
        filled(0, "?"),
        np.transpose,
        np.ravel,
    ],
)
def test_weights_that_are_no_finite_float32_are_refused(refused, tmp_path, change):
    run = a_run()
    weights = {name: change(array) for name, array in run.weights.items()}
    folder = write(tmp_path / "run", replace(run, weights=weights))
    with refused(RunError, "model.safetensors"):
        Run.open(folder)


def spoil_with_a_pipe(path):
    os.mkfifo(path)


def spoil_with_a_device(path):
    path.symlink_to("/dev/zero")


def spoil_with_size(path):
    with path.open("wb") as file:
        file.truncate(2**40)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("spoil", [spoil_with_a_pipe, spoil_with_a_device, spoil_with_size])
def test_a_file_without_an_end_is_not_read(refused, folder, name, spoil):
    (folder / name).unlink()
    spoil(folder / name)
    with refused(RunError, folder / name):
        Run.open(folder)


def test_what_is_told_of_a_forged_run_is_short(refused, tmp_path):
    run = a_run({**RECORD, "header": {"classes": ["\n" * 10**6]}})
    crafted = Crafted(run.record, run.network, run.input_shape, run.classes, run.weights)
    with pytest.raises(RunError) as caught:
        Run.open(write(tmp_path / "run", crafted))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("asked", [None, [], "lr", {}, {"lr": None}, {"lr": "0.1"}, {"lr": True}])
def test_a_setting_that_the_record_lacks_is_refused(refused, tmp_path, asked):
    folder = write(tmp_path / "run", a_run({"asked": asked}))
    with refused(RunError, "asked.lr"):
        Run.open(folder).entry("asked", "lr", int | float)


@pytest.mark.parametrize("lr", [0.1, 1, 2.0])
def test_a_setting_is_found_as_it_was_asked(tmp_path, lr):
    folder = write(tmp_path / "run", a_run({"asked": {"lr": lr}}))
    assert Run.open(folder).entry("asked", "lr", int | float) == lr


def test_numbers_that_are_not_finite_become_null():
    value = {"a": [1.5, math.nan, (math.inf, -math.inf)], "b": {"c": math.nan, "d": None}}
    assert json.loads(dumps(value)) == {"a": [1.5, None, [None, None]], "b": {"c": None, "d": None}}
    assert math.isnan(value["a"][1])


def test_floats_come_back_from_json_as_they_were():
    values = np.random.default_rng(0).standard_normal(1000).tolist()
    assert json.loads(dumps(values)) == values


def calibrate(folder, temperature):
    record = Run.open(folder).record
    write_record(folder, {**record, "calibration": {"temperature": temperature}})


def test_a_temperature_is_kept_in_the_record_and_everything_else_stays(folder):
    before, files = Run.open(folder), contents(folder)
    assert before.temperature == 1
    calibrate(folder, 1.25)
    after = Run.open(folder)
    assert after.temperature == 1.25
    assert after.record.items() >= before.record.items()
    changed = [name for name, data in contents(folder).items() if data != files[name]]
    assert changed == ["run.json"]


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf, "2", None, True])
def test_a_temperature_that_is_none_is_refused(folder, temperature):
    calibrate(folder, temperature)
    with pytest.raises(RunError, match="temperature"):
        _ = Run.open(folder).temperature
