"""Measures a training in one framework, in a process of its own, or in several.

``python -m hardmax.parity.measurement RUN FILE`` takes settings as JSON on stdin, trains, and
writes the run folder RUN and the measurement FILE.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from hardmax import frameworks
from hardmax.data import load
from hardmax.data.datasets import Examples
from hardmax.errors import HardmaxError
from hardmax.networks.initializers import initial_weights
from hardmax.networks.shapes import STATISTICS
from hardmax.processes.environment import environments
from hardmax.processes.group import group
from hardmax.reports.records import RunRecord
from hardmax.runs.run import Run
from hardmax.runs.session import Session
from hardmax.runs.settings import Settings
from hardmax.runs.train import RunCallback
from hardmax.runs.train import train as run_training
from hardmax.training import checkpoint
from hardmax.training.contracts import Trainer
from hardmax.training.loaders import epoch_order
from hardmax.training.recipes import Recipe
from hardmax.training.weights import loss_weights

__all__ = ["KINDS", "Measurement", "measure", "named"]

#: The kinds of arrays that are measured, in chronological order.
KINDS = (
    "initial_scores",
    "first_loss",
    "gradients",
    "weights_after_step",
    "weights_after_epoch",
    "final_scores",
)

#: Initial scores are computed for this many of the first test images.
SCORED = 256

#: The learning rate of the step that reveals the gradients: so high that adding the weights
#: hardly rounds them, and a power of two, so that multiplying by it is exact.
PROBE_LR = 2.0**20


@dataclass(frozen=True)
class Measurement:
    """The measurement of a training in one framework, in one process or in several.

    ``arrays`` has arrays by name for each of KINDS; scores are float32 of shape (examples,
    classes), named ``scores``, and the loss of the first step float64 of shape (), named ``loss``.
    ``record`` is the record of the run, ``epochs`` its history, and
    ``peak_memory`` the peak main memory of the (first) process in bytes when training ended.
    """

    arrays: dict[str, dict[str, np.ndarray]]
    record: RunRecord
    epochs: list[dict[str, Any]]
    peak_memory: int

    @property
    def framework(self) -> str:
        """The name of the framework."""
        return str(self.record["settings"]["framework"])

    @property
    def processes(self) -> int:
        """The number of processes."""
        processes = self.record["environment"].get("processes", 1)
        assert isinstance(processes, int)
        return processes

    @property
    def name(self) -> str:
        """The name of the framework and, if there are several, the number of processes."""
        return named(self.framework, self.processes)

    @property
    def test(self) -> Mapping[str, Any]:
        """The metrics of the trained network on the test set, as a JSON-compatible dict."""
        return self.record["results"]["test"]

    def save(self, path: Path) -> None:
        """Write the measurement to a file. Raises RunError if that fails."""
        arrays = {
            f"{kind}/{name}": array for kind in KINDS for name, array in self.arrays[kind].items()
        }
        header = {"record": self.record, "epochs": self.epochs, "peak_memory": self.peak_memory}
        checkpoint.save(path, arrays, header)

    @classmethod
    def open(cls, path: Path) -> "Measurement":
        """Read a file written by ``save``. Raises RunError if it is damaged."""
        flat, header = checkpoint.load(path)
        arrays: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in KINDS}
        for name, array in flat.items():
            kind, _, rest = name.partition("/")
            arrays[kind][rest] = array
        return cls(arrays, **header)


def named(framework: str, processes: int) -> str:
    """Return the name of a framework and, if there are several, of a number of processes."""
    return framework if processes == 1 else f"{framework} x{processes}"


def measure(settings: Settings, run: Path, file: Path, processes: int = 1) -> None:
    """Train in a subprocess, or in several, and write the run folder and the measurement.

    Raises HardmaxError, prefixed with the model and the framework, if a subprocess fails.
    """
    # What is not set the data may choose there, as it would for ``hardmax train``.
    record = {name: v for name, v in settings.as_record().items() if name not in settings.unset}
    command = [sys.executable, "-m", "hardmax.parity.measurement", str(run), str(file)]
    with tempfile.TemporaryFile("w+") as told:
        codes = _codes(command, json.dumps(record), told, environments(processes))
        told.seek(0)
        message = told.read().strip().rpartition("\n")[2].removeprefix("hardmax: ")
    if any(codes):
        raise HardmaxError(
            f"{settings.model} on {named(settings.framework, processes)}: "
            f"{message or f'its process exited with code {max(codes, key=abs)}'}"
        )


def _codes(
    command: Sequence[str], text: str, told: IO[str], environments: Sequence[Mapping[str, str]]
) -> list[int]:
    """Run a command in each of the environments, with ``text`` on stdin; return the exit codes.

    Their errors are written to the file ``told``.
    """
    with contextlib.ExitStack() as ended:
        started = []
        for environment in environments:
            one = ended.enter_context(
                subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=told,
                    text=True,
                    env=environment,
                )
            )
            ended.callback(one.kill)
            started.append(one)
        for one in started:
            assert one.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # it has ended, and its error is told
                one.stdin.write(text)
                one.stdin.close()
        return [one.wait() for one in started]


class _AfterFirstEpoch(RunCallback):
    """Saves the weights after the first epoch."""

    def on_epoch(self, trainer: Trainer, record: Mapping[str, object]) -> None:
        if record["epoch"] == 1:
            self.weights = trainer.get_weights(trainer.model)


class _Probe:
    """Computes scores and single steps of a run's network, from its initial weights."""

    def __init__(self, run: Run):
        # Not those that were asked for, some of which the data may have chosen.
        self.settings = settings = run.settings
        self.run = run
        self.dataset = load.load(settings.data, settings.reading)
        self.batch_size = settings.batch(len(self.dataset.train))
        self.backend = frameworks.load(settings.framework)
        self.initial = initial_weights(
            run.network,
            run.input_shape,
            settings.seed,
            settings.initializer,
            self.dataset.train.inputs,
        )

    def session(self, weights: dict[str, np.ndarray], recipe: Recipe, clip: float = 0) -> Session:
        """Return a session with the given weights, to train for one epoch."""
        return Session(
            self.backend,
            self.run.network,
            self.run.input_shape,
            weights,
            recipe,
            precision=self.settings.precision,
            gradient_clip_val=clip,
            seed=self.settings.seed,
            device=self.settings.device,
        )

    def scores(self, weights: dict[str, np.ndarray], examples: Examples) -> np.ndarray:
        """Return the scores of examples, float32 of shape (examples, classes)."""
        return self.session(weights, Recipe()).scores(examples, self.batch_size)

    def step(self, recipe: Recipe, clip: float = 0) -> Session:
        """Return a session after one step from the initial weights, on the run's first batch.

        Augmentation changes its images, in all frameworks alike, but not as it does in the run.
        """
        train = self.dataset.train
        labels = train.labels if self.settings.balanced else None
        rows = epoch_order(len(train), self.settings.seed, 0, labels)[: self.batch_size]
        session = self.session(self.initial, recipe, clip)
        weights = loss_weights(train, self.settings.class_weights)
        taken = None if weights is None else weights[rows]
        augment = self.settings.augmentations
        session.fit(train.take(rows), None, len(rows), loss_weights=taken, augment=augment)
        return session

    def first_step(self) -> dict[str, np.ndarray]:
        """Return the weights after a ``step`` like the run's first."""
        count = -(-len(self.dataset.train) // self.batch_size)
        recipe = self.settings.recipe
        rate = float(recipe.rates(count, self.settings.epochs)[0])
        return self.step(
            replace(recipe, lr=rate, schedule="constant", warmup=0.0), self.settings.clip
        ).weights()

    def loss_and_gradients(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return those of a ``step`` like the run's first, float64, before any clipping."""
        session = self.step(Recipe(PROBE_LR, label_smoothing=self.settings.label_smoothing))
        loss, after = session.trainer.history[0]["train_loss"], session.weights()
        return np.asarray(loss), {
            name: (weight.astype(np.float64) - after[name]) / PROBE_LR
            for name, weight in self.initial.items()
            if name.rpartition(".")[2] not in STATISTICS
        }


def _measure(settings: Settings, path: Path) -> Measurement:
    """Train, write the run folder and return the measurement."""
    first = _AfterFirstEpoch()
    trained = run_training(settings, str(path), first, baselines=False)
    # Before anything else, so that it is the peak of the training.
    peak_memory = _peak_memory()
    if trained.interrupted:
        raise KeyboardInterrupt
    group().wait()  # for the first process to write it
    run = Run.open(path)
    probe = _Probe(run)
    test = probe.dataset.test
    part = test.take(np.arange(min(SCORED, len(test))))
    first_loss, gradients = probe.loss_and_gradients()
    arrays = {
        "initial_scores": {"scores": probe.scores(probe.initial, part)},
        "first_loss": {"loss": first_loss},
        "gradients": gradients,
        "weights_after_step": probe.first_step(),
        "weights_after_epoch": first.weights,
        "final_scores": {"scores": probe.scores(run.weights, test)},
    }
    return Measurement(arrays, run.record, trained.epochs, peak_memory)


def _peak_memory() -> int:
    """Return the peak main memory of this process so far, in bytes."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Measure the training with the settings on stdin; an error is one line on stderr."""
    run, file = map(Path, sys.argv[1:])
    try:
        measured = _measure(Settings.from_record(json.load(sys.stdin)), run)
        if group().is_first:
            measured.save(file)
    except (HardmaxError, MemoryError) as error:
        message = str(error) or "out of memory"
        if group().is_first:
            print(message, file=sys.stderr)
        group().fail(message)
        sys.exit(1)


if __name__ == "__main__":
    main()
