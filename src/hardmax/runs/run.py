"""The run folder: the settings, the results and the weights of a training.

::

    runs/NAME/
      run.json            settings, environment, data, results, and the temperature if calibrated
      metrics.jsonl       a line per epoch
      model.safetensors   the weights; the header has the network, its input shape, for tables the
                          encoding of the columns, and the classes
      report.html         the report

``run.json`` has the checksums of the other files and of itself, so that truncated or changed files
are detected. Nothing in a run folder is ever executed.
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

FORMAT = 2
RECORD, METRICS, MODEL, REPORT = "run.json", "metrics.jsonl", "model.safetensors", "report.html"
CHECKSUMMED = (METRICS, MODEL, REPORT)

#: Pixels, 0 to 255, are divided by this for the network.
DIVISOR = 255

#: The largest height or width of an image.
MAX_SIDE = 2**20

#: The most bytes of each file, checked before anything is read.
MAX_SIZES = {RECORD: 2**26, METRICS: 2**30, MODEL: 2**32, REPORT: 2**30}


@dataclass(frozen=True)
class Run:
    """A trained network and everything needed to use it again.

    ``record`` is the content of run.json; ``input_shape`` is (height, width, channels) for images,
    or (features,) for table rows encoded by ``encoding``; ``weights`` are keyed by portable name.
    """

    record: dict[str, Any]
    network: Network
    input_shape: Shape
    classes: tuple[str, ...]
    weights: dict[str, np.ndarray]
    encoding: RowEncoding | None = None

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "Run":
        """Read a run folder.

        Raises RunError if a file is missing, truncated, changed or inconsistent with the others.
        """
        path = Path(folder)
        if not os.path.isdir(path):
            raise RunError(f"no such run folder: {path}")
        for name, size in MAX_SIZES.items():
            _check_file(path / name, size)
        record = _read_record(path / RECORD)
        for name in CHECKSUMMED:
            if file_checksum(path / name) != record["files"].get(name):
                raise RunError(
                    f"{path / name} was changed after training: its checksum does not match"
                )
        actual, header = checkpoint.describe(path / MODEL)
        try:
            network, input_shape, classes, encoding = _read_header(header)
            expected = weight_shapes(network, input_shape)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise RunError(f"{path / MODEL} has an unusable header: {_short(error)}") from error
        # Checked by the header alone, so that weights that do not fit are never allocated.
        required = {name: ("F32", shape) for name, shape in expected.items()}
        if actual != required:
            raise RunError(
                f"{path / MODEL} does not fit its network: {_mismatch(actual, required)}"
            )
        outputs = output_shape(network, input_shape)
        if outputs != (len(classes),):
            raise RunError(
                f"{path / MODEL} has {len(classes)} classes, but its scores have shape {outputs}"
            )
        weights, _ = checkpoint.load(path / MODEL)
        for name, array in weights.items():
            if not np.isfinite(array).all():
                raise RunError(f"{path / MODEL} has NaN or infinite weights in {name}")
        return cls(record, network, input_shape, classes, weights, encoding)

    def header(self) -> dict[str, Any]:
        """Return the header of the weights file."""
        if self.encoding is None:
            inputs: dict[str, Any] = {"pixels_divided_by": DIVISOR}
        else:
            inputs = {"columns": self.encoding.as_json()}
        return {
            "network": to_json(self.network),
            "input_shape": self.input_shape,
            **inputs,
            "classes": self.classes,
        }

    @property
    def temperature(self) -> float:
        """The temperature that scores are divided by: 1 unless the run was calibrated.

        Raises RunError if the record has an unusable one.
        """
        if "calibration" not in self.record:
            return 1.0
        temperature = self.entry("calibration", "temperature", float)
        if not temperature > 0:
            raise RunError(f"the temperature of the run must be above 0, got {temperature}")
        return temperature

    def entry(self, section: str, name: str, kind: type | UnionType) -> Any:
        """Return an entry of a section of the record. Raises RunError if it is unusable."""
        entries = self.record.get(section)
        value = entries.get(name) if isinstance(entries, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise RunError(f"{RECORD} of the run has no usable {section}.{name}, got {value!r}")
        return value


def _check_file(path: Path, size: int) -> None:
    """Raise RunError unless ``path`` is a regular file of at most ``size`` bytes."""
    try:
        status = path.stat()
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise RunError(f"cannot read {path}: it is not a regular file")
    if status.st_size > size:
        raise RunError(f"{path} has {status.st_size} bytes; at most {size} are allowed")


def _read_header(header: Any) -> tuple[Network, Shape, tuple[str, ...], Encoding | None]:
    """Return the network, its input shape, the classes and, for tables, the encoding.

    Raises KeyError, TypeError or ValueError for an unusable header.
    """
    if "columns" in header:
        encoding = Encoding.from_json(header["columns"])
        shape: Shape = (encoding.features,)
        stored = header["input_shape"]
        if stored != [*shape] or type(stored[0]) is not int:
            raise ValueError(
                f"input_shape is {_short(stored)}, but the columns make "
                f"{encoding.features} features"
            )
    else:
        encoding, shape = None, _image_shape(header)
    classes = header["classes"]
    if not isinstance(classes, list):
        raise TypeError(f"classes must be a list, got {classes!r}")
    for name in classes:
        if not (isinstance(name, str) and is_plain(name)):
            raise ValueError(f"a class name must be plain text, got {name!r}")
    return from_json(header["network"]), shape, tuple(classes), encoding


def _image_shape(header: Any) -> Shape:
    """Return (height, width, channels) of the images. Raises like ``_read_header``."""
    height, width, channels = shape = header["input_shape"]
    if not all(type(n) is int and 0 < n <= MAX_SIDE for n in shape) or channels not in (1, 3):
        raise ValueError(f"input_shape must be (height, width, 1 or 3), got {_short(shape)}")
    if header["pixels_divided_by"] != DIVISOR:
        raise ValueError(
            f"pixels_divided_by must be {DIVISOR}, got {_short(header['pixels_divided_by'])}"
        )
    return height, width, channels


def _mismatch(actual: dict[str, Any], required: dict[str, Any]) -> str:
    """Describe the first weight that differs from the required one."""
    for name in required:
        if name not in actual:
            return f"it lacks {_short(name)}, of type and shape {_short(required[name])}"
        if actual[name] != required[name]:
            return f"{_short(name)} must be {_short(required[name])}, got {_short(actual[name])}"
    return f"it has {_short(min(actual.keys() - required.keys()))}, which no layer has"


def _short(value: Any) -> str:
    """Return the repr of a value, truncated because a forged run may make it very long."""
    text = repr(value)
    return text if len(text) <= 300 else text[:300] + "..."


def _read_record(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
        record = json.loads(data)
        is_intact = (dumps(record, indent=2) + "\n").encode() == data
        stored_checksum = record.pop("checksum")
        version, files = record["format"], record["files"]
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RunError(f"{path} is damaged or not a run record: {_short(error)}") from error
    if version != FORMAT:
        raise RunError(
            f"{path} has format {_short(version)}, but this version of hardmax reads format "
            f"{FORMAT}; train the run again or use the version of hardmax that wrote it"
        )
    if not isinstance(files, dict):
        raise RunError(f"{path} is damaged or not a run record: files is {_short(files)}")
    if not is_intact or stored_checksum != checksum(dumps(record).encode()):
        raise RunError(f"{path} was changed after training: its checksum does not match")
    return record


def checksum(data: bytes) -> str:
    """Return the SHA-256 of data as a hexadecimal string."""
    return hashlib.sha256(data).hexdigest()


def file_checksum(path: Path) -> str:
    """Return the SHA-256 of the contents of a file. Raises RunError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error


def dumps(value: Any, indent: int | None = None) -> str:
    """Return strict JSON; NaN and infinities become null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
