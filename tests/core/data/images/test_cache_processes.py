"""Processes that fill the cache of images at the same time, or are killed at any moment."""

import os
import subprocess
import sys

import numpy as np
import pytest
from support import noise, save

from hardmax.data.load import load
from hardmax.data.options import Reading

#: Runs argv[3] forks that read the images in argv[1] at the size argv[2]: all at once, or one after
#: the other, each with a cache without this size and killed at another moment, every fourth as soon
#: as it writes. Prints how many of them ended by themselves and without an error.
READERS = """if True:
    import os, random, signal, sys, time
    from pathlib import Path
    from hardmax.data.load import load
    from hardmax.data.options import Reading

    folder, size, count, kill = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]

    def files():
        return {*Path(os.environ["HARDMAX_CACHE"]).glob("images/*")}

    def clear():
        for path in files():
            if path.suffix in (".json", ".pixels"):
                path.unlink()

    def start():
        child = os.fork()
        if child == 0:
            try:
                load(folder, Reading(size=(size, size), channels=3, whole=True))
            finally:
                os._exit(1 if sys.exc_info()[0] else 0)
        return child

    begin = time.monotonic()
    os.waitpid(start(), 0)
    duration, moments = time.monotonic() - begin, random.Random(0)
    clear()
    children = []
    for _ in range(count):
        children.append(start())
        if kill:
            if len(children) % 4:
                time.sleep(moments.uniform(0, duration))
            else:  # while it writes, however busy the machine is
                known = files()
                while not files() - known and time.monotonic() < begin + 100 * duration:
                    time.sleep(duration / 1000)
            os.kill(children[-1], signal.SIGKILL)
            children[-1] = os.waitpid(children[-1], 0)[1]
            clear()
    statuses = children if kill else [os.waitpid(child, 0)[1] for child in children]
    print(statuses.count(0))
"""


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of images, with an empty cache."""
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "cache"))
    for label in "ab":
        for number in range(40):
            save(tmp_path / "data" / label / f"{number}.png", noise(60, 60, 3, seed=number))
    return tmp_path / "data"


def read_in_forks(data, count, *options):
    command = [sys.executable, "-c", READERS, str(data), "40", str(count), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return int(done.stdout)


def read(data):
    return load(str(data), Reading(size=(40, 40), channels=3, whole=True)).train.images


def cached(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache" / "images").iterdir())


def test_processes_may_fill_the_cache_at_the_same_time(tmp_path, data, monkeypatch):
    assert read_in_forks(data, 8) == 8
    assert [name.rpartition(".")[2] for name in cached(tmp_path)] == ["json", "pixels"]
    from_cache = read(data)
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "other cache"))
    np.testing.assert_array_equal(from_cache, read(data))


def test_what_killed_processes_leave_in_the_cache_is_deleted(tmp_path, data, monkeypatch):
    assert read_in_forks(data, 40, "kill") < 40
    unfinished = [*(tmp_path / "cache" / "images").iterdir()]
    assert unfinished
    for path in unfinished:
        os.utime(path, (0, 0))
    from_cache = read(data)
    assert [name.rpartition(".")[2] for name in cached(tmp_path)] == ["json", "pixels"]
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "other cache"))
    np.testing.assert_array_equal(from_cache, read(data))
