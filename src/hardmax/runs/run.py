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
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from hardmax.checks import is_plain
from hardmax.data.row_encoding import RowEncoding
from hardmax.data.tables.encoding import Encoding
from hardmax.errors import RunError
from hardmax.json_values import Json, entries, members
from hardmax.networks.layers import Network, from_json, to_json
from hardmax.networks.shapes import Shape, output_shape, weight_shapes
from hardmax.reports.records import RunRecord
from hardmax.runs.settings import Settings
from hardmax.training import checkpoint

__all__ = ["Run", "checksum", "dumps", "file_checksum"]

Value = TypeVar("Value")

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

    record: RunRecord
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

    def header(self) -> dict[str, Json]:
        """Return the header of the weights file."""
        if self.encoding is None:
            inputs: dict[str, Json] = {"pixels_divided_by": DIVISOR}
        else:
            inputs = {"columns": self.encoding.as_json()}
        return {
            "network": to_json(self.network),
            "input_shape": self.input_shape,
            **inputs,
            "classes": self.classes,
        }

    @cached_property
    def settings(self) -> Settings:
        """The settings of the training."""
        return Settings.from_record(self.record["settings"])

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

    def entry(self, section: str, name: str, *kinds: type[Value]) -> Value:
        """Return an entry of a section of the record.

        Raises RunError unless it is of one of the given kinds.
        """
        value = self._find(section, name)
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise RunError(f"{RECORD} of the run has no usable {section}.{name}, got {value!r}")
        return value

    def _find(self, section: str, name: str) -> object:
        found = self.record.get(section)
        return found.get(name) if isinstance(found, dict) else None


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


def _read_header(value: object) -> tuple[Network, Shape, tuple[str, ...], Encoding | None]:
    """Return the network, its input shape, the classes and, for tables, the encoding.

    Raises KeyError, TypeError or ValueError for an unusable header.
    """
    header = members(value)
    encoding = Encoding.from_json(header["columns"]) if "columns" in header else None
    shape = _image_shape(header) if encoding is None else _row_shape(header, encoding)
    classes = []
    for name in entries(header["classes"]):
        if not (isinstance(name, str) and is_plain(name)):
            raise ValueError(f"a class name must be plain text, got {name!r}")
        classes.append(name)
    return from_json(header["network"]), shape, tuple(classes), encoding


def _row_shape(header: Mapping[str, object], encoding: Encoding) -> Shape:
    """Return (features,) of encoded rows. Raises like ``_read_header``."""
    stored = entries(header["input_shape"])
    if stored != [encoding.features] or type(stored[0]) is not int:
        raise ValueError(
            f"input_shape is {_short(stored)}, but the columns make {encoding.features} features"
        )
    return (encoding.features,)


def _image_shape(header: Mapping[str, object]) -> Shape:
    """Return (height, width, channels) of the images. Raises like ``_read_header``."""
    stored = entries(header["input_shape"])
    shape = tuple(n for n in stored if type(n) is int and 0 < n <= MAX_SIDE)
    if not len(shape) == len(stored) == 3 or shape[2] not in (1, 3):
        raise ValueError(f"input_shape must be (height, width, 1 or 3), got {_short(stored)}")
    if header["pixels_divided_by"] != DIVISOR:
        raise ValueError(
            f"pixels_divided_by must be {DIVISOR}, got {_short(header['pixels_divided_by'])}"
        )
    return shape


def _mismatch(actual: Mapping[str, object], required: Mapping[str, object]) -> str:
    """Describe the first weight that differs from the required one."""
    for name in required:
        if name not in actual:
            return f"it lacks {_short(name)}, of type and shape {_short(required[name])}"
        if actual[name] != required[name]:
            return f"{_short(name)} must be {_short(required[name])}, got {_short(actual[name])}"
    return f"it has {_short(min(actual.keys() - required.keys()))}, which no layer has"


def _short(value: object) -> str:
    """Return the repr of a value, truncated because a forged run may make it very long."""
    text = repr(value)
    return text if len(text) <= 300 else text[:300] + "..."


def _read_record(path: Path) -> RunRecord:
    """Read run.json. Entries of sections other than the settings are checked by ``Run.entry``."""
    try:
        data = path.read_bytes()
        record: RunRecord = json.loads(data)
        content = members(record)
        is_intact = (dumps(content, indent=2) + "\n").encode() == data
        stored_checksum = content.pop("checksum")
        version, files = content["format"], content["files"]
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
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
    try:
        Settings.from_record(content.get("settings"))
    except RunError as error:
        raise RunError(f"{path}: {error}") from error
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


def dumps(value: object, indent: int | None = None) -> str:
    """Return strict JSON; NaN and infinities become null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
