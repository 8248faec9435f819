"""Killed at any moment, a command leaves whole files or none, and nothing in the way of the next.

The commands run in forks of one process, so that a hundred of them do not import PyTorch again.
"""

import os
import subprocess
import sys

import pytest

from hardmax.runs.run import Run
from hardmax.runs.unfinished import STATE
from hardmax.training.states import StateFiles

KILLS = 50

#: Forks lack the other threads of their parent, and with more threads sums round differently.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}

#: Runs the command argv[3:] once, with "whole" for "{}", and then in argv[2] forks, with their
#: numbers for it; each is killed by the signal argv[1] at another moment.
KILLER = """if True:
    import os, random, signal, sys, time
    from hardmax.cli.main import main

    number, kills, command = getattr(signal, sys.argv[1]), int(sys.argv[2]), sys.argv[3:]

    def run(place):
        sys.argv = ["hardmax", *(part.format(place) for part in command)]
        begin = time.monotonic()
        try:
            main()
        except SystemExit as ended:
            return ended.code or 0, time.monotonic() - begin

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    run("first")  # imports all modules
    code, duration = run("whole")
    assert code == 0
    moments = random.Random(0)
    for kill in range(kills):
        child = os.fork()
        if child == 0:
            os._exit(run(kill)[0])
        time.sleep(moments.uniform(0, 1.2 * duration))
        os.kill(child, number)
        os.waitpid(child, 0)
"""


def kill_often(folder, name, *command):
    done = subprocess.run(
        [sys.executable, "-c", KILLER, name, str(KILLS), *map(str, command)],
        cwd=folder,
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr


def make_old(folder):
    """Make temporary files and folders old enough to be deleted."""
    for path in folder.rglob("*.hardmax-*"):
        os.utime(path, (0, 0))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_killed_training_leaves_a_whole_run_or_none(hardmax_process, tmp_path, name):
    options = ("train", "digits", "--epochs", "2", "--model", "mlp", "--no-baselines")
    kill_often(tmp_path, name, *options, "--out", "runs/{}")
    left = [path for path in (tmp_path / "runs").iterdir() if not path.name.startswith(".")]
    states = [path for path in left if path.suffix == ".unfinished"]
    runs = [path for path in left if path not in states]
    expected = Run.open(tmp_path / "runs" / "whole").record["results"]
    assert 1 < len(runs) < KILLS
    # Most have a state; the others were killed before it was saved or while it was deleted.
    whole = [path for path in states if StateFiles(path / STATE, [].append).load() is not None]
    assert whole
    for run in runs:
        assert Run.open(run).record["results"] == expected
    unfinished = [*(tmp_path / "runs").glob(".hardmax-*")]
    assert (len(unfinished) > 0) == (name == "SIGKILL")
    make_old(tmp_path)
    last = hardmax_process(*options, "--out", "runs/last", env=ONE_THREAD)
    assert last.returncode == 0, last.stderr
    assert not [*tmp_path.glob("*.hardmax-*"), *(tmp_path / "runs").glob("*.hardmax-*")]
    assert Run.open(tmp_path / "runs" / "last").record["results"] == expected
