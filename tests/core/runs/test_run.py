"""Run folders are read exactly as written, or refused."""

import json
import math
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from run_folders import CLASSES, EPOCHS, RECORD, SHAPE, contents, make_run, write

from hardmax.errors import RunError
from hardmax.networks.descriptions import to_json
from hardmax.networks.layers import Flatten, Linear
from hardmax.runs.record import FORMAT
from hardmax.runs.run import Run

ODD = ["\x1b[31mred", "two\nlines", "\ud800", "\u2028", "\x9b31m", "\0", "\t"]
FILES = ["metrics.jsonl", "model.safetensors", "report.html", "run.json"]
here = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "run")


def test_a_run_is_read_as_it_was_written(folder):
    written, read = make_run(), Run.open(folder)
    assert (read.network, read.input_shape, read.classes) == (written.network, SHAPE, CLASSES)
    assert read.weights.keys() == written.weights.keys()
    for name, array in written.weights.items():
        np.testing.assert_array_equal(read.weights[name], array)
        assert read.weights[name].dtype == np.float32
    assert read.record["settings"] == RECORD["settings"]
    assert read.record["results"] == RECORD["results"]


def test_the_files_have_the_documented_contents(folder):
    assert sorted(contents(folder)) == [*FILES, "suspects.csv"]
    assert (folder / "report.html").read_text(encoding="utf-8") == "<p>größer</p>"
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == EPOCHS


def test_the_list_of_suspects_may_be_edited_or_missing_as_in_older_runs(folder):
    (folder / "suspects.csv").write_text("set,label,done\n")
    assert Run.open(folder).classes == CLASSES
    (folder / "suspects.csv").unlink()
    assert Run.open(folder).classes == CLASSES


def test_a_folder_can_be_moved_and_opened_by_its_path(folder, tmp_path):
    shutil.move(folder, tmp_path / "moved")
    assert Run.open(str(tmp_path / "moved")).classes == CLASSES


def test_writing_a_run_that_was_read_gives_the_same_folder(folder, tmp_path):
    read = Run.open(folder)
    again = {name: read.record[name] for name in RECORD}
    copy = Run(again, read.network, read.input_shape, read.classes, read.weights)
    write(tmp_path / "again", copy)
    assert contents(tmp_path / "again") == contents(folder)


def undetected_changes(path, replacements):
    """Change each byte of a file in turn; return the changes that Run.open did not refuse."""
    data, undetected = path.read_bytes(), []
    for i, old in enumerate(data):
        for new in {replacement(old) for replacement in replacements} - {old}:
            path.write_bytes(data[:i] + bytes([new]) + data[i + 1 :])
            try:
                Run.open(path.parent)
            except RunError:
                continue
            undetected.append((i, bytes([old]), bytes([new])))
    return undetected


@pytest.mark.parametrize("name", FILES)
def test_a_folder_with_any_byte_changed_is_refused(folder, name):
    replacements = [lambda old: old ^ 1, lambda old: old ^ 0x20, lambda old: old ^ 0x80]
    replacements += [lambda old, new=new: new for new in b' \t0"{']
    assert undetected_changes(folder / name, replacements) == []


@here
@given(st.sampled_from(FILES), st.randoms(use_true_random=False), st.integers(1, 255))
def test_a_folder_with_a_random_byte_changed_is_refused(
    refused, tmp_path_factory, name, random, change
):
    folder = write(tmp_path_factory.mktemp("chance") / "run")
    data = bytearray((folder / name).read_bytes())
    data[random.randrange(len(data))] ^= change
    (folder / name).write_bytes(data)
    with refused(RunError):
        Run.open(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_folder_with_a_truncated_file_is_refused(refused, folder, name):
    data = (folder / name).read_bytes()
    for length in range(len(data)):
        (folder / name).write_bytes(data[:length])
        with refused(RunError, str(folder / name)):
            Run.open(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_folder_with_a_missing_file_is_refused(refused, folder, name):
    (folder / name).unlink()
    with refused(RunError, str(folder / name)):
        Run.open(folder)
    (folder / name).mkdir()
    with refused(RunError, str(folder / name)):
        Run.open(folder)


def test_files_of_two_runs_cannot_be_mixed(refused, folder, tmp_path):
    other = write(tmp_path / "other", make_run(seed=1))
    shutil.copy(other / "model.safetensors", folder)
    with refused(RunError):
        Run.open(folder)


@pytest.mark.parametrize("place", ["missing", "file", "file/a", "empty", "n" * 300])
def test_a_path_that_is_not_a_run_folder_is_refused(refused, tmp_path, place):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("{}")
    with refused(RunError, place):
        Run.open(tmp_path / place)


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{}", b'{"checksum": 1}', b"\xff\xfe\x00", b"[" * 10**5]
)
def test_an_invalid_record_is_refused(refused, folder, data):
    (folder / "run.json").write_bytes(data)
    with refused(RunError, "run.json"):
        Run.open(folder)


@pytest.mark.parametrize("version", [0, FORMAT + 1, None, "2"])
def test_a_record_of_another_format_is_refused(refused, tmp_path, version):
    folder = write(tmp_path / "run", make_run({**RECORD, "format": version}))
    with refused(RunError, "run.json", f"has format {version!r}", f"reads format {FORMAT}"):
        Run.open(folder)


def test_a_record_of_format_1_must_be_trained_again(refused, tmp_path):
    """Older versions wrote format 1, with other section names."""
    record = {"format": 1, "asked": RECORD["settings"], "results": RECORD["results"]}
    folder = write(tmp_path / "run", make_run(record))
    with refused(RunError, "run.json", "has format 1", "train the run again"):
        Run.open(folder)


# Folders with correct checksums that were made by hand


class Crafted(Run):
    """A run whose weights file has a forged header."""

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
        {"network": [{"layer": "Flatten"}] * 100_000},
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
def test_a_header_that_does_not_fit_the_weights_is_refused(refused, tmp_path, header):
    run = make_run({**RECORD, "header": header})
    crafted = Crafted(run.record, run.network, run.input_shape, run.classes, run.weights)
    folder = write(tmp_path / "run", crafted)
    with refused(RunError, "model.safetensors"):
        Run.open(folder)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            [Flatten(), Linear(4)],
            r"1\.weight' must be \('F32', \(4, 4\)\), got \('F32', \(3, 4\)\)",
        ),
        ([Flatten(), Linear(3, bias=False)], r"it has '1\.bias', which no layer has"),
        ([Flatten(), Linear(3), Linear(3)], r"it lacks '2\.weight', of type and shape"),
    ],
)
def test_the_message_names_the_weight_that_does_not_fit(tmp_path, network, message):
    run = make_run({**RECORD, "header": {"network": to_json(tuple(network))}})
    crafted = Crafted(run.record, run.network, run.input_shape, run.classes, run.weights)
    with pytest.raises(RunError, match=message) as caught:
        Run.open(write(tmp_path / "run", crafted))
    assert "RunError(" not in str(caught.value)


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
def test_weights_that_are_not_finite_float32_are_refused(refused, tmp_path, change):
    run = make_run()
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
def test_a_file_that_is_endless_or_too_large_is_not_read(refused, folder, name, spoil):
    (folder / name).unlink()
    spoil(folder / name)
    with refused(RunError, folder / name):
        Run.open(folder)


def test_the_message_about_a_forged_run_is_short(refused, tmp_path):
    run = make_run({**RECORD, "header": {"classes": ["\n" * 10**6]}})
    crafted = Crafted(run.record, run.network, run.input_shape, run.classes, run.weights)
    with pytest.raises(RunError) as caught:
        Run.open(write(tmp_path / "run", crafted))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (None, "they must be an object"),
        ([], "they must be an object"),
        ("lr", "they must be an object"),
        ({}, "they do not name the data"),
        ({"data": "digits", "lr": "0.1"}, "lr must be a number"),
        ({"data": "digits", "lr": True}, "lr must be a number"),
        ({"data": "digits", "seed": -1}, "seed must be an integer"),
        ({"data": "digits", "size": [8]}, "size must be 2 integers"),
    ],
)
def test_unusable_settings_are_refused(refused, tmp_path, section, message):
    folder = write(tmp_path / "run", make_run({"settings": section}))
    with refused(RunError, folder / "run.json", f"unusable settings: {message}"):
        Run.open(folder)


@pytest.mark.parametrize("lr", [0.1, 1, 2.0])
def test_a_setting_is_read_as_it_was_given(tmp_path, lr):
    folder = write(tmp_path / "run", make_run({**RECORD, "settings": {"data": "digits", "lr": lr}}))
    assert Run.open(folder).settings.lr == lr
