"""The run folder: what was asked, what came of it, and the weights.

::

    runs/NAME/
      run.json            what was asked, versions, data, results
      metrics.jsonl       a line an epoch
      model.safetensors   the weights; in its header the network, its input and its classes
      report.html         all of it, readable

``run.json`` holds the checksums of the others and of itself, so that a file that was cut short or
changed is noticed. Nothing in a run folder is ever executed.
"""

import hashlib
import json
import math
import operator
import os
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any

import numpy as np

from hardmax import checkpoint
from hardmax.architectures import Network, from_json, to_json, weight_shapes
from hardmax.checks import is_plain
from hardmax.errors import RunError

__all__ = ["Run", "checksum", "dumps"]

FORMAT = 1
RECORD, METRICS, MODEL, REPORT = "run.json", "metrics.jsonl", "model.safetensors", "report.html"
SUMMED = (METRICS, MODEL)


@dataclass(frozen=True)
class Run:
    """A trained network, and everything needed to use it again.

    ``record`` is what run.json says; ``input_shape`` is (height, width, channels); ``weights``
    go by their portable names.
    """

    record: dict[str, Any]
    network: Network
    input_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    weights: dict[str, np.ndarray]

    @classmethod
    def open(cls, folder: str | os.PathLike) -> "Run":
        """Read a run folder.

        Raises RunError where a file is missing, cut short, changed, or does not fit the rest.
        """
        path = Path(folder)
        if not os.path.isdir(path):
            raise RunError(f"no such run folder: {path}")
        record = _read_record(path / RECORD)
        for name in SUMMED:
            if checksum(_contents(path / name)) != record["files"].get(name):
                raise RunError(f"{path / name} was changed after the run: its checksum differs")
        weights, header = checkpoint.load(path / MODEL)
        try:
            network = from_json(header["network"])
            height, width, channels = (operator.index(size) for size in header["input_shape"])
            if min(height, width, channels) < 1:
                raise ValueError(f"an input of shape {header['input_shape']}")
            classes = _class_names(header["classes"])
            expected = weight_shapes(network, (height, width, channels))
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{path / MODEL} has an unusable header: {error!r}") from error
        found = {name: array.shape for name, array in weights.items()}
        if found != expected:
            raise RunError(f"{path / MODEL} does not fit its network: {found}, not {expected}")
        outputs = [shape[0] for shape in expected.values()][-1:]
        if outputs != [len(classes)]:
            raise RunError(f"{path / MODEL} names {len(classes)} classes, its scores are {outputs}")
        return cls(record, network, (height, width, channels), classes, weights)

    def header(self) -> dict[str, Any]:
        """Return what the file of weights says of itself."""
        return {
            "network": to_json(self.network),
            "input_shape": self.input_shape,
            "pixels_divided_by": 255,
            "classes": self.classes,
        }

    def entry(self, section: str, name: str, kind: type | UnionType) -> Any:
        """Return an entry of a section of the record. Raises RunError where it is not there."""
        entries = self.record.get(section)
        value = entries.get(name) if isinstance(entries, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise RunError(f"the run's record has no usable {section}.{name}: {value!r}")
        return value


def _class_names(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list):
        raise TypeError(f"a list of classes is wanted, got {names!r}")
    for name in names:
        if not (isinstance(name, str) and is_plain(name)):
            raise ValueError(f"a class called {name!r}")
    return tuple(names)


def _read_record(path: Path) -> dict[str, Any]:
    try:
        data = _contents(path)
        record = json.loads(data)
        whole = (dumps(record, indent=2) + "\n").encode() == data
        claimed = record.pop("checksum")
        fits = record["format"] == FORMAT and isinstance(record["files"], dict)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RunError(f"{path} is damaged or no record of a run: {error!r}") from error
    if not fits:
        raise RunError(f"{path} is of another format than {FORMAT}, which this hardmax reads")
    if not whole or claimed != checksum(dumps(record).encode()):
        raise RunError(f"{path} was changed after the run: its checksum differs")
    return record


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error


def checksum(data: bytes) -> str:
    """Return the SHA-256 of data as a hexadecimal string."""
    return hashlib.sha256(data).hexdigest()


def dumps(value: Any, indent: int | None = None) -> str:
    """Return strict JSON, in which numbers that are not finite become null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
