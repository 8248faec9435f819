"""Small run folders, written by the library itself."""

import numpy as np

from hardmax.networks.catalog import mlp, softmax_regression
from hardmax.networks.shapes import weight_shapes
from hardmax.runs.run import Run
from hardmax.runs.writer import RunWriter

SHAPE = (2, 2, 1)
CLASSES = ("shirt", "<b>&", "größer")
EPOCHS = [{"epoch": 1, "train_loss": 0.30000000000000004}, {"epoch": 2, "train_loss": 1e-07}]
RECORD = {
    "settings": {"data": "digits", "lr": 0.1, "seed": 0, "patience": None},
    "environment": {"python": "3.11.7", "cores": 2},
    "data": {
        "name": "größer",
        "fingerprint": "f00",
        "classes": [*CLASSES],
        "shape": [*SHAPE],
        "train": 80,
        "validation": 0,
        "test": 20,
        "preprocessing": {"size": "as set"},
    },
    "results": {
        "epochs": 2,
        "weights_epoch": 2,
        "interrupted": False,
        "stopped_early": False,
        "test": {"accuracy": 0.5, "loss": 1e-05},
    },
}


def make_run(record=RECORD, seed=0):
    network = softmax_regression(3)
    generator = np.random.default_rng(seed)
    weights = {
        name: generator.standard_normal(shape).astype(np.float32)
        for name, shape in weight_shapes(network, SHAPE).items()
    }
    return Run(record, network, SHAPE, CLASSES, weights)


def run_of(shape, classes, encoding=None, seed=0, **settings):
    """Return a run with random weights that give different answers to different examples."""
    network = mlp(len(classes), (8,))
    generator = np.random.default_rng(seed)
    weights = {
        name: generator.standard_normal(size).astype(np.float32)
        for name, size in weight_shapes(network, shape).items()
    }
    data = {**RECORD["data"], "classes": [*classes], "shape": [*shape]}
    record = {
        **RECORD,
        "data": data,
        "settings": {**RECORD["settings"], "model": "mlp", **settings},
    }
    return Run(record, network, shape, tuple(classes), weights, encoding)


def write(out, run=None):
    with RunWriter(out, "name") as writer:
        writer.write(run or make_run(), EPOCHS, "<p>größer</p>", [])
        return writer.publish()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}
