"""The runs that a server has, each under its name; replaced ones are taken up."""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from hardmax.checks import is_plain, listed
from hardmax.data.images.files import strict_pillow
from hardmax.errors import ArgumentError
from hardmax.runs.record import RECORD
from hardmax.runs.run import MAX_BYTES
from hardmax.serving.batching import Batcher, OnBatch
from hardmax.serving.errors import RequestError
from hardmax.serving.limits import Limits
from hardmax.serving.model import ServedModel

__all__ = ["Models"]

log = logging.getLogger(__name__)

#: The seconds between two looks at the folders.
PAUSE = 1.0

#: The seconds until a folder whose run could not be opened is tried again, if it is the same.
RETRY = 60.0

#: The files of a run that have to be whole, and what tells one from a file that has replaced it.
FILES = (RECORD, *MAX_BYTES)
Identity = tuple[tuple[int, int, int, int], ...]


class Source(NamedTuple):
    """Where a model comes from: a folder, and the rule for its decisions."""

    path: str
    costs: Path | None
    below: float | None

    def open(self, name: str) -> ServedModel:
        """Open the run that is in the folder now. Raises like ``ServedModel.open``."""
        return ServedModel.open(self.path, name, self.costs, self.below)

    def identity(self) -> Identity | None:
        """Return what changes when the run is replaced; None if it is not there."""
        try:
            found = [os.stat(Path(self.path, name)) for name in FILES]
        except OSError:
            return None
        return tuple((one.st_dev, one.st_ino, one.st_mtime_ns, one.st_size) for one in found)


class _Entry:
    """A model in service, and the identities of the run and of what was found in its folder.

    If that could not be opened, it is tried ``again`` at that time.
    """

    def __init__(self, source: Source, batcher: Batcher, identity: Identity | None):
        self.source, self.batcher = source, batcher
        self.identity = self.seen = identity
        self.again = 0.0
        self.is_warned = False


class Models:
    """The models in service. Open them with ``open``; iterating gives the batcher of each."""

    def __init__(self, limits: Limits, on_batch: OnBatch | None = None):
        self._limits, self._on_batch = limits, on_batch
        self._entries: dict[str, _Entry] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._pillow = ExitStack()

    @classmethod
    def open(
        cls,
        runs: Sequence[str],
        limits: Limits,
        costs: Path | None = None,
        below: float | None = None,
        on_batch: OnBatch | None = None,
    ) -> "Models":
        """Open the runs in folders, each under the name of its folder.

        ``costs``, ``below`` and ``on_batch`` are those of ``ServedModel.open`` and ``Batcher``.
        Pillow is strict until the models are closed (see ``strict_pillow``). Raises ArgumentError
        for names that are not plain or not different, and like ``ServedModel.open``.
        """
        models = cls(limits, on_batch)
        for name, path in _named(runs).items():
            source = Source(path, costs, below)
            identity = source.identity()
            batcher = Batcher(source.open(name), limits, on_batch)
            models._entries[name] = _Entry(source, batcher, identity)
        models._pillow.enter_context(strict_pillow())
        return models

    def __iter__(self) -> Iterator[Batcher]:
        """Iterate over the batchers."""
        return iter([entry.batcher for entry in self._entries.values()])

    def get(self, name: str | None = None) -> Batcher:
        """Return the batcher of a model; None is for the only one.

        Raises RequestError if there is no model of that name, or more than one without a name.
        """
        if name is None and len(self._entries) == 1:
            (name,) = self._entries
        if name in self._entries:
            return self._entries[name].batcher
        names = listed(self._entries)
        if name is None:
            raise RequestError(f"there are several models; choose one with ?model=NAME: {names}")
        raise RequestError(f"no model {name[:100]!r}; available: {names}", HTTPStatus.NOT_FOUND)

    async def watch(self) -> None:
        """Take up runs that are replaced, until this is cancelled.

        A run that is not whole, or not there, changes nothing, apart from a warning.
        """
        while True:
            await asyncio.sleep(PAUSE)
            for name, entry in self._entries.items():
                await self._look(name, entry)

    async def close(self) -> None:
        """Finish the requests in progress and end all threads."""
        closing = [entry.batcher.close() for entry in self._entries.values()]
        await asyncio.gather(*closing, *self._closing)
        self._pillow.close()

    async def _look(self, name: str, entry: _Entry) -> None:
        """Take up the run in a folder if it is another one."""
        identity = await asyncio.to_thread(entry.source.identity)
        if identity == entry.identity:
            entry.is_warned = False
            return
        if identity == entry.seen and monotonic() < entry.again:
            return
        if identity is None:
            self._warn(name, entry, f"{entry.source.path} no longer has a run")
            return
        try:
            model = await asyncio.to_thread(entry.source.open, name)
        except Exception as error:  # whatever it is, others must be taken up all the same
            entry.seen, entry.again = identity, monotonic() + RETRY
            self._warn(name, entry, str(error))
            return
        if await asyncio.to_thread(entry.source.identity) != identity:
            return  # it was replaced while it was read
        old, entry.batcher = entry.batcher, Batcher(model, self._limits, self._on_batch)
        entry.identity = entry.seen = identity
        entry.is_warned = False
        log.info("%s: took up the run that has replaced it", name)
        task = asyncio.create_task(old.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    @staticmethod
    def _warn(name: str, entry: _Entry, reason: str) -> None:
        """Log once that a model stays in service."""
        if not entry.is_warned:
            entry.is_warned = True
            log.warning("%s stays in service as it was: %s", name, reason)


def _named(runs: Sequence[str]) -> dict[str, str]:
    """Return the paths of runs by their names. Raises ArgumentError for unusable names."""
    # Links are not followed: the name of one stays when it leads to another run.
    paths = [os.path.abspath(run) for run in runs]
    names = [os.path.basename(path) for path in paths]
    for name, count in Counter(names).items():
        if not name or not is_plain(name):
            raise ArgumentError(f"a run cannot be served as {name!r}; rename its folder")
        if count > 1:
            same = [path for path in paths if os.path.basename(path) == name]
            raise ArgumentError(
                f"{count} runs are called {name!r}: {listed(same)}; rename one of the folders, or "
                "give a link to it with another name"
            )
    return dict(zip(names, runs, strict=True))
