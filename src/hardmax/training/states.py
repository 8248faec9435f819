"""Files of the states of a fit: nested values and arrays, of which the last two are kept."""

import json
import os
import random
import warnings
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from hardmax.errors import ArgumentError, RunError
from hardmax.processes.group import Group
from hardmax.training import checkpoint

__all__ = [
    "State",
    "StateFiles",
    "Store",
    "check_state",
    "python_random",
    "set_python_random",
    "state_from_first",
]

#: Dicts with string keys, and lists, of JSON values and NumPy arrays.
State: TypeAlias = dict[str, Any]

#: The key of an object in JSON that stands for an array; its value is the array's name.
ARRAY = "array of hardmax"


class Store(Protocol):
    """Where the state of a fit is kept."""

    @property
    def is_closing(self) -> bool:
        """Whether a state is to be saved as soon as possible, because the fit is going to end."""

    def load(self) -> State | None:
        """Return the last state; None if there is none. Raises RunError if it is damaged."""

    def save(self, state: State) -> None:
        """Keep a state in place of the last one. Raises RunError if it cannot be written."""


class StateFiles:
    """A store: the safetensors file ``path`` and, beside it, that of the state before.

    ``tell`` receives a line if the last state is damaged or missing, and the one before is used in
    its place.
    """

    is_closing = False

    def __init__(self, path: str | os.PathLike[str], tell: Callable[[str], None] = warnings.warn):
        self.path, self.tell = Path(path), tell
        self.new, self.previous = (
            self.path.parent / f"{self.path.stem}.{word}{self.path.suffix}"
            for word in ("new", "previous")
        )

    def load(self) -> State | None:
        """Return the last state; None if there is none. Raises RunError if all are damaged."""
        try:
            return self.read()
        except RunError as error:
            way = "give another file for resume"
            if os.path.isfile(self.path):
                way = f"delete {self.path} and {self.previous.name} to start anew, or {way}"
            raise RunError(f"{error}; {way}") from error

    def read(self) -> State | None:
        """Return the same as ``load``, which adds to its errors what to do."""
        found, problems = self._found(), []
        if found == [self.previous]:
            problems.append(f"{self.path} is missing")
        for path in found:
            try:
                state = _loaded(path)
            except RunError as error:
                problems.append(str(error))
            else:
                if problems:
                    self.tell(f"{'; '.join(problems)}; the training goes on from the state before")
                return state
        if problems:
            raise RunError("; ".join(problems))
        return None

    def _found(self) -> list[Path]:
        """Return the files that exist, the newest first."""
        try:
            # A process that is killed while it saves may leave a new file in place of ``path``.
            return [path for path in (self.new, self.path, self.previous) if path.exists()]
        except OSError as error:
            raise RunError(f"cannot read {self.path}: {error.strerror}") from error

    def save(self, state: State) -> None:
        """Write a state, and keep the last one. Raises RunError if it cannot be written."""
        arrays: dict[str, np.ndarray] = {}
        # As one text, because a header is written with its keys sorted.
        content = json.dumps(_emptied(state, "", arrays))
        header = {"state": content, "checksum": _checksum(content, arrays)}
        checkpoint.save(self.new, arrays, header)
        try:
            if self.path.exists():
                self.path.replace(self.previous)
            self.new.replace(self.path)
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error.strerror}") from error


def _loaded(path: Path) -> State:
    """Return the state in a file. Raises RunError if it is damaged or none."""
    arrays, header = checkpoint.load(path)
    if not {"state", "checksum"} <= header.keys():
        raise RunError(f"{path} is no state of a fit")
    if header["checksum"] != _checksum(header["state"], arrays):
        raise RunError(f"{path} is damaged: its checksum does not match")
    state: State = _filled(json.loads(header["state"]), arrays)
    return state


def _checksum(content: str, arrays: Mapping[str, np.ndarray]) -> int:
    """Return the CRC-32 of a state's JSON values and arrays."""
    checksum = zlib.crc32(content.encode())
    for name in sorted(arrays):
        array = arrays[name]
        # As they are in the file, whatever the byte order of this machine is.
        checksum = zlib.crc32(array.astype(array.dtype.newbyteorder("<")).tobytes(), checksum)
    return checksum


def check_state(state: State) -> None:
    """Raise ArgumentError if a state has anything that cannot be saved."""
    _emptied(state, "", {})


def python_random() -> State:
    """Return the state of Python's random numbers, from which some frameworks draw seeds."""
    version, words, gauss = random.getstate()
    return {"version": version, "words": np.array(words, np.int64), "gauss": gauss}


def set_python_random(state: State) -> None:
    """Set the state of Python's random numbers that ``python_random`` returned."""
    random.setstate((state["version"], tuple(state["words"].tolist()), state["gauss"]))


def state_from_first(state: State | None, group: Group) -> State | None:
    """Return the state that the first process of a group has; those of others are not looked at."""
    if group.size == 1:
        return state
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_emptied(state, "", arrays) if group.is_first else None)
    content, *received = group.from_first(np.frombuffer(text.encode(), np.uint8), *arrays.values())
    named = {str(number): array for number, array in enumerate(received)}
    found: State | None = _filled(json.loads(content.tobytes()), named)
    return found


def _emptied(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """Return ``value``, which is ``name`` in a state, as JSON values.

    Its arrays are added to ``arrays`` by numbers, because names may be equal or not allowed there.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.bool_() | np.integer():
            return value.item()
        case np.floating():
            return float(value)
        case np.ndarray() if value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
            number = str(len(arrays))
            arrays[number] = value
            return {ARRAY: number}
        case list() | tuple():
            return [_emptied(one, f"{name}.{i}", arrays) for i, one in enumerate(value)]
        case dict() if all(isinstance(key, str) and key != ARRAY for key in value):
            return {
                key: _emptied(one, f"{name}.{key}" if name else key, arrays)
                for key, one in value.items()
            }
    kind = f"{value.dtype} array" if isinstance(value, np.ndarray) else type(value).__name__
    raise ArgumentError(
        f"the state of a fit cannot have a {kind} as {name}; it may have numbers, texts, NumPy "
        "arrays of numbers, lists, and dicts with texts as keys"
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
