"""Files of the states of a fit: nested values and arrays, of which the last two are kept."""

import os
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from hardmax.errors import ArgumentError, RunError
from hardmax.training import checkpoint

__all__ = ["State", "StateFiles", "Store", "python_random", "set_python_random"]

#: Dicts with string keys, and lists, of JSON values and NumPy arrays.
State: TypeAlias = dict[str, Any]

#: The key of an object in JSON that stands for an array; its value is the array's name.
ARRAY = "array of hardmax"


class Store(Protocol):
    """Where the state of a fit is kept."""

    def load(self) -> State | None:
        """Return the last state; None if there is none. Raises RunError if it is damaged."""

    def save(self, state: State) -> None:
        """Keep a state in place of the last one. Raises RunError if it cannot be written."""


class StateFiles:
    """A store: the safetensors file ``path`` and, beside it, that of the state before.

    ``tell`` receives a line if the last state is damaged, and the one before is used in its place.
    """

    def __init__(self, path: str | os.PathLike[str], tell: Callable[[str], None] = warnings.warn):
        self.path, self.tell = Path(path), tell
        self.previous = self.path.with_name(f"{self.path.stem}.previous{self.path.suffix}")

    def load(self) -> State | None:
        """Return the last state; None if there is none. Raises RunError if both are damaged."""
        found = [path for path in (self.path, self.previous) if path.exists()]
        for path in found:
            try:
                arrays, header = checkpoint.load(path)
                state: State = _filled(header["state"], arrays)
            except (RunError, KeyError) as error:
                problem = error if isinstance(error, RunError) else f"{path} is no state of a fit"
                if path is found[-1]:
                    raise RunError(f"{problem}; delete it to start the training anew") from error
                self.tell(f"{problem}; the training goes on from the state before")
            else:
                return state
        return None

    def save(self, state: State) -> None:
        """Write a state, and keep the last one. Raises RunError if it cannot be written."""
        arrays: dict[str, np.ndarray] = {}
        header = {"state": _emptied(state, "", arrays)}
        new = self.path.with_name(f"{self.path.stem}.new{self.path.suffix}")
        checkpoint.save(new, arrays, header)
        try:
            if self.path.exists():
                self.path.replace(self.previous)
            new.replace(self.path)
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error.strerror}") from error


def python_random() -> State:
    """Return the state of Python's random numbers, from which some frameworks draw seeds."""
    version, words, gauss = random.getstate()
    return {"version": version, "words": np.array(words, np.int64), "gauss": gauss}


def set_python_random(state: State) -> None:
    """Set the state of Python's random numbers that ``python_random`` returned."""
    random.setstate((state["version"], tuple(state["words"].tolist()), state["gauss"]))


def _emptied(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """Return a state as JSON values; its arrays are added to ``arrays`` by their place in it."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.generic():
            return value.item()
        case np.ndarray():
            arrays[name] = value
            return {ARRAY: name}
        case list() | tuple():
            return [_emptied(one, f"{name}.{i}", arrays) for i, one in enumerate(value)]
        case dict() if all(isinstance(key, str) for key in value):
            return {
                key: _emptied(one, f"{name}.{key}" if name else key, arrays)
                for key, one in value.items()
            }
    raise ArgumentError(
        f"the state of a fit cannot have a {type(value).__name__} as {name}; it may have numbers, "
        "texts, NumPy arrays, lists, and dicts with texts as keys"
    )


def _filled(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return a state from its JSON values and its arrays. Raises KeyError if one is missing."""
    match value:
        case dict() if value.keys() == {ARRAY}:
            return arrays[value[ARRAY]]
        case list():
            return [_filled(one, arrays) for one in value]
        case dict():
            return {key: _filled(one, arrays) for key, one in value.items()}
    return value
