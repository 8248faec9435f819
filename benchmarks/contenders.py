"""The contenders in each framework and their packages, defined without importing them."""

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hardmax.frameworks import FRAMEWORKS

__all__ = ["CONTENDERS", "MODELS", "PATHS", "Contender", "packages"]

#: Names in hardmax.networks.catalog.NETWORKS, and how often each contender trains them.
MODELS = {"softmax-regression": 10, "mlp": 10, "lenet": 3}

#: The contenders that are hardmax, in every framework; their reference is ``bare``.
PATHS = ("command-line", "book")


@dataclass(frozen=True)
class Contender:
    """A trainer: a function of a task, its module, and the packages that it needs.

    ``min_ratio``: the least time per epoch relative to hardmax that --check allows, by model.
    """

    title: str
    module: str
    function: str
    packages: tuple[str, ...] = ()
    min_ratio: Mapping[str, float] = field(default_factory=dict)

    def load(self) -> Callable[..., Any]:
        return getattr(importlib.import_module(f"benchmarks.{self.module}"), self.function)


COMMAND_LINE = Contender("hardmax, command line", "with_hardmax", "command_line")

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
            min_ratio={"softmax-regression": 5.0, "lenet": 1.0},
        ),
        "lightning": Contender(
            "Lightning",
            "torch.with_lightning",
            "lightning_fit",
            ("lightning",),
            min_ratio={"softmax-regression": 5.0},
        ),
        "skorch": Contender("skorch", "torch.with_skorch", "skorch_fit", ("skorch",)),
    },
    "jax": {
        "bare": Contender("bare lax.scan, one call per epoch", "jax.bare", "bare"),
        "bare-step": Contender(
            "bare jitted step, one call per batch",
            "jax.bare",
            "bare_step",
            min_ratio={
                "lenet": 1 / 1.10
            },  # not a reference: XLA's loops are slow with convolutions
        ),
        "command-line": COMMAND_LINE,
        "book": Contender("hardmax, the book's API", "jax.book", "book"),
        "keras": Contender(
            "Keras on JAX",
            "jax.with_keras",
            "keras_fit",
            ("keras",),
            min_ratio=dict.fromkeys(MODELS, 1.0),
        ),
        "keras-steps": Contender(
            "Keras on JAX, many steps per execution",
            "jax.with_keras",
            "keras_steps",
            ("keras",),
            min_ratio=dict.fromkeys(MODELS, 1.0),
        ),
    },
    "tensorflow": {
        "bare": Contender("bare tf.function, one call per epoch", "tensorflow.bare", "bare"),
        "command-line": COMMAND_LINE,
        "book": Contender("hardmax, the book's API", "tensorflow.book", "book"),
        "keras": Contender(
            "Keras on TensorFlow",
            "tensorflow.with_keras",
            "keras_fit",
            min_ratio={"softmax-regression": 3.0, "mlp": 1.0, "lenet": 1.0},
        ),
        "keras-jit": Contender(
            "Keras on TensorFlow, jit_compile",
            "tensorflow.with_keras",
            "keras_jit",
            min_ratio=dict.fromkeys(MODELS, 1.0),
        ),
        "keras-steps": Contender(
            "Keras on TensorFlow, many steps per execution",
            "tensorflow.with_keras",
            "keras_steps",
            min_ratio=dict.fromkeys(MODELS, 1.0),
        ),
    },
    "mxnet": {
        "bare": Contender("bare hybridized loop", "mxnet.bare", "bare"),
        "command-line": COMMAND_LINE,
        "book": Contender("hardmax, the book's API", "mxnet.book", "book"),
    },
}


def packages(framework: str, names: Iterable[str]) -> list[str]:
    """Return the packages that contenders of a framework need."""
    extra = (p for name in names for p in CONTENDERS[framework][name].packages)
    return [*dict.fromkeys(["hardmax", *FRAMEWORKS[framework], "numpy", *extra])]
