"""Fixtures for all tests: real data if available, real files, the command line, a browser."""

import gzip
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import browser
import commands
import hypothesis
import numpy as np
import pytest

from hardmax.data.datasets import Dataset, Images
from hardmax.data.images import fashion_mnist

# As on the command line, so that waiting threads do not keep the cores of other tests busy.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

hypothesis.settings.register_profile("hardmax", deadline=None, max_examples=60, database=None)
hypothesis.settings.load_profile("hardmax")

#: IDX codes by NumPy type, repeated here so that the reader is not tested against itself.
IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def pytest_configure(config):
    """Let JAX reuse what it compiles in all tests of a worker and in their processes.

    The quick tests compute little, so for them it also compiles without optimizing.
    """
    if config.option.markexpr == "not slow":
        os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
        os.environ["XLA_FLAGS"] = "--xla_cpu_use_fusion_emitters=false"
    folder = tempfile.mkdtemp(prefix="hardmax-tests-")
    config.add_cleanup(partial(shutil.rmtree, folder, ignore_errors=True))
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


def pytest_addoption(parser):
    parser.addoption(
        "--framework", default="torch", help="the framework that the contract tests run on"
    )


def idx_bytes(array):
    """Return an array as the contents of an IDX file, following the format's specification."""
    code = IDX_CODES[array.dtype.str[1:]]
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture(scope="session")
def write_idx():
    """A function that writes an array as an IDX file, compressed if the name ends in .gz."""

    def write(path, array):
        data = idx_bytes(np.asarray(array))
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)

    return write


@pytest.fixture(scope="session")
def make_idx_folder(write_idx):
    """A function that fills a folder with four IDX files of separable images.

    Each class has a different bright row, so that any classifier can learn it.
    """

    def make(folder, train=120, test=40, classes=4, side=6, suffix=".gz"):
        folder.mkdir(parents=True, exist_ok=True)
        generator = np.random.default_rng(0)
        for prefix, count in (("train", train), ("t10k", test)):
            labels = np.arange(count, dtype=np.uint8) % classes
            images = generator.integers(0, 60, (count, side, side), dtype=np.uint8)
            images[np.arange(count), labels] = 250
            write_idx(folder / f"{prefix}-images-idx3-ubyte{suffix}", images)
            write_idx(folder / f"{prefix}-labels-idx1-ubyte{suffix}", labels)
        return folder

    return make


@pytest.fixture(scope="session")
def data_root():
    """The folder that holds fashion-mnist/; tests that need it are skipped without it."""
    root = os.environ.get("HARDMAX_DATA")
    if not root or not (Path(root) / "fashion-mnist").is_dir():
        pytest.skip("HARDMAX_DATA does not name a folder that holds fashion-mnist/")
    return Path(root)


@pytest.fixture
def few_clothes(monkeypatch):
    """Replace Fashion-MNIST by 1000 and 300 images, whose class is the position of a bright row."""

    def part(count):
        generator = np.random.default_rng(count)
        labels = np.arange(count) % 10
        images = generator.integers(0, 100, (count, 28, 28, 1), dtype=np.uint8)
        images[np.arange(count), 2 * labels] += 100
        return Images(images, labels)

    few = Dataset("fashion-mnist", part(1000), part(300), fashion_mnist.CLASSES)
    monkeypatch.setattr(fashion_mnist, "_find", lambda root: None)
    monkeypatch.setattr(fashion_mnist, "_read", lambda folder: few)


@pytest.fixture(scope="session")
def hardmax_in(request):
    """A function that runs the command line in a folder, in this process.

    It returns what a completed process would have: ``returncode``, ``stdout`` and ``stderr`` as
    text. ``env`` adds to the environment; a value of None removes a variable. A command for another
    framework than that of the tests runs in its own process.
    """
    return partial(commands.run, framework=request.config.getoption("--framework"))


@pytest.fixture
def hardmax(hardmax_in, tmp_path):
    """A function that runs the command line in ``tmp_path``, in this process: see hardmax_in."""
    return partial(hardmax_in, tmp_path)


@pytest.fixture
def hardmax_process(tmp_path):
    """A function that runs the command line in ``tmp_path``, in a process of its own."""
    return partial(commands.run_process, tmp_path)


@pytest.fixture(scope="session")
def python():
    """A function that runs Python code in a separate process and returns its output."""

    def run(code, env=None):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def chromium():
    """A headless browser for the pages of a module; see ``browser.opened`` and the checks there.

    Of a module, because an event loop runs in this thread until it is closed.
    """
    with browser.chromium() as chromium:
        yield chromium
