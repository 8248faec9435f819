"""What a training keeps while it runs, so that it can be resumed."""

import contextlib
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import Self

import hardmax
from hardmax import frameworks
from hardmax.errors import DivergenceError, HardmaxError, RunError
from hardmax.files import locked
from hardmax.processes.group import group
from hardmax.runs.command import absolute_paths
from hardmax.runs.interruptions import Interruptions
from hardmax.runs.preparation import Prepared
from hardmax.runs.unfinished import STATE, Unfinished, advice, asked_record, new_folder, running
from hardmax.training.states import State, StateFiles

__all__ = ["KeptTraining", "about_training"]


def about_training(ready: Prepared, *, baselines: bool) -> State:
    """Return what each state of a training has in common; see ``Unfinished``."""
    settings = ready.settings
    return {
        "asked": asked_record(ready.asked),
        "settings": {**settings.as_record(), **absolute_paths(settings)},
        "fingerprint": ready.dataset.fingerprint,
        "baselines": baselines,
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": {
            "hardmax": hardmax.__version__,
            **frameworks.versions(settings.framework),
        },
    }


class KeptTraining:
    """A store in the folder of a training that is going to write the run folder ``run``.

    ``about`` is the same in each state; ``resumed`` is what the training goes on from, if anything.
    The folder is created with the first state, and is in use within a ``with`` block, in which
    errors say how to resume the training. ``tell`` receives a line if a state cannot be written:
    the training goes on. Ctrl-C ends it once its state is saved. Of several processes, only the
    first one has a folder.
    """

    def __init__(
        self,
        run: Path,
        about: State,
        *,
        resumed: Unfinished | None,
        interruptions: Interruptions,
        tell: Callable[[str], None],
    ):
        self.run, self.about, self.tell = run, about, tell
        self.interruptions = interruptions
        self.folder: Path | None = None
        self.resumed = resumed
        self.seconds_before = 0.0
        if resumed is not None:
            self.seconds_before = resumed.state["seconds"]
            about["started"] = resumed.state["started"]
        self.created: list[Path] = []
        self.has_failed = False

    def __enter__(self) -> Self:
        self._in_use = contextlib.ExitStack()
        if self.resumed is not None and group().is_first:
            self._use(self.resumed.folder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, DivergenceError):
            self.discard()  # it would diverge again
        self._in_use.close()
        if self.folder is None:
            return
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(advice(self.folder)) from None
        if isinstance(error, HardmaxError):
            raise type(error)(f"{error}; {advice(self.folder)}") from error

    def _use(self, folder: Path) -> None:
        if not self._in_use.enter_context(locked(folder)):
            raise running(folder)
        self.folder = folder
        group().advise(advice(folder))

    def start_clock(self) -> None:
        """Start to measure the time of the training."""
        self.start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """The time that the training has taken so far, before it was resumed too."""
        return self.seconds_before + time.perf_counter() - self.start

    @property
    def is_closing(self) -> bool:
        """Whether there was a Ctrl-C."""
        return self.interruptions.count > 0

    def load(self) -> State | None:
        """Return the last state of the networks; None in a training that starts anew."""
        return None if self.resumed is None else self.resumed.state["networks"]

    def save(self, state: State) -> None:
        """Keep a state of the networks. Raises KeyboardInterrupt if there was a Ctrl-C."""
        try:
            files = StateFiles(self._kept_in() / STATE, self.tell)
            files.save({**self.about, "seconds": self.seconds, "networks": state})
        except (OSError, RunError) as error:
            problem = error.strerror if isinstance(error, OSError) else error
            if not self.has_failed:
                self.tell(f"the state of the training was not saved, and it goes on: {problem}")
            self.has_failed = True
        else:
            self.has_failed = False
        self.interruptions.check()

    def _kept_in(self) -> Path:
        """Return the folder of the training, which is created if there is none yet."""
        if self.folder is None:
            self.created = [one for one in self.run.parents if not one.exists()]
            self.run.parent.mkdir(parents=True, exist_ok=True)
            self._use(new_folder(self.run))
        assert self.folder is not None
        return self.folder

    def discard(self) -> None:
        """Delete the folder, because the training is finished."""
        if self.folder is None:
            return
        rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            self.tell(f"{self.folder} could not be deleted; it is not needed any more")
        for parent in self.created:
            with contextlib.suppress(OSError):  # it has other files by now
                parent.rmdir()
        self.folder = None
