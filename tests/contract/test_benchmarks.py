"""The benchmarks run, and all contenders reach the same results."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.usefixtures("data_root")
def test_hardmax_matches_the_handwritten_loop(framework):
    command = [sys.executable, "-m", "benchmarks", "--framework", framework]
    work = ["--model", "mlp", "--rounds", "1", "--epochs", "2", "--only", "command-line", "book"]
    done = subprocess.run([*command, *work], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert len({row[-3].strip() for row in rows[2:]}) == 1, done.stdout  # correct predictions
