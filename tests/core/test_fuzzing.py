"""The fuzzer runs, and it finds what it looks for."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzzing import mutant

from hardmax.errors import DataError

ROOT = Path(__file__).parents[2]


def test_some_mutants_are_read_or_refused():
    command = (sys.executable, "-m", "fuzzing", "--mutants", "60", "--processes", "1")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "60 mutants, seeds 0 to 59\n" in done.stdout
    assert "0 failures" in done.stdout
    assert sum(int(line.split(": ")[1]) for line in done.stdout.splitlines() if ": " in line) == 60


def use_memory(kind, source):
    bytearray(600 * 2**20)


def give_a_long_message(kind, source):
    error = DataError("short")
    error.args = ("two\nlines",)
    raise error


def divide_by_zero(kind, source):
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("read", "outcome"),
    [
        (use_memory, "AssertionError: 6"),
        (give_a_long_message, "a message of 9 characters"),
        (divide_by_zero, "ZeroDivisionError"),
    ],
)
def test_failures_are_found(monkeypatch, tmp_path, read, outcome):
    monkeypatch.setattr(mutant, "read", read)
    assert mutant.run(tmp_path, 0)[1].startswith(outcome)


def test_the_same_seed_makes_the_same_mutant(tmp_path):
    contents = []
    for place in ("one", "other"):
        (tmp_path / place).mkdir()
        path = mutant.make("csv", tmp_path / place, random.Random(0))
        contents.append(Path(path).read_bytes())
    assert contents[0] == contents[1]
