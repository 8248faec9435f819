"""Who trains, and what that needs, told without importing any of it."""

import argparse
import importlib
import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["CONTENDERS", "MODELS", "Contender", "missing", "positive"]

#: Names in hardmax.architectures.NETWORKS.
MODELS = ("softmax-regression", "mlp")


@dataclass(frozen=True)
class Contender:
    """Somebody who trains: a function of a task, in a module of its own, and what that needs."""

    title: str
    module: str
    function: str
    packages: tuple[str, ...] = ()

    def load(self) -> Callable[..., Any]:
        return getattr(importlib.import_module(f"benchmarks.{self.module}"), self.function)


CONTENDERS = {
    "bare": Contender("bare PyTorch loop", "bare", "bare"),
    "command-line": Contender("hardmax, command line's road", "with_hardmax", "command_line"),
    "book": Contender("hardmax, the book's API", "with_hardmax", "book"),
    "keras": Contender("Keras on PyTorch", "with_keras", "keras_fit", ("keras",)),
    "lightning": Contender("Lightning", "with_lightning", "lightning_fit", ("lightning",)),
    "skorch": Contender("skorch", "with_skorch", "skorch_fit", ("skorch",)),
}


def missing(names: Iterable[str]) -> list[str]:
    """Return the packages that these contenders need and that are not installed."""
    packages = ["hardmax", "torch", *(p for name in names for p in CONTENDERS[name].packages)]
    return [package for package in packages if importlib.util.find_spec(package) is None]


def positive(text: str) -> int:
    """Read a number from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)
