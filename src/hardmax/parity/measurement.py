"""What one framework makes of a training: measured in a process of its own.

``python -m hardmax.parity.measurement RUN FILE`` takes settings as JSON on stdin, trains, and
writes the run folder RUN and the measurement FILE.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hardmax import frameworks
from hardmax.data import load
from hardmax.data.datasets import Examples
from hardmax.errors import HardmaxError
from hardmax.networks.initializers import starting_weights
from hardmax.networks.shapes import STATISTICS
from hardmax.runs.run import Run
from hardmax.runs.session import Equipment
from hardmax.runs.settings import Settings
from hardmax.runs.train import train as run_training
from hardmax.training import checkpoint
from hardmax.training.callbacks import Callback
from hardmax.training.loaders import Loader
from hardmax.training.recipes import Recipe

__all__ = ["KINDS", "Measurement", "measure"]

#: The kinds of arrays that are measured, in the order in which they come about.
KINDS = (
    "starting_scores",
    "gradients",
    "weights_after_step",
    "weights_after_epoch",
    "final_scores",
)

#: How many of the first test pictures get starting scores.
SCORED = 256

#: The learning rate by which gradients are read off a step: so high that the weights themselves
#: are too small to round them, and a power of two, by which nothing is rounded.
STEEP = 2.0**20


@dataclass(frozen=True)
class Measurement:
    """A training in one framework, as measured.

    ``arrays`` has arrays by name of each of KINDS; scores are float32 of shape (examples,
    classes), called ``scores``. ``record`` is the run's, ``epochs`` its history, and
    ``peak_memory`` the most bytes of main memory that the process had when it was trained.
    """

    arrays: dict[str, dict[str, np.ndarray]]
    record: dict[str, Any]
    epochs: list[dict[str, Any]]
    peak_memory: int

    @property
    def framework(self) -> str:
        """The framework."""
        return self.record["asked"]["framework"]

    @property
    def test(self) -> dict[str, Any]:
        """How the trained network does on the test set, as JSON has it."""
        return self.record["results"]["test"]

    def save(self, path: Path) -> None:
        """Write it to a file. Raises RunError where that fails."""
        arrays = {
            f"{kind}/{name}": array for kind in KINDS for name, array in self.arrays[kind].items()
        }
        own = {"record": self.record, "epochs": self.epochs, "peak_memory": self.peak_memory}
        checkpoint.save(path, arrays, own)

    @classmethod
    def open(cls, path: Path) -> "Measurement":
        """Read what ``save`` wrote. Raises RunError where the file is damaged."""
        flat, own = checkpoint.load(path)
        arrays: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in KINDS}
        for name, array in flat.items():
            kind, _, rest = name.partition("/")
            arrays[kind][rest] = array
        return cls(arrays, **own)


def measure(settings: Settings, run: Path, file: Path) -> None:
    """Train in a process of its own, and write the run folder and the measurement.

    Raises HardmaxError, with the framework's name before the message, where that process fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", "hardmax.parity.measurement", str(run), str(file)],
        input=json.dumps(asdict(settings)),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2]
        raise HardmaxError(
            f"{settings.model} on {settings.framework}: "
            f"{said or f'its process ended with code {done.returncode}'}"
        )


class _AfterFirstEpoch(Callback):
    """Keeps the weights as they are after the first epoch."""

    def on_epoch(self, trainer: Any, record: dict[str, Any]) -> None:
        if record["epoch"] == 1:
            self.weights = trainer.get_weights(trainer.model)


class _Laboratory:
    """The run's network in its framework, to be tried from its starting weights."""

    def __init__(self, settings: Settings, run: Run):
        self.settings, self.run = settings, run
        self.dataset = load.load(settings.data, settings.reading)
        self.batch_size = settings.batch(len(self.dataset.train))
        self.sibling = frameworks.load(settings.framework)
        self.start = starting_weights(
            run.network, run.input_shape, settings.seed, settings.first_weights
        )

    def equipped(
        self, weights: dict[str, np.ndarray], recipe: Recipe, clip: float = 0
    ) -> Equipment:
        """Return the network with such weights, to be trained for an epoch."""
        return Equipment(
            *(self.sibling, self.run.network, self.run.input_shape, weights, recipe),
            gradient_clip_val=clip,
            seed=self.settings.seed,
            device=self.settings.device,
        )

    def scores(self, weights: dict[str, np.ndarray], examples: Examples) -> np.ndarray:
        """Return the scores of examples, float32 of shape (examples, classes)."""
        return self.equipped(weights, Recipe()).scores(examples, self.batch_size)

    def step(self, recipe: Recipe, clip: float = 0) -> dict[str, np.ndarray]:
        """Return the weights after a step from the start, on the first batch of the run."""
        train = self.dataset.train
        loader = Loader(len(train), self.batch_size, shuffle=True)
        loader.seed = self.settings.seed
        loader.balanced_by = train.labels if self.settings.balanced else None
        rows = loader.next_order()[: loader.batch_size]
        equipment = self.equipped(self.start, recipe, clip)
        equipment.fit(train.take(rows), None, len(rows))
        return equipment.weights()

    def first_step(self) -> dict[str, np.ndarray]:
        """Return the weights after the run's first step."""
        count = -(-len(self.dataset.train) // self.batch_size)
        recipe = self.settings.recipe
        rate = float(recipe.rates(count, self.settings.epochs)[0])
        return self.step(
            replace(recipe, lr=rate, schedule="constant", warmup=0.0), self.settings.clip
        )

    def gradients(self) -> dict[str, np.ndarray]:
        """Return the gradients of the run's first step, float64, before any clipping."""
        after = self.step(Recipe(STEEP))
        return {
            name: (weight.astype(np.float64) - after[name]) / STEEP
            for name, weight in self.start.items()
            if name.rpartition(".")[2] not in STATISTICS
        }


def _measured(settings: Settings, path: Path) -> Measurement:
    """Train, write the run folder, and measure."""
    first = _AfterFirstEpoch()
    trained = run_training(settings, str(path), first)
    # Before anything else is done, so that it is the training's.
    peak_memory = _peak_memory()
    if trained.interrupted:
        raise KeyboardInterrupt
    run = Run.open(path)
    laboratory = _Laboratory(settings, run)
    test = laboratory.dataset.test
    part = test.take(np.arange(min(SCORED, len(test))))
    arrays = {
        "starting_scores": {"scores": laboratory.scores(laboratory.start, part)},
        "gradients": laboratory.gradients(),
        "weights_after_step": laboratory.first_step(),
        "weights_after_epoch": first.weights,
        "final_scores": {"scores": laboratory.scores(run.weights, test)},
    }
    return Measurement(arrays, run.record, trained.epochs, peak_memory)


def _peak_memory() -> int:
    """Return the most bytes of main memory that this process had so far."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Measure what stdin asks for; an error is one line on stderr."""
    run, file = map(Path, sys.argv[1:])
    asked = json.load(sys.stdin)
    # JSON has no tuples.
    asked = {key: tuple(own) if isinstance(own, list) else own for key, own in asked.items()}
    try:
        _measured(Settings(**asked), run).save(file)
    except (HardmaxError, MemoryError) as error:
        sys.exit(str(error) or "out of memory")


if __name__ == "__main__":
    main()
