"""Mapped arrays take only as much memory as is being read."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmax.data import mapped
from hardmax.data.datasets import Dataset, Images


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small(monkeypatch):
    """Treat small arrays as large ones."""
    monkeypatch.setattr(mapped, "LARGE", 1000)
    monkeypatch.setattr(mapped, "BLOCK", 300)


def in_file(array, folder):
    array.tofile(folder / "array")
    return np.memmap(folder / "array", array.dtype, "r", shape=array.shape)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_only_large_arrays_in_files_stay_there(small, tmp_path):
    array = noise(40, 30)
    assert not mapped.stays_in_file(array)
    assert mapped.stays_in_file(in_file(array, tmp_path))
    assert mapped.stays_in_file(np.asarray(in_file(array, tmp_path))[2:].view())
    assert not mapped.stays_in_file(in_file(array[:30], tmp_path))


def test_rows_of_a_large_array_are_in_an_unnamed_file(small, tmp_path, cache):
    array, rows = noise(100, 5, 6), np.random.default_rng(1).permutation(100)[:70]
    found = mapped.take_rows(in_file(array, tmp_path), rows)
    assert mapped.stays_in_file(found)
    assert np.array_equal(found, array[rows])
    assert [*cache.iterdir()] == []
    few = mapped.take_rows(in_file(array, tmp_path), rows[:7])
    assert np.array_equal(few, array[rows[:7]])
    assert not mapped.stays_in_file(few)


@given(st.integers(1, 50), st.integers(1, 20), st.integers(1, 400))
def test_blocks_are_the_array(rows, columns, size):
    array = noise(rows, columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapped, "BLOCK", size)
        found = [*mapped.blocks(array)]
    assert np.array_equal(np.concatenate(found), array)
    assert all(block.nbytes <= max(size, columns) for block in found)


def test_a_fingerprint_is_the_same_in_memory_and_in_a_file(small, tmp_path):
    images, labels = noise(90, 4, 4, 1), np.arange(90) % 2
    test = Images(images[:9], labels[:9])
    fingerprints = {
        Dataset("some", Images(array, labels), test, ("a", "b")).fingerprint
        for array in (images, in_file(images, tmp_path))
    }
    assert len(fingerprints) == 1


def resident():
    """Return how many bytes of mapped files this process has in memory."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"RssFile:\s+(\d+) kB", status)[1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports the resident size")
def test_memory_is_freed_after_reading(tmp_path):
    array = in_file(noise(64, 2**20), tmp_path)
    before = resident()
    assert array.sum() > 0
    assert resident() - before > 0.9 * array.nbytes
    mapped.release(array)
    assert resident() - before < 0.1 * array.nbytes
    assert sum(int(block.sum()) for block in mapped.blocks(array)) == array.sum(dtype=np.int64)
