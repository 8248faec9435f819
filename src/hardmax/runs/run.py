"""The run folder: what was asked, what came of it, and the weights.

::

    runs/NAME/
      run.json            what was asked, versions, data, results, perhaps a temperature
      metrics.jsonl       a line an epoch
      model.safetensors   the weights; in its header the network, its input (of a table also
                          how its columns become numbers) and its classes
      report.html         all of it, readable

``run.json`` holds the checksums of the others and of itself, so that a file that was cut short or
changed is noticed. Nothing in a run folder is ever executed.
"""

import hashlib
import json
import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any

import numpy as np

from hardmax.checks import is_plain
from hardmax.data.datasets import RowEncoding
from hardmax.data.tables.encoding import Encoding
from hardmax.errors import RunError
from hardmax.networks.layers import Network, from_json, to_json
from hardmax.networks.shapes import Shape, output_shape, weight_shapes
from hardmax.training import checkpoint

__all__ = ["Run", "checksum", "dumps", "file_checksum"]

FORMAT = 1
RECORD, METRICS, MODEL, REPORT = "run.json", "metrics.jsonl", "model.safetensors", "report.html"
SUMMED = (METRICS, MODEL, REPORT)

#: What makes 0 to 1 of a byte; the network wants it.
DIVISOR = 255

#: More pixels than this, or channels, no side of a picture has.
LONGEST = 2**20

#: More bytes than this no run has; it is looked at before anything is read.
LARGEST = {RECORD: 2**26, METRICS: 2**30, MODEL: 2**32, REPORT: 2**30}


@dataclass(frozen=True)
class Run:
    """A trained network, and everything needed to use it again.

    ``record`` is what run.json says; ``input_shape`` is (height, width, channels) of pictures, or
    (entries,) of what ``encoding`` makes of a table's rows; ``weights`` go by their portable names.
    """

    record: dict[str, Any]
    network: Network
    input_shape: Shape
    classes: tuple[str, ...]
    weights: dict[str, np.ndarray]
    encoding: RowEncoding | None = None

    @classmethod
    def open(cls, folder: str | os.PathLike) -> "Run":
        """Read a run folder.

        Raises RunError where a file is missing, cut short, changed, or does not fit the rest.
        """
        path = Path(folder)
        if not os.path.isdir(path):
            raise RunError(f"no such run folder: {path}")
        for name, size in LARGEST.items():
            _check_file(path / name, size)
        record = _read_record(path / RECORD)
        for name in SUMMED:
            if file_checksum(path / name) != record["files"].get(name):
                raise RunError(f"{path / name} was changed after the run: its checksum differs")
        described, header = checkpoint.describe(path / MODEL)
        try:
            network, input_shape, classes, encoding = _read_header(header)
            expected = weight_shapes(network, input_shape)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise RunError(f"{path / MODEL} has an unusable header: {_short(error)}") from error
        # Known from the header alone, so that nothing large is made that does not fit.
        wanted = {name: ("F32", shape) for name, shape in expected.items()}
        if described != wanted:
            raise RunError(f"{path / MODEL} does not fit its network: {_misfit(described, wanted)}")
        outputs = output_shape(network, input_shape)
        if outputs != (len(classes),):
            raise RunError(f"{path / MODEL} names {len(classes)} classes, its scores are {outputs}")
        weights, _ = checkpoint.load(path / MODEL)
        for name, array in weights.items():
            if not np.isfinite(array).all():
                raise RunError(f"{path / MODEL} has weights that are not finite, in {name}")
        return cls(record, network, input_shape, classes, weights, encoding)

    def header(self) -> dict[str, Any]:
        """Return what the file of weights says of itself."""
        if self.encoding is None:
            prepared: dict[str, Any] = {"pixels_divided_by": DIVISOR}
        else:
            prepared = {"columns": self.encoding.as_json()}
        return {
            "network": to_json(self.network),
            "input_shape": self.input_shape,
            **prepared,
            "classes": self.classes,
        }

    @property
    def temperature(self) -> float:
        """What scores are divided by for their probabilities: 1 unless the run was calibrated.

        Raises RunError where the record has none that can be used.
        """
        if "calibration" not in self.record:
            return 1.0
        temperature = self.entry("calibration", "temperature", float)
        if not temperature > 0:
            raise RunError(f"the run's temperature must be above 0, is {temperature}")
        return temperature

    def entry(self, section: str, name: str, kind: type | UnionType) -> Any:
        """Return an entry of a section of the record. Raises RunError where it is not there."""
        entries = self.record.get(section)
        value = entries.get(name) if isinstance(entries, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise RunError(f"the run's record has no usable {section}.{name}: {value!r}")
        return value


def _check_file(path: Path, size: int) -> None:
    """Raise RunError unless ``path`` is a file, of at most ``size`` bytes, that has an end."""
    try:
        found = path.stat()
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise RunError(f"cannot read {path}: it is no regular file")
    if found.st_size > size:
        raise RunError(f"{path} has {found.st_size} bytes; at most {size} are read")


def _read_header(header: Any) -> tuple[Network, Shape, tuple[str, ...], Encoding | None]:
    """Return what the file of weights says of itself: the network, its input, the classes.

    Of a table's run also how its columns become numbers. Raises KeyError, TypeError or ValueError
    where it says nothing that can be used.
    """
    if "columns" in header:
        encoding = Encoding.from_json(header["columns"])
        shape: Shape = (encoding.entries,)
        given = header["input_shape"]
        if given != [*shape] or type(given[0]) is not int:
            raise ValueError(f"an input of {_short(given)}, columns of {encoding.entries} numbers")
    else:
        encoding, shape = None, _picture_shape(header)
    classes = header["classes"]
    if not isinstance(classes, list):
        raise TypeError(f"a list of classes is wanted, got {classes!r}")
    for name in classes:
        if not (isinstance(name, str) and is_plain(name)):
            raise ValueError(f"a class called {name!r}")
    return from_json(header["network"]), shape, tuple(classes), encoding


def _picture_shape(header: Any) -> Shape:
    """Return (height, width, channels) of a run's pictures. Raises what ``_read_header`` raises."""
    height, width, channels = shape = header["input_shape"]
    if not all(type(n) is int and 0 < n <= LONGEST for n in shape) or channels not in (1, 3):
        raise ValueError(f"an input of shape {_short(shape)}; (height, width, 1 or 3) is wanted")
    if header["pixels_divided_by"] != DIVISOR:
        raise ValueError(f"pixels divided by {header['pixels_divided_by']}, not {DIVISOR}")
    return height, width, channels


def _misfit(described: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Say of the first weight that differs how it is and how it should be."""
    for name in wanted:
        if name not in described:
            return f"it lacks {_short(name)}, of type and shape {_short(wanted[name])}"
        if described[name] != wanted[name]:
            return f"{_short(name)} must be {_short(wanted[name])}, is {_short(described[name])}"
    return f"it has {_short(min(described.keys() - wanted.keys()))}, which no layer has"


def _short(thing: Any) -> str:
    """Return what stands for a thing in a message, cut off where others made it long."""
    text = repr(thing)
    return text if len(text) <= 300 else text[:300] + "..."


def _read_record(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
        record = json.loads(data)
        whole = (dumps(record, indent=2) + "\n").encode() == data
        claimed = record.pop("checksum")
        fits = record["format"] == FORMAT and isinstance(record["files"], dict)
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RunError(f"{path} is damaged or no record of a run: {_short(error)}") from error
    if not fits:
        raise RunError(f"{path} is of another format than {FORMAT}, which this hardmax reads")
    if not whole or claimed != checksum(dumps(record).encode()):
        raise RunError(f"{path} was changed after the run: its checksum differs")
    return record


def checksum(data: bytes) -> str:
    """Return the SHA-256 of data as a hexadecimal string."""
    return hashlib.sha256(data).hexdigest()


def file_checksum(path: Path) -> str:
    """Return the SHA-256 of a file's contents. Raises RunError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error


def dumps(value: Any, indent: int | None = None) -> str:
    """Return strict JSON, in which numbers that are not finite become null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
