"""Reading and writing run.json, whose every entry is checked when it is read."""

import hashlib
import json
import math
from datetime import datetime
from pathlib import Path

from hardmax.errors import RunError
from hardmax.files import read_regular, write_whole
from hardmax.json_values import check_type, members
from hardmax.reports.records import RunRecord
from hardmax.runs.settings import Settings

__all__ = ["FORMAT", "RECORD", "checksum", "dumps", "read_record", "short", "write_record"]

FORMAT = 2
RECORD = "run.json"

#: The most bytes of a record. One of a thousand classes and columns has about 50,000.
MAX_BYTES = 2**23


def read_record(path: Path) -> RunRecord:
    """Read run.json. Raises RunError unless it is unchanged and each entry has its type."""
    record = _intact(path)
    try:
        Settings.from_record(record.get("settings"))
    except RunError as error:
        raise RunError(f"{path}: {error}") from error
    try:
        check_type("the record", record, RunRecord)
        _check_values(record)
    except (TypeError, ValueError) as error:
        raise RunError(f"{path} is damaged or not a run record: {short(error)}") from error
    return record


def _intact(path: Path) -> RunRecord:
    """Return the record in a file that is as it was written, down to its last byte."""
    data = read_regular(path, MAX_BYTES, RunError)
    try:
        record: RunRecord = json.loads(data)
        content = members(record)
        is_intact = (dumps(content, indent=2) + "\n").encode() == data
        stored_checksum = content.pop("checksum")
        version = content["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RunError(f"{path} is damaged or not a run record: {short(error)}") from error
    if version != FORMAT:
        raise RunError(
            f"{path} has format {short(version)}, but this version of hardmax reads format "
            f"{FORMAT}; train the run again or use the version of hardmax that wrote it"
        )
    if not is_intact or stored_checksum != checksum(dumps(record).encode()):
        raise RunError(f"{path} was changed after training: its checksum does not match")
    return record


def _check_values(record: RunRecord) -> None:
    """Raise ValueError for a value that no training can have, or if checksums are missing."""
    if "files" not in record:
        raise ValueError("it has no checksums of the other files")
    data, results = record["data"], record["results"]
    least = {
        "train": (data["train"], 1),
        "validation": (data["validation"], 0),
        "test": (data["test"], 1),
        "epochs": (results["epochs"], 1),
        "weights_epoch": (results["weights_epoch"], 1),
    }
    for name, (number, minimum) in least.items():
        if number < minimum:
            raise ValueError(f"{name} must be at least {minimum}, got {number}")
    if "started" in record and datetime.fromisoformat(record["started"]).tzinfo is None:
        raise ValueError(f"started must have an offset from UTC, got {record['started']!r}")
    if "conformity" in record:
        _check_conformity(**record["conformity"])
    if "calibration" in record and not record["calibration"]["temperature"] > 0:
        raise ValueError(
            f"the temperature must be above 0, got {record['calibration']['temperature']}"
        )


def _check_conformity(count: int, scores: list[float]) -> None:
    if not 1 <= len(scores) <= count or scores != sorted(scores):
        raise ValueError(
            f"conformity must have 1 to {count} scores in ascending order, got {len(scores)}"
        )


def write_record(folder: Path, record: RunRecord) -> None:
    """Write the record of a run with its checksum, replacing any existing one."""
    checksummed = {**record, "checksum": checksum(dumps(record).encode())}
    write_whole(folder / RECORD, (dumps(checksummed, indent=2) + "\n").encode())


def checksum(data: bytes) -> str:
    """Return the SHA-256 of data as a hexadecimal string."""
    return hashlib.sha256(data).hexdigest()


def dumps(value: object, indent: int | None = None) -> str:
    """Return strict JSON; NaN and infinities become null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def short(value: object) -> str:
    """Return the repr of a value, truncated because a forged run may make it very long."""
    text = repr(value)
    return text if len(text) <= 300 else text[:300] + "..."
