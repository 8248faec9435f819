"""Writes folders completely or not at all, and never over existing files."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from hardmax.errors import RunError
from hardmax.files import locked, sweep, temporary_name, unfinished
from hardmax.processes.group import group
from hardmax.reports.suspects import Suspects, as_csv
from hardmax.runs.record import FORMAT, dumps, write_record
from hardmax.runs.run import MAX_BYTES, METRICS, MODEL, REPORT, SUSPECTS, Run, file_checksum
from hardmax.training import checkpoint
from hardmax.training.contracts import EpochRecord

__all__ = ["RUNS", "FolderWriter", "RunWriter", "check_out", "folder_name", "run_writer"]

#: The folder of the runs that are given no other.
RUNS = Path("runs")

#: The most bytes of a data set's name in a folder name; some file systems allow 143 in all.
NAME_BYTES = 80


def folder_name(data: str, *more: str) -> str:
    """Return a folder name: the name of the data, shortened and printable, followed by ``more``."""
    plain = "".join(letter if letter.isprintable() else "_" for letter in data)
    return "-".join([plain.encode()[:NAME_BYTES].decode(errors="ignore"), *more])


class FolderWriter:
    """Writes a folder in a ``with`` block, which leaves nothing behind on failure.

    What a killed process has left behind, the next one deletes.

    In the block ``folder`` is the folder under a temporary name; ``publish`` renames it to ``out``,
    or to ``name`` in the folder ``parent``, with a number appended if that is taken. Raises
    RunError if the folder cannot be written or is not empty, as early as possible.
    """

    def __init__(self, out: str | os.PathLike[str] | None, name: str, parent: Path = RUNS):
        self.out = None if out is None else Path(out)
        self.name, self.parent = name, parent
        try:
            self.target = self._find_target()
            self._check_target()
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error.strerror}") from error

    @property
    def path(self) -> Path:
        """The path of the folder as it was named."""
        return self.out or self.parent / self.name

    def _find_target(self) -> Path:
        # A folder can be renamed to the target of a link, not to the link.
        real = Path(os.path.realpath(self.out or self.parent))
        for folder in (real, *real.parents):
            if folder.is_symlink():
                raise RunError(f"cannot write {self.path}: {folder} is a circular link")
        return real if self.out is not None else real / self.name

    def _check_target(self) -> None:
        if self.out is None or not self.target.exists():
            return
        if not self.target.is_dir() or any(self.target.iterdir()):
            raise RunError(f"{self.out} already exists and is not empty; choose another folder")
        if self.target.samefile(".") or self.target.is_mount():
            raise RunError(
                f"{self.out} cannot be replaced because it is the working directory or a mount "
                f"point; choose a folder in it, such as {self.out / 'run'}"
            )

    def __enter__(self) -> Self:
        parent = self.target.parent
        while not parent.exists():
            parent = parent.parent
        sweep(parent)
        self.folder = parent / temporary_name()
        try:
            with contextlib.ExitStack() as cleanup:
                cleanup.enter_context(unfinished(self.folder))
                cleanup.callback(shutil.rmtree, self.folder, ignore_errors=True)
                # Fail before the training, not after it, if any part of the path cannot be created.
                (self.folder / self.target.relative_to(parent)).mkdir(parents=True)
                shutil.rmtree(self.folder)
                self.folder.mkdir()
                cleanup.enter_context(locked(self.folder))
                self._cleanup = cleanup.pop_all()
        except OSError as error:
            raise RunError(f"cannot write {self.path} into {parent}: {error.strerror}") from error
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._cleanup.close()

    def publish(self) -> Path:
        """Rename the folder to its final name and return its path."""
        try:
            return self._rename()
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error.strerror}") from error

    def _rename(self) -> Path:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        number, target = 1, self.target
        while True:
            try:
                self.folder.rename(target)
                return self.path.with_name(target.name) if number > 1 else self.path
            except OSError:
                if self.out is not None or not os.path.lexists(target):
                    raise
                number += 1
                target = self.target.with_name(f"{self.target.name}-{number}")


def check_out(out: str | os.PathLike[str]) -> None:
    """Raise RunError if there is a folder or file ``out`` that a FolderWriter would not replace."""
    FolderWriter(out, "")


class RunWriter(FolderWriter):
    """Writes a run folder."""

    writes = True

    def write(
        self,
        run: Run,
        epochs: Sequence[EpochRecord],
        report: str,
        suspects: Sequence[Suspects],
    ) -> None:
        """Write the files of a run into the temporary folder."""
        checkpoint.save(self.folder / MODEL, run.weights, run.header())
        try:
            (self.folder / REPORT).write_text(report, "utf-8", "xmlcharrefreplace")
            (self.folder / SUSPECTS).write_text(as_csv(suspects), "utf-8")
            (self.folder / METRICS).write_text("".join(dumps(epoch) + "\n" for epoch in epochs))
            files = {name: file_checksum(self.folder / name) for name in MAX_BYTES}
            write_record(self.folder, {"format": FORMAT, **run.record, "files": files})
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error.strerror}") from error


class _NoWriter(RunWriter):
    """Stands for the writer of a run folder in a process that does not write: not the first one."""

    writes = False

    def _check_target(self) -> None:
        """Check nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Leave everything as it is."""

    def publish(self) -> Path:
        """Return the path that the first process writes."""
        return self.path


def run_writer(out: str | os.PathLike[str] | None, name: str, parent: Path = RUNS) -> RunWriter:
    """Return the writer of a run folder; of several processes, only that of the first one writes.

    The arguments and errors are those of a FolderWriter.
    """
    return (RunWriter if group().is_first else _NoWriter)(out, name, parent)
