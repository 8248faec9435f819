"""The run folder: the settings, the results and the weights of a training.

::

    runs/NAME/
      run.json            settings, environment, data, results, the conformity scores of the
                          validation set, and the temperature if calibrated
      metrics.jsonl       a line per epoch
      model.safetensors   the weights; the header has the network, its input shape, for tables the
                          encoding of the columns, and the classes
      report.html         the report
      suspects.csv        the examples whose labels may be wrong

``run.json`` has the checksums of the other files and of itself, so that truncated or changed files
are detected; ``suspects.csv`` alone has none, because it is only read by people, who may annotate
it, and older runs lack it. Nothing in a run folder is ever executed.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from hardmax.checks import is_plain
from hardmax.data.row_encoding import RowEncoding
from hardmax.data.tables.encoding import Encoding
from hardmax.errors import RunError
from hardmax.evaluation.conformal import Conformity
from hardmax.files import open_regular
from hardmax.json_values import Json, entries, members
from hardmax.networks.descriptions import from_json, to_json
from hardmax.networks.layers import Network
from hardmax.networks.shapes import Shape, output_shape, weight_count, weight_shapes
from hardmax.reports.records import RunRecord
from hardmax.runs.record import RECORD, read_record, short
from hardmax.runs.settings import Settings
from hardmax.training import checkpoint

__all__ = ["Run", "file_checksum"]

METRICS, MODEL, REPORT = "metrics.jsonl", "model.safetensors", "report.html"
SUSPECTS = "suspects.csv"

#: Pixels, 0 to 255, are divided by this for the network.
DIVISOR = 255

#: The largest height or width of an image.
MAX_SIDE = 2**20

#: The files with a checksum, and the most bytes of each.
MAX_BYTES = {METRICS: 2**30, MODEL: 2**32, REPORT: 2**30}


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
        record = _read_intact(path)
        arrays, header = checkpoint.describe(path / MODEL)
        try:
            network, input_shape, classes, encoding = _read_header(header)
            shapes = weight_shapes(network, input_shape)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise RunError(f"{path / MODEL} has an unusable header: {short(error)}") from error
        _check_arrays(path / MODEL, arrays, shapes)
        outputs = output_shape(network, input_shape)
        if outputs != (len(classes),):
            raise RunError(
                f"{path / MODEL} has {len(classes)} classes, but its scores have shape {outputs}"
            )
        _check_agreement(path, record, input_shape, classes)
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
    def weight_count(self) -> int:
        """The number of weights of the network."""
        return weight_count(self.network, self.input_shape)

    @property
    def temperature(self) -> float:
        """The temperature that scores are divided by: 1 unless the run was calibrated."""
        return self.record["calibration"]["temperature"] if "calibration" in self.record else 1.0

    @property
    def conformity(self) -> Conformity | None:
        """The conformity of the validation set; None for a run without one."""
        if "conformity" not in self.record:
            return None
        stored = self.record["conformity"]
        return Conformity(stored["count"], tuple(stored["scores"]), self.settings.seed)


def _read_intact(folder: Path) -> RunRecord:
    """Return the record of a run folder.

    Raises RunError unless it and the files it has checksums of are as they were written.
    """
    if not os.path.isdir(folder):
        is_file = os.path.exists(folder)
        raise RunError(
            f"{folder} is a file, not a run folder" if is_file else f"no such run folder: {folder}"
        )
    if not (folder / RECORD).exists():
        raise RunError(
            f"{folder / RECORD} is not there, so {folder} is no run folder; `hardmax runs` lists "
            "the runs"
        )
    record = read_record(folder / RECORD)
    for name in MAX_BYTES:
        if file_checksum(folder / name) != record["files"].get(name):
            raise RunError(
                f"{folder / name} was changed after training: its checksum does not match"
            )
    return record


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
            f"input_shape is {short(stored)}, but the columns make {encoding.features} features"
        )
    return (encoding.features,)


def _image_shape(header: Mapping[str, object]) -> Shape:
    """Return (height, width, channels) of the images. Raises like ``_read_header``."""
    stored = entries(header["input_shape"])
    shape = tuple(n for n in stored if type(n) is int and 0 < n <= MAX_SIDE)
    if not len(shape) == len(stored) == 3 or shape[2] not in (1, 3):
        raise ValueError(f"input_shape must be (height, width, 1 or 3), got {short(stored)}")
    if header["pixels_divided_by"] != DIVISOR:
        raise ValueError(
            f"pixels_divided_by must be {DIVISOR}, got {short(header['pixels_divided_by'])}"
        )
    return shape


def _check_arrays(path: Path, arrays: Mapping[str, object], shapes: Mapping[str, Shape]) -> None:
    """Raise RunError if arrays do not fit, so that those that do not are never allocated."""
    required = {name: ("F32", shape) for name, shape in shapes.items()}
    if arrays != required:
        raise RunError(f"{path} does not fit its network: {_mismatch(arrays, required)}")


def _check_agreement(
    path: Path, record: RunRecord, input_shape: Shape, classes: tuple[str, ...]
) -> None:
    """Raise RunError if the record and the header of the weights do not agree."""
    data = record["data"]
    for what, header, recorded in (
        ("classes", [*classes], data["classes"]),
        ("shape", [*input_shape], data["shape"]),
    ):
        if header != recorded:
            raise RunError(
                f"{path}: the {what} of {MODEL}, {short(header)}, are not those of {RECORD}, "
                f"{short(recorded)}"
            )


def _mismatch(actual: Mapping[str, object], required: Mapping[str, object]) -> str:
    """Describe the first weight that differs from the required one."""
    for name in required:
        if name not in actual:
            return f"it lacks {short(name)}, of type and shape {short(required[name])}"
        if actual[name] != required[name]:
            return f"{short(name)} must be {short(required[name])}, got {short(actual[name])}"
    return f"it has {short(min(actual.keys() - required.keys()))}, which no layer has"


def file_checksum(path: Path) -> str:
    """Return the SHA-256 of the contents of a file of a run.

    Raises RunError if it cannot be read, is not a regular file or is too large.
    """
    try:
        with open_regular(path, MAX_BYTES[path.name], RunError) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
