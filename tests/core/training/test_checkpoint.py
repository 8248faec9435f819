"""Checkpoint files round-trip, or fail with a one-line error."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.numpy import load_file

from hardmax.errors import RunError
from hardmax.training import checkpoint

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]

dtypes = st.sampled_from([order + name for name in DTYPES for order in "<>"])
shapes = st.one_of(st.just(()), array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter("__metadata__".__ne__)
many_arrays = st.dictionaries(names, arrays(dtypes, shapes), max_size=4)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
here = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def assert_same(got, expected):
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        assert got[name].shape == array.shape
        assert got[name].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(got[name], array)


@here
@given(many_arrays, st.dictionaries(st.text(), json_values, max_size=4))
def test_arrays_and_header_round_trip(tmp_path, named, header):
    checkpoint.save(tmp_path / "a.safetensors", named, header)
    got, got_header = checkpoint.load(tmp_path / "a.safetensors")
    assert_same(got, named)
    assert got_header == header


@here
@given(arrays(st.sampled_from(["f4", "i8"]), array_shapes(min_dims=2, max_dims=3)))
def test_views_round_trip_and_the_callers_arrays_are_unchanged(tmp_path, array):
    views = {"transposed": array.T, "reversed": array[::-1], "every other": array[:, ::2]}
    copies = {name: view.copy() for name, view in views.items()}
    checkpoint.save(tmp_path / "a.safetensors", views, {})
    assert_same(checkpoint.load(tmp_path / "a.safetensors")[0], copies)
    assert_same(views, copies)


def test_the_file_is_a_valid_safetensors_file(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    checkpoint.save(str(tmp_path / "a.safetensors"), {"0.weight": array}, {"a": [1]})
    assert_same(load_file(tmp_path / "a.safetensors"), {"0.weight": array})


def test_the_same_contents_give_the_same_bytes(tmp_path):
    named = {"a": np.ones(2), "b": np.zeros(3)}
    checkpoint.save(tmp_path / "a", named, {"x": 1, "y": 2})
    checkpoint.save(tmp_path / "b", dict(reversed(named.items())), {"y": 2, "x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "named",
    [
        {"a": np.array(["text"])},
        {"a": np.array([None])},
        {"a": np.zeros(2, np.complex128)},
        {"\udcff": np.zeros(2)},
        {"__metadata__": np.zeros(2)},
    ],
)
def test_unsupported_arrays_and_names_are_refused_before_anything_is_written(
    refused, tmp_path, named
):
    with refused(RunError):
        checkpoint.save(tmp_path / "a", named, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["missing/a", "file/a", "folder", "n" * 256])
def test_a_failed_write_is_refused_and_leaves_nothing_behind(refused, tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("unchanged")
    with refused(RunError, str(tmp_path / place)):
        checkpoint.save(tmp_path / place, {}, {})
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "unchanged"
    assert not os.listdir(tmp_path / "folder")


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_write_leaves_nothing_behind(tmp_path, monkeypatch, error):
    def interrupted(path, target):
        assert path.exists()
        raise error

    monkeypatch.setattr("pathlib.Path.replace", interrupted)
    with pytest.raises(error):
        checkpoint.save(tmp_path / "a", {"a": np.zeros(3)}, {})
    assert os.listdir(tmp_path) == []


def test_arrays_are_described_without_being_read(tmp_path):
    named = {"a": np.zeros((2, 3), "f4"), "b": np.zeros((), "i8"), "c": np.zeros(0, "f2")}
    checkpoint.save(tmp_path / "a", named, {"epoch": 1})
    arrays = {"a": ("F32", (2, 3)), "b": ("I64", ()), "c": ("F16", (0,))}
    assert checkpoint.describe(tmp_path / "a") == (arrays, {"epoch": 1})


def test_a_file_may_have_the_longest_possible_name(tmp_path):
    checkpoint.save(tmp_path / ("n" * 255), {}, {"epoch": 1})
    assert os.listdir(tmp_path) == ["n" * 255]


def test_an_old_file_is_replaced_and_survives_a_failed_write(tmp_path):
    pytest.importorskip("resource")
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, {"a": np.zeros(3)}, {"epoch": 1})
    checkpoint.save(path, {"a": np.ones(3)}, {"epoch": 2})
    code = """
import resource, sys
import numpy as np
from hardmax.training import checkpoint
from hardmax.errors import RunError
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # as on a full disk
try:
    checkpoint.save(sys.argv[1], {"a": np.zeros(10**5)}, {"epoch": 3})
except RunError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"cannot write {path}: ")
    assert done.stdout.count("\n") == 1
    assert os.listdir(tmp_path) == ["a.safetensors"]
    got, header = checkpoint.load(path)
    assert_same(got, {"a": np.ones(3)})
    assert header == {"epoch": 2}


@pytest.fixture
def saved(tmp_path):
    """The path and the bytes of a valid file."""
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, {"a": np.arange(5.0), "b": np.ones((2, 2), np.uint8)}, {"epoch": 3})
    return path, path.read_bytes()


def test_a_truncated_file_is_refused(refused, saved):
    path, data = saved
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with refused(RunError, str(path)):
            checkpoint.load(path)


def test_a_file_with_trailing_bytes_is_refused(refused, saved):
    path, data = saved
    path.write_bytes(data + b"\0")
    with refused(RunError):
        checkpoint.load(path)


def test_a_file_with_any_byte_changed_is_read_or_refused(saved):
    path, data = saved
    refused = 0
    for i in range(len(data)):
        path.write_bytes(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :])
        try:
            checkpoint.load(path)
        except RunError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("place", ["missing", "folder", "file/a", "n" * 300])
def test_a_file_that_cannot_be_read_is_refused(refused, tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("unchanged")
    with refused(RunError, str(tmp_path / place)):
        checkpoint.load(tmp_path / place)


def crafted(header, data=b""):
    """A safetensors file with any JSON header, built by the format's specification."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


METADATA = {"__metadata__": {"hardmax": "{}"}}
DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        crafted({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
        crafted({"__metadata__": {"hardmax": "no json"}}),
        crafted({"__metadata__": {"hardmax": DEEP}}),
        crafted({"__metadata__": {"hardmax": "1" * 5000}}),
        b"\x80\x04\x95" + bytes(50),
    ],
    ids=["empty", "no header", "no JSON", "deep", "digits", "pickle"],
)
def test_a_file_not_written_by_hardmax_is_refused(refused, tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    with refused(RunError):
        checkpoint.load(tmp_path / "a")


@pytest.mark.parametrize(("dtype", "size"), [("BF16", 2), ("F8_E5M2", 1), ("F4", 1)])
def test_dtypes_that_numpy_lacks_are_read_or_refused(tmp_path, dtype, size):
    shape = [2] if dtype == "F4" else [1]
    entry = {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}
    (tmp_path / "a").write_bytes(crafted({**METADATA, "a": entry}, bytes(size)))
    try:
        got, _ = checkpoint.load(tmp_path / "a")
    except RunError:
        return
    # Another package has registered this dtype with NumPy.
    assert got["a"].shape == tuple(shape)


@here
@given(st.binary(max_size=64), st.one_of(st.none(), json_values))
@example(b"\xff" * 64, None)
def test_arbitrary_bytes_are_refused(refused, tmp_path, data, value):
    """Random files, some of them with a JSON header."""
    (tmp_path / "a").write_bytes(data if value is None else crafted({"x": value}, data))
    with refused(RunError):
        checkpoint.load(tmp_path / "a")


def test_a_large_header_is_not_read(tmp_path):
    path = tmp_path / "a.safetensors"
    size = 2**26 + 8
    path.write_bytes(size.to_bytes(8, "little") + b"{" + b" " * (size - 2) + b"}")
    for function in (checkpoint.load, checkpoint.describe):
        with pytest.raises(RunError, match="has a header of 67108872 bytes; at most 67108864"):
            function(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    path = tmp_path / "a.safetensors"
    os.mkfifo(path)
    with pytest.raises(RunError, match="it is not a regular file"):
        checkpoint.load(path)
