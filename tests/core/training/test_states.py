"""States of fits survive exactly, and a file of one is there whatever happens."""

import math
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hardmax.errors import ArgumentError, RunError
from hardmax.training import checkpoint
from hardmax.training.states import StateFiles, python_random, set_python_random

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", ">f4", ">i2"]
shapes = st.just(()) | array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3)
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5)
) | arrays(st.sampled_from(DTYPES), shapes)
# Few different keys, with dots, so that names of places in the state may be equal.
keys = st.sampled_from(["", "a", "b", "a.b", "0", "a.0", "__metadata__", "\udc80"]) | st.text()
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
states = st.dictionaries(keys, values, max_size=4)
here = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def assert_same(got, expected):
    """Assert that two states are the same, to the type of a number and the sign of a zero."""
    if isinstance(expected, np.ndarray):
        assert isinstance(got, np.ndarray)
        assert got.shape == expected.shape
        assert got.dtype == expected.dtype.newbyteorder("=")
        assert got.tobytes() == expected.astype(got.dtype).tobytes()
        return
    assert type(got) is type(expected)
    match expected:
        case dict():
            assert [*got] == [*expected]  # in the same order
            for key in expected:
                assert_same(got[key], expected[key])
        case list():
            assert len(got) == len(expected)
            for one, other in zip(got, expected, strict=True):
                assert_same(one, other)
        case float():
            assert math.isnan(got) == math.isnan(expected)
            if not math.isnan(expected):
                assert (got, math.copysign(1, got)) == (expected, math.copysign(1, expected))
        case _:
            assert got == expected


@pytest.fixture
def files(tmp_path):
    return StateFiles(tmp_path / "fit.safetensors")


def names(folder):
    return sorted(os.listdir(folder))


@here
@given(states)
@example({"a.b": np.zeros(1), "a": {"b": np.ones(1)}, "": {"a.b": np.full(1, 2.0)}})
@example({"a": [math.nan, math.inf, -math.inf, -0.0, True, 1, 1.0, 2**70, None, "", []]})
@example({"a": np.zeros(()), "b": np.zeros((0, 3), "f2"), "c": {}})
def test_any_state_survives_exactly(files, state):
    files.save(state)
    assert_same(files.load(), state)


def test_numbers_of_numpy_are_saved_as_those_of_python_and_tuples_as_lists(files):
    numbers = [np.float32(0.1), np.float64(0.1), np.int8(-1), np.uint64(2**64 - 1), np.bool_(True)]
    files.save({"a": numbers, "b": (1, (2.5, "x"))})
    expected = [float(np.float32(0.1)), 0.1, -1, 2**64 - 1, True]
    assert_same(files.load(), {"a": expected, "b": [1, [2.5, "x"]]})


def test_views_survive_and_are_unchanged(files):
    array = np.arange(6.0).reshape(2, 3)
    files.save({"a": array.T, "b": array[:, ::-2]})
    assert_same(files.load(), {"a": array.T.copy(), "b": array[:, ::-2].copy()})


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({1, 2}, "set"),
        (object(), "object"),
        (b"x", "bytes"),
        (1j, "complex"),
        ({1: 2}, "dict"),
        (np.array(["x"]), "array"),
        (np.array([None]), "object array"),
        (np.zeros(2, "c16"), "complex128 array"),
        (np.zeros(2, "M8[s]"), "datetime64"),
        (np.datetime64("2020-01-01"), "datetime64"),
        ({"array of hardmax": 1}, "dict"),
    ],
)
def test_anything_else_is_refused_naming_where_it_is(files, refused, tmp_path, value, kind):
    with refused(ArgumentError, kind, "callbacks.Mine 1.seen.1;"):
        files.save({"callbacks": {"Mine 1": {"seen": [0, value]}}})
    assert names(tmp_path) == []


def test_without_files_there_is_no_state(files, tmp_path):
    assert files.load() is None
    assert StateFiles(tmp_path / "missing" / "fit").load() is None


@pytest.mark.parametrize("name", ["fit.safetensors", "fit", "fit.new", ".fit", "a.b.c"])
def test_the_last_two_states_are_kept(tmp_path, name):
    files = StateFiles(str(tmp_path / name))
    for epoch in range(5):
        files.save({"epoch": epoch})
        assert files.load() == StateFiles(tmp_path / name).load() == {"epoch": epoch}
    assert len(names(tmp_path)) == 2
    assert name in names(tmp_path)
    (tmp_path / name).write_bytes(b"")
    with pytest.warns(UserWarning, match="goes on from the state before"):
        assert files.load() == {"epoch": 3}


def damage(path, how):
    data = path.read_bytes()
    path.write_bytes(damaged(data)[how])


def damaged(data):
    flipped = data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
    return {"empty": b"", "short": data[:-1], "zeros": bytes(len(data)), "flipped": flipped}


@pytest.mark.parametrize("how", ["empty", "short", "zeros", "flipped"])
def test_of_a_damaged_file_the_one_before_is_used_and_kept_until_the_next_but_one(tmp_path, how):
    told = []
    files = StateFiles(tmp_path / "fit.safetensors", told.append)
    for epoch in range(2):
        files.save({"epoch": epoch, "a": np.zeros(9)})
    damage(files.path, how)
    before = files.path.read_bytes()
    assert files.load()["epoch"] == 0
    assert len(told) == 1
    assert str(files.path) in told[0]
    assert "\n" not in told[0]
    assert files.path.read_bytes() == before
    files.save({"epoch": 2})
    assert files.load() == {"epoch": 2}


@pytest.mark.parametrize("how", ["empty", "short", "zeros", "flipped"])
def test_if_both_files_are_damaged_that_is_an_error_and_they_stay(files, refused, tmp_path, how):
    for epoch in range(2):
        files.save({"epoch": epoch, "a": np.zeros(9)})
    for path in tmp_path.iterdir():
        damage(path, how)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with refused(RunError, files.path, files.previous, f"delete {files.path} and fit"):
        files.load()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_of_something_else_is_an_error(files, refused):
    checkpoint.save(files.path, {"weight": np.zeros(2)}, {"epoch": 1})
    with refused(RunError, files.path, "is no state of a fit"):
        files.load()
    files.path.write_text("my thesis")
    with refused(RunError, files.path):
        files.load()
    assert files.path.read_text() == "my thesis"


@pytest.mark.parametrize("name", [".", "", "folder"])
def test_a_folder_is_an_error(tmp_path, monkeypatch, refused, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with refused(RunError, "it is a folder", "another file for resume"):
        StateFiles(name).load()


def test_a_file_that_cannot_be_looked_for_is_an_error(locked, refused):
    with refused(RunError, locked / "fit", "Permission denied"):
        StateFiles(locked / "fit").load()


def test_if_the_last_state_is_missing_the_one_before_is_used(files):
    for epoch in range(3):
        files.save({"epoch": epoch})
    files.path.unlink()
    with pytest.warns(UserWarning, match="fit.safetensors is missing; .* the state before"):
        assert files.load() == {"epoch": 1}
    files.previous.unlink()
    assert files.load() is None
    files.save({"epoch": 9})
    assert files.load() == {"epoch": 9}


@pytest.mark.parametrize("saves", [0, 1, 2, 3])
@pytest.mark.parametrize("renamed", [1, 2, 3])
def test_stopped_between_any_two_steps_of_saving_a_whole_state_is_left(
    tmp_path, monkeypatch, saves, renamed
):
    files, calls = StateFiles(tmp_path / "fit.safetensors"), []
    for epoch in range(saves):
        files.save({"epoch": epoch})
    replace = type(tmp_path).replace

    def stopped(path, target):
        calls.append(path)
        if len(calls) == renamed:
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "replace", stopped)
        if saves == 0 and renamed == 3:  # the first save renames twice
            files.save({"epoch": saves})
        else:
            with pytest.raises(KeyboardInterrupt):
                files.save({"epoch": saves})
    # The first file that is renamed has just been written under another name.
    expected = {"epoch": saves} if renamed > 1 else {"epoch": saves - 1} if saves else None
    assert files.load() == expected
    files.save({"epoch": 10})
    files.save({"epoch": 11})
    assert files.load() == {"epoch": 11}
    assert len(names(tmp_path)) == 2


SAVER = """
import sys
import numpy as np
from hardmax.training.states import StateFiles

files = StateFiles(sys.argv[1])
state = files.load()
number = state["number"] if state else 0
while True:
    number += 1
    files.save({"number": number, "a": np.full(50_000, number)})
    print(number, flush=True)
"""


def test_a_process_that_is_killed_while_it_saves_leaves_its_last_state(files):
    moments = random.Random(0)
    last = 0
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", SAVER, files.path], stdout=subprocess.PIPE, text=True
        ) as saver:
            saver.stdout.readline()
            time.sleep(moments.uniform(0, 0.05))
            saver.send_signal(signal.SIGKILL)
            saved = [*map(int, saver.stdout.read().split())]
        state = files.load()
        # A state may be whole although its number was not printed any more.
        assert state["number"] in range(max([last + 1, *saved]), max([last + 1, *saved]) + 2)
        assert np.array_equal(state["a"], np.full(50_000, state["number"]))
        last = state["number"]


def test_a_failed_save_is_an_error_and_the_last_state_stays(files, refused, tmp_path):
    files.save({"epoch": 1})
    other = StateFiles(files.path / "fit.safetensors")
    with refused(RunError, "cannot write", other.new, "Not a directory"):
        other.save({"epoch": 2})
    assert files.load() == {"epoch": 1}
    assert names(tmp_path) == ["fit.safetensors"]


def test_the_random_numbers_of_python_go_on():
    before = random.getstate()
    try:
        random.seed(3)
        random.gauss()  # keeps a second number for the next call
        state = python_random()
        expected = [random.gauss(), random.random(), random.getrandbits(40)]
        random.seed(4)
        set_python_random(state)
        assert [random.gauss(), random.random(), random.getrandbits(40)] == expected
    finally:
        random.setstate(before)
