"""Fits networks in any number of processes, and writes what came of it: weights and figures.

The arguments are the framework, and the .npz file that the first process writes.
"""

import importlib
import sys
from pathlib import Path

import numpy as np

from hardmax.data.datasets import Vectors
from hardmax.data.images.digits import load_digits
from hardmax.networks import layers
from hardmax.networks.initializers import initial_weights
from hardmax.runs.session import Session
from hardmax.training.recipes import Recipe

if __name__ == "__main__":  # torchrun starts it with its own folder as the path
    sys.path.insert(0, str(Path(__file__).parent))

from resuming import stepwise

SOFTMAX = (layers.Flatten(), layers.Linear(10))
MLP = (layers.Flatten(), layers.Linear(16), layers.Activation("relu"), layers.Linear(10))
NORMED = (layers.Flatten(), layers.Linear(16), layers.BatchNorm(), layers.Linear(10))
CONVNET = (
    *(layers.Conv(4, 3), layers.BatchNorm(), layers.Activation("relu"), layers.GlobalPool()),
    layers.Linear(10),
)
ADAM = Recipe(lr=0.01, optimizer="adam", schedule="cosine")
MOMENTUM = Recipe(lr=0.05, momentum=0.9)

#: By name: the network, its recipe, the numbers of training examples, of examples in a batch and
#: of epochs, and further arguments of the trainer. The last batch of 102 and of 902 has 2 examples,
#: fewer than there are processes.
FITS = {
    "one step": (SOFTMAX, Recipe(lr=0.1), 256, 256, 2, {}),
    "softmax regression": (SOFTMAX, Recipe(lr=0.1), 1437, 256, 2, {}),
    "empty shares": (MLP, ADAM, 902, 100, 2, {}),
    "BatchNorm of empty shares": (NORMED, MOMENTUM, 102, 100, 1, {}),
    "tiny batches": (SOFTMAX, Recipe(lr=0.1), 41, 2, 1, {}),
    "clipping and augmentation": (CONVNET, MOMENTUM, 200, 50, 2, {"gradient_clip_val": 0.1}),
    "step by step": (MLP, MOMENTUM, 302, 100, 2, {}),
}

#: As many examples as the test set has.
MANY = 10_001


def results(framework):
    """Return the results of all fits by name, and of an evaluation."""
    backend = importlib.import_module(f"hardmax.{framework}")
    digits = load_digits()
    found = {}
    for name, (network, recipe, count, size, epochs, options) in FITS.items():
        shape = digits.shape
        session = Session(
            backend,
            network,
            shape,
            initial_weights(network, shape, 0),
            recipe,
            epochs,
            seed=3,
            **options,
        )
        if name == "step by step":
            session.model.__class__ = stepwise(type(session.model))
        fit = {"augment": ("shift", "flip")} if "augmentation" in name else {}
        session.fit(digits.train.take(slice(0, count)), digits.test, size, **fit)
        for record in session.trainer.history:
            for key in ("train_loss", "val_loss", "val_accuracy", "train_accuracy"):
                value = record[key]
                found[f"{name}: {key} {record['epoch']}"] = np.nan if value is None else value
        for key, value in session.weights().items():
            found[f"{name}: weights {key}"] = value
        assert session.trainer.uses_engine == (name != "step by step")
    return found | evaluation(backend)


def evaluation(backend):
    """Return the evaluation and the scores of MANY rows."""
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(MANY, 5)).astype(np.float32)
    vectors = Vectors(rows, generator.integers(0, 3, MANY))
    network = (layers.Linear(3),)
    session = Session(backend, network, (5,), initial_weights(network, (5,), 0))
    data = session.data(None, vectors, 64)
    evaluated = session.trainer.evaluate(session.model, data)
    return {
        "evaluation: correct": evaluated.accuracy * MANY,
        "evaluation: loss": evaluated.loss,
        "evaluation: scores": session.scores(vectors, 64),
    }


def main():
    """Write the results, in the first process."""
    framework, path = sys.argv[1:]
    found = results(framework)
    if importlib.import_module(f"hardmax.{framework}").Trainer.processes.join().is_first:
        np.savez(path, **found)


if __name__ == "__main__":
    main()
