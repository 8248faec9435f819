"""Helpers of the tests that stop fits and resume them."""

import contextlib
import json
import signal

import numpy as np
from commands import run_process

from hardmax.networks import layers
from hardmax.runs.run import Run
from hardmax.training.callbacks import Callback
from hardmax.training.states import StateFiles

#: The epochs of most fits.
EPOCHS = 3

#: A state is saved after every piece of a chunk, and the pieces are as short as possible.
OFTEN = 1e-9

#: The same on the command line.
SAVING_OFTEN = ("--checkpoint-every", str(OFTEN))

#: Runs the command line, and kills the process once the state of network argv[1] is saved after at
#: least argv[2] batches.
KILLED = """
import os, signal, sys
from hardmax.cli.main import main
from hardmax.training.saving import Saving
network, batches = int(sys.argv.pop(1)), int(sys.argv.pop(1))
fits, save = [], Saving.save
def killing(self):
    save(self)
    trainer = self.state.__self__.trainer
    if self not in fits:
        fits.append(self)
    is_within = trainer.epoch == len(trainer.history)
    done = len(trainer.history) * trainer.num_train_batches + is_within * trainer.batches_done
    if len(fits) == network and done >= batches:
        os.kill(os.getpid(), signal.SIGKILL)
Saving.save = killing
main()
"""

CONVOLUTIONS = (
    *(layers.Conv(3, 3), layers.BatchNorm(), layers.Activation("relu"), layers.Dropout(0.3)),
    *(layers.Conv(4, 3), layers.GlobalPool(), layers.Linear(4)),
)
DROPOUT = (
    *(layers.Flatten(), layers.Linear(12), layers.Activation("relu"), layers.Dropout(0.4)),
    *(layers.Linear(8), layers.Dropout(0.2, "flat-cos"), layers.Linear(4)),
)


class Stopped(Exception):  # noqa: N818 (it is no error)
    pass


class StopAfterSaves(StateFiles):
    """Files of states that stop the fit after a number of them; None for never."""

    def __init__(self, path, saves=None):
        super().__init__(path)
        self.left = saves

    def save(self, state):
        super().save(state)
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise Stopped


class StopAfterChunks(Callback):
    """Stops the fit after a number of chunks, before the state behind the last is saved."""

    def __init__(self, chunks):
        self.left = chunks

    def on_chunk(self, trainer):
        self.left -= 1
        if self.left == 0:
            raise Stopped


def created(fw, cls, *arguments, **keywords):
    """Return a new model of a class, created with the same random numbers each time."""
    with seeded(fw):
        return cls(*arguments, **keywords)


@contextlib.contextmanager
def seeded(fw):
    """Draw the same random numbers in each block."""
    with fw.runtime.seeded(5, fw.Trainer(1).find_device()):
        yield


def stepwise(cls):
    """Return a class that overrides a hook without changing what it does."""

    def training_step(self, *arguments):
        return super(Stepwise, self).training_step(*arguments)

    Stepwise = type("Stepwise", (cls,), {"training_step": training_step})
    return Stepwise


def without_times(history):
    return [
        {name: value for name, value in record.items() if "seconds" not in name}
        for record in history
    ]


def assert_same_fit(one, other):
    """Assert that two fits ended with the same bits."""
    a, b = (trainer.get_weights(trainer.model) for trainer in (one, other))
    assert a.keys() == b.keys()
    assert [name for name in a if not np.array_equal(a[name], b[name])] == []
    assert without_times(one.history) == without_times(other.history)
    for name in ("data", "epochs", "xlim", "xlabel"):
        assert getattr(one.model.board, name) == getattr(other.model.board, name)
    assert [*one.model.board.data] == [*other.model.board.data]
    for name in ("uses_engine", "train_batch_idx", "val_batch_idx", "should_stop", "epoch"):
        assert getattr(one, name) == getattr(other, name)


def kill_at(folder, network, batches, *arguments):
    """Run a command until it has saved the state of a network after some batches, and kill it."""
    done = run_process(folder, network, batches, *arguments, program=("-c", KILLED))
    assert done.returncode == -signal.SIGKILL, done.stderr


def outcome(run):
    """Return what must be equal in equal trainings: the weights and the metrics of each epoch."""
    opened = Run.open(run)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["seconds"], line["compile_seconds"]
    results = opened.record["results"]
    return {name: w.tobytes() for name, w in opened.weights.items()}, lines, results
