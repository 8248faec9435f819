"""Who trains in each framework, and what that needs, told without importing any of it."""

import argparse
import importlib
import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hardmax.frameworks import FRAMEWORKS

__all__ = ["CONTENDERS", "MODELS", "ROADS", "Contender", "missing", "packages", "positive"]

#: Names in hardmax.networks.catalog.NETWORKS, and how often each contender trains them.
MODELS = {"softmax-regression": 10, "mlp": 10, "lenet": 3}

#: The contenders that are hardmax, in every framework; what they must keep up with is ``bare``.
ROADS = ("command-line", "book")


@dataclass(frozen=True)
class Contender:
    """Somebody who trains: a function of a task, in a module of its own, and what that needs.

    ``behind`` says how many times as long as hardmax it takes at least on a model, or --check
    finds hardmax too slow.
    """

    title: str
    module: str
    function: str
    packages: tuple[str, ...] = ()
    behind: Mapping[str, float] = field(default_factory=dict)

    def load(self) -> Callable[..., Any]:
        return getattr(importlib.import_module(f"benchmarks.{self.module}"), self.function)


COMMAND_LINE = Contender("hardmax, command line's road", "with_hardmax", "command_line")

CONTENDERS: dict[str, dict[str, Contender]] = {
    "torch": {
        "bare": Contender("bare PyTorch loop", "torch.bare", "bare"),
        "command-line": COMMAND_LINE,
        "book": Contender("hardmax, the book's API", "torch.book", "book"),
        "keras": Contender(
            "Keras on PyTorch",
            "torch.with_keras",
            "keras_fit",
            ("keras",),
            behind={"softmax-regression": 5.0, "lenet": 1.0},
        ),
        "lightning": Contender(
            "Lightning",
            "torch.with_lightning",
            "lightning_fit",
            ("lightning",),
            behind={"softmax-regression": 5.0},
        ),
        "skorch": Contender("skorch", "torch.with_skorch", "skorch_fit", ("skorch",)),
    },
    "jax": {
        "bare": Contender("bare lax.scan, an epoch a call", "jax.bare", "bare"),
        "bare-step": Contender(
            "bare jitted step, a batch a call",
            "jax.bare",
            "bare_step",
            behind={"lenet": 1 / 1.10},  # XLA's loops are slow with convolutions: no reference
        ),
        "command-line": COMMAND_LINE,
        "book": Contender("hardmax, the book's API", "jax.book", "book"),
        "keras": Contender(
            "Keras on JAX",
            "jax.with_keras",
            "keras_fit",
            ("keras",),
            behind=dict.fromkeys(MODELS, 1.0),
        ),
        "keras-steps": Contender(
            "Keras on JAX, many steps an execution",
            "jax.with_keras",
            "keras_steps",
            ("keras",),
            behind=dict.fromkeys(MODELS, 1.0),
        ),
    },
    "tensorflow": {
        "bare": Contender("bare tf.function, an epoch a call", "tensorflow.bare", "bare"),
        "command-line": COMMAND_LINE,
        "book": Contender("hardmax, the book's API", "tensorflow.book", "book"),
        "keras": Contender(
            "Keras on TensorFlow",
            "tensorflow.with_keras",
            "keras_fit",
            behind={"softmax-regression": 3.0, "mlp": 1.0, "lenet": 1.0},
        ),
        "keras-jit": Contender(
            "Keras on TensorFlow, jit_compile",
            "tensorflow.with_keras",
            "keras_jit",
            behind=dict.fromkeys(MODELS, 1.0),
        ),
        "keras-steps": Contender(
            "Keras on TensorFlow, many steps an execution",
            "tensorflow.with_keras",
            "keras_steps",
            behind=dict.fromkeys(MODELS, 1.0),
        ),
    },
    "mxnet": {
        "bare": Contender("bare hybridized loop", "mxnet.bare", "bare"),
        "command-line": COMMAND_LINE,
        "book": Contender("hardmax, the book's API", "mxnet.book", "book"),
    },
}


def packages(framework: str, names: Iterable[str]) -> list[str]:
    """Return the packages that these contenders of a framework need."""
    own = (p for name in names for p in CONTENDERS[framework][name].packages)
    return [*dict.fromkeys(["hardmax", *FRAMEWORKS[framework], "numpy", *own])]


def missing(wanted: Iterable[str]) -> list[str]:
    """Return the packages that are not installed."""
    return [package for package in wanted if importlib.util.find_spec(package) is None]


def positive(text: str) -> int:
    """Read a number from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)
