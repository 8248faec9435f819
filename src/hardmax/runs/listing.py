"""The runs below a folder, as ``hardmax runs`` lists them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hardmax.errors import RunError
from hardmax.files import is_hidden
from hardmax.reports.records import DataRecord
from hardmax.runs.record import RECORD, read_record
from hardmax.runs.run import METRICS, MODEL, REPORT
from hardmax.runs.settings import Settings

__all__ = ["ListedRun", "list_runs"]


@dataclass(frozen=True)
class ListedRun:
    """A run folder; if it cannot be used, ``error`` says why, and nothing else is known.

    ``started`` is when the training began, in ISO 8601; runs from before that was recorded lack it.
    The accuracy is that of ``test_count`` examples, which are a ``test set``, were ``split off`` or
    are those of the data that ``test_examples`` names.
    """

    run: str
    started: str | None = None
    model: str = ""
    framework: str = ""
    data: str = ""
    test_accuracy: float | None = None
    test_count: int = 0
    test_examples: str = ""
    error: str | None = None

    @property
    def date(self) -> datetime | None:
        """When the training began, in the local time zone."""
        return None if self.started is None else datetime.fromisoformat(self.started).astimezone()


def list_runs(folder: Path) -> list[ListedRun]:
    """Return the runs in a folder and anywhere below it, newest first.

    Then come those without a date, and those whose record is damaged or of another format or that
    lack a file; other files are not read. Raises RunError if the folder cannot be read.
    """
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise RunError(f"cannot read the folder {folder}: {error.strerror}") from error
    unreadable: list[OSError] = []
    runs = sorted(map(_listed, _run_folders(folder, unreadable)), key=_order)
    return runs + [ListedRun(f"{one.filename}", error=f"{one.strerror}") for one in unreadable]


def _run_folders(folder: Path, errors: list[OSError]) -> Iterator[Path]:
    """Yield the run folders in a folder and below it, except hidden ones; a run holds no others."""
    for path, folders, files in os.walk(folder, onerror=errors.append):
        if RECORD in files or {METRICS, MODEL} <= {*files}:
            folders.clear()
            yield Path(path)
        folders[:] = [name for name in folders if not is_hidden(name)]


def _listed(path: Path) -> ListedRun:
    try:
        record = read_record(path / RECORD)
    except RunError as error:
        return ListedRun(str(path), error=str(error))
    missing = [name for name in (METRICS, MODEL, REPORT) if not (path / name).is_file()]
    if missing:
        return ListedRun(str(path), error=f"{path} has no {' and no '.join(missing)}")
    settings, data = Settings.from_record(record["settings"]), record["data"]
    accuracy = record["results"]["test"].get("accuracy")
    return ListedRun(
        str(path),
        started=record.get("started"),
        model=settings.model,
        framework=settings.framework,
        data=data["name"],
        test_accuracy=accuracy if isinstance(accuracy, float) else None,
        test_count=data["test"],
        test_examples=_test_examples(data),
    )


def _test_examples(data: DataRecord) -> str:
    other = data["preprocessing"].get("test")
    if isinstance(other, dict):
        return f"{other.get('name')}"
    return "split off" if "split_off" in data["preprocessing"] else "test set"


def _order(run: ListedRun) -> tuple[bool, float, str]:
    return run.error is not None, -run.date.timestamp() if run.date else 0.0, run.run
