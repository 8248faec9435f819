"""Writes folders: whole or not at all, and never over somebody else's files."""

import os
import secrets
import shutil
from pathlib import Path
from typing import Any, Self

from hardmax.errors import RunError
from hardmax.files import write_whole
from hardmax.runs.run import (
    FORMAT,
    METRICS,
    MODEL,
    RECORD,
    REPORT,
    SUMMED,
    Run,
    checksum,
    dumps,
    file_checksum,
)
from hardmax.training import checkpoint

__all__ = ["FolderWriter", "RunWriter", "folder_name", "write_record"]

#: How many bytes of a data set's name go into a folder's; some file systems take 143 in all.
NAME_BYTES = 80


def folder_name(data: str, *more: str) -> str:
    """Return a name for a folder: that of the data, shortened and made plain, and more."""
    plain = "".join(letter if letter.isprintable() else "_" for letter in data)
    return "-".join([plain.encode()[:NAME_BYTES].decode(errors="ignore"), *more])


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write a run's record, with its checksum, in place of any that is there."""
    summed = {**record, "checksum": checksum(dumps(record).encode())}
    write_whole(folder / RECORD, (dumps(summed, indent=2) + "\n").encode())


class FolderWriter:
    """Writes a folder; use it in a ``with`` block, which leaves nothing behind on failure.

    In the block ``folder`` is the folder under a temporary name, and ``publish`` gives it its own.
    That is ``out``, or ``runs/NAME`` with a number behind NAME where that is taken.
    Raises RunError, at the beginning of the block where that can be known by then, if the folder
    cannot be written or has something in it.
    """

    def __init__(self, out: str | os.PathLike | None, name: str):
        self.out = None if out is None else Path(out)
        self.name = name
        try:
            self.target = self._find_target()
            self._check_target()
        except OSError as error:
            raise RunError(f"cannot write {self._asked()}: {error.strerror}") from error

    def _asked(self) -> Path:
        return self.out or Path("runs") / self.name

    def _find_target(self) -> Path:
        # A folder can be renamed to where a link leads, not to the link.
        real = Path(os.path.realpath(self.out or "runs"))
        for place in (real, *real.parents):
            if place.is_symlink():
                raise RunError(f"cannot write {self._asked()}: {place} is a link that goes round")
        return real if self.out is not None else real / self.name

    def _check_target(self) -> None:
        if self.out is None or not self.target.exists():
            return
        if not self.target.is_dir() or any(self.target.iterdir()):
            raise RunError(f"{self.out} already exists and is not empty; choose another --out")
        if self.target.samefile(".") or self.target.is_mount():
            raise RunError(
                f"{self.out} cannot be replaced as a whole, because it is the working folder or a "
                f"mount; choose a folder in it, such as --out {self.out / 'run'}"
            )

    def __enter__(self) -> Self:
        parent = self.target.parent
        while not parent.exists():
            parent = parent.parent
        self.folder = parent / f".hardmax-{secrets.token_hex(8)}"
        try:
            # That each name on the way can be had here is better known before the training.
            (self.folder / self.target.relative_to(parent)).mkdir(parents=True)
            shutil.rmtree(self.folder)
            self.folder.mkdir()
        except BaseException as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            if not isinstance(error, OSError):
                raise
            raise RunError(
                f"cannot write {self._asked()} into {parent}: {error.strerror}"
            ) from error
        return self

    def __exit__(self, *exc_info: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def publish(self) -> Path:
        """Give the folder its name and return its path."""
        try:
            return self._rename()
        except OSError as error:
            raise RunError(f"cannot write {self._asked()}: {error.strerror}") from error

    def _rename(self) -> Path:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        number, target = 1, self.target
        while True:
            try:
                self.folder.rename(target)
                return self._asked().with_name(target.name) if number > 1 else self._asked()
            except OSError:
                if self.out is not None or not os.path.lexists(target):
                    raise
                number += 1
                target = self.target.with_name(f"{self.target.name}-{number}")


class RunWriter(FolderWriter):
    """Writes a run folder."""

    def write(self, run: Run, epochs: list[dict[str, Any]], report: str) -> None:
        """Write the run's files, as yet under a temporary name."""
        checkpoint.save(self.folder / MODEL, run.weights, run.header())
        try:
            (self.folder / REPORT).write_text(report, "utf-8", "xmlcharrefreplace")
            (self.folder / METRICS).write_text("".join(dumps(epoch) + "\n" for epoch in epochs))
            files = {name: file_checksum(self.folder / name) for name in SUMMED}
            write_record(self.folder, {"format": FORMAT, **run.record, "files": files})
        except OSError as error:
            raise RunError(f"cannot write {self._asked()}: {error.strerror}") from error
