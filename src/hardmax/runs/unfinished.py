"""Trainings that were stopped before they were finished, each in a folder of its own."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hardmax.errors import RunError
from hardmax.files import is_in_use
from hardmax.processes.group import group
from hardmax.runs.command import absolute_paths
from hardmax.runs.record import RECORD
from hardmax.runs.settings import Settings
from hardmax.runs.writer import RUNS
from hardmax.training.states import State, StateFiles, state_from_first

__all__ = [
    "STATE",
    "Unfinished",
    "advice",
    "asked_record",
    "find",
    "from_first",
    "new_folder",
    "running",
    "unfinished_folder",
]

#: The end of the name of a training's folder, beside the run folder that it is going to write.
SUFFIX = ".unfinished"

#: The file of the last state in it.
STATE = "state.safetensors"


@dataclass(frozen=True)
class Unfinished:
    """A training that was stopped: its ``folder``, and the last ``state`` that it saved.

    ``run`` is the run folder that it is going to write.
    """

    folder: Path
    state: State
    run: Path

    @classmethod
    def open(cls, folder: Path, tell: Callable[[str], None]) -> "Unfinished":
        """Open the folder of a training; ``tell`` receives a line if its last state is damaged.

        Raises RunError if the training is running, if all of its states are damaged, or if it is
        of another version of hardmax.
        """
        _check_idle(folder)
        try:
            found = cls.read(folder, tell)
        except RunError as error:
            raise RunError(f"{error}; delete {folder} to start anew") from error
        if found is None:
            raise RunError(f"{folder} has no state of a training; delete it to start anew")
        return found

    @classmethod
    def read(cls, folder: Path, tell: Callable[[str], None]) -> "Unfinished | None":
        """Read the folder of a training, also of one that is running; None without a state.

        ``tell`` and RunError as in ``open``.
        """
        state = StateFiles(folder / STATE, tell).read()
        if state is None:
            return None
        if not {"asked", "settings", "fingerprint"} <= state.keys():
            raise RunError(f"{folder / STATE} is not the state of a training")
        found = cls(folder, state, folder.with_name(folder.name.removesuffix(SUFFIX)))
        # So that settings that this version does not know are found.
        _ = found.asked, found.settings
        return found

    def check(self, about: State, tell: Callable[[str], None]) -> None:
        """Raise RunError if the data is no longer that of the training; see ``about_training``.

        ``tell`` receives a line if the versions of the packages are others.
        """
        if about["fingerprint"] != self.state["fingerprint"]:
            raise RunError(
                f"the data of the training in {self.folder} has changed since; train anew, without "
                "--resume"
            )
        was, now = self.state["versions"], about["versions"]
        if was != now:
            tell(
                f"the training in {self.folder} was started with {_listed(was)}, and goes on with "
                f"{_listed(now)}; its numbers may differ a little"
            )

    @property
    def finished(self) -> int:
        """The number of networks that are trained."""
        return len(self.state["networks"]["finished"])

    @property
    def has_epoch(self) -> bool:
        """Whether an epoch is complete, of any network."""
        return bool(self.finished or self.state["networks"]["current"]["history"])

    @property
    def asked(self) -> Settings:
        """The settings that were asked for."""
        return Settings.from_record(self.state["asked"])

    @property
    def settings(self) -> Settings:
        """The settings in which nothing is left to choose."""
        return Settings.from_record(self.state["settings"])

    def __str__(self) -> str:
        """Return how far the training is."""
        current, settings = self.state["networks"]["current"], self.settings
        done = f"{len(current['history'])} of {settings.epochs} epochs"
        if current["epoch"] is not None:
            done += f" and {current['epoch']['batches_done']} batches"
        if settings.members == 1:
            return done
        return f"{done} of network {self.finished + 1} of {settings.members}"


def asked_record(asked: Settings) -> dict[str, Any]:
    """Return the settings that a training was given, for its state: paths are absolute.

    Those that were left to the data or the model are None.
    """
    record = {**asked.as_record(), **absolute_paths(asked)}
    return {name: None if name in asked.unset else value for name, value in record.items()}


def from_first(found: Unfinished | None) -> Unfinished | None:
    """Return the training that the first of several processes has found."""
    about = None
    if found is not None:
        about = {**vars(found), "folder": str(found.folder), "run": str(found.run)}
    about = state_from_first(about, group())
    if about is None:
        return None
    return Unfinished(Path(about["folder"]), about["state"], Path(about["run"]))


def advice(folder: Path) -> str:
    """Return how to go on with the training in a folder."""
    return f"hardmax train --resume {folder} goes on with the training"


def unfinished_folder(path: str) -> Path | None:
    """Return the folder of the training that was to write the run ``path``, or that is ``path``."""
    named = Path(path)
    if named.name in ("", ".."):
        named = Path(os.path.abspath(path))
    for folder in (named, named.with_name(named.name + SUFFIX)):
        if folder.name.endswith(SUFFIX) and folder.is_dir() and not (folder / RECORD).exists():
            return folder
    return None


def new_folder(run: Path) -> Path:
    """Create the folder of a training that is going to write a run folder.

    Raises OSError if it cannot be created.
    """
    number, folder = 1, run.with_name(run.name + SUFFIX)
    while True:
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
            folder = run.with_name(f"{run.name}-{number}{SUFFIX}")
        else:
            return folder


def find(asked: Settings, run: Path | None, tell: Callable[[str], None]) -> Unfinished | None:
    """Return the training of these settings that was stopped last, if there is one.

    It was to write the folder ``run``, if that is given, and else a folder in ``runs``; in both
    cases its name may have got a number. ``tell`` receives a line for each folder that is damaged.
    Raises RunError if the training is running.
    """
    wanted = Settings.from_record(asked_record(asked))
    for folder in sorted(_folders(run), key=_saved_at, reverse=True):
        told: list[str] = []
        try:
            found = Unfinished.read(folder, told.append)
        except RunError as error:
            tell(f"{folder} was left out: {error}")
            continue
        if found is not None and found.asked == wanted:
            _check_idle(folder)
            for line in told:
                tell(line)
            return found if run is None else replace(found, run=run)
    return None


def _check_idle(folder: Path) -> None:
    """Raise RunError if the training in a folder is running, or if there is no such folder."""
    try:
        is_running = is_in_use(folder)
    except OSError as error:
        raise RunError(f"cannot read {folder}: {error.strerror}") from error
    if is_running:
        raise running(folder)


def running(folder: Path) -> RunError:
    """Return the error that the training in a folder is running."""
    return RunError(f"the training in {folder} is still running; wait for it, or stop it")


def _folders(run: Path | None) -> Iterator[Path]:
    """Yield the folders of trainings that were to write a run folder, or any in ``runs``."""
    parent, name = (RUNS, ".*") if run is None else (run.parent, re.escape(run.name))
    pattern = re.compile(rf"{name}(-\d+)?{re.escape(SUFFIX)}")
    if parent.is_dir():
        yield from (one for one in parent.iterdir() if pattern.fullmatch(one.name))


def _saved_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:  # another training has been finished in the meantime
        return 0.0


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
