"""Records of runs and of parity reports, and what reports show beside them."""

import copy

from hardmax.evaluation.explanation import Dependence, Explanation
from hardmax.evaluation.importance import Importance
from hardmax.evaluation.slices import Slice
from hardmax.parity.report import COLUMNS

CLASSES = ("shirt", '<b>&"bag"', "<script>alert(1)</script>")
EPOCHS = [
    {
        "epoch": i,
        "train_loss": 1.25 / i,
        "train_accuracy": 0.5 + i / 100,
        "val_loss": 1.75 / i,
        "val_accuracy": 0.25 + i / 100,
        "seconds": i / 8,
    }
    for i in range(1, 4)
]

BASELINE = {
    "name": "other",
    "rows": 150,
    "features": 7,
    "accuracy": 0.3,
    "loss": 1.25,
    "only_network": 3,
    "only_baseline": 0,
    "p": 0.25,
}

EXPLANATION = Explanation(
    classes=CLASSES,
    rows=100,
    repeats=3,
    seed=0,
    importances=[Importance("<i>a", 0.125, 0.01, 0.5, 0.125), Importance("b", -0.1, 0, -0.02, 0.3)],
    dependences=[Dependence("<i>a", ["1", "a long value"], [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7]])],
    slices=[
        Slice("<i>a", "<i>x", 40, 10, 0.25, (0.1, 0.5), 1.5, 0.01),
        Slice("b", "above 1 to 2", 50, 40, 0.8, (0.7, 0.9), 0.75, 0.5),
    ],
)


def record(**changes):
    made = {
        "settings": {
            "model": "mlp",
            "framework": "torch",
            "epochs": 9,
            "lr": 0.1,
            "patience": None,
        },
        "environment": {"hardmax": "0.1.0", "device": "cpu"},
        "data": {
            "name": "a & b",
            "train": 120,
            "validation": 0,
            "fingerprint": "f1" * 32,
            "preprocessing": {"split_off": 0.2},
        },
        "results": {
            "epochs": 3,
            "weights_epoch": 3,
            "interrupted": False,
            "stopped_early": False,
        },
    }
    made = copy.deepcopy(made)
    for section, entries in changes.items():
        made[section] |= entries
    return made


def pair(**relative):
    kinds = {kind: {"relative": relative.get(kind, 1e-8), "array": "1.weight"} for kind in COLUMNS}
    labels = {"train_loss": 2e-7, "test_loss": 3e-7, "test_accuracy": 0.25}
    counts = {"same_labels": 3, "count": 4, "different_labels": [2]}
    return {"frameworks": ["torch", "<jax>"], **kinds, **labels, **counts}


def network_of(pairs, dropout=False):
    """Return a network of a parity report, trained in the frameworks of some pairs."""
    record = {
        "settings": {"model": "mlp", "framework": "torch", "epochs": 1, "lr": 0.5, "init": None},
        "data": {"name": "a<b", "train": 8, "test": 4, "fingerprint": "f00"},
        "environment": {"torch": "9.9"},
    }
    run = {
        "train_loss": 0.5,
        "test": {"loss": 0.75, "accuracy": 0.5, "interval": [0, 1], "correct": 2, "count": 4},
        "seconds_per_epoch": 1.5,
        "compile_seconds": 2.5,
        "peak_memory": 3 * 2**20,
        "record": record,
    }
    network = {"model": "mlp", "init": "normal", "weights": 1234, "dropout": dropout}
    names = dict.fromkeys(name for one in pairs for name in one["frameworks"])
    return network | {
        "runs": [{**run, "name": name, "framework": name} for name in names],
        "pairs": pairs,
    }
