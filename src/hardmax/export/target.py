"""Where an export is written: beside the run, never over what it needs."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from hardmax.errors import ExportError, RunError
from hardmax.files import open_whole
from hardmax.runs.run import Run
from hardmax.runs.writer import FolderWriter

__all__ = ["target_of", "whole"]


def target_of(run: Run, path: str, out: Path | None, suffix: str) -> Path:
    """Return where the run in ``path`` is exported to: ``out``, or the run's name and the suffix.

    Raises ExportError if that is in the run folder, or the data that the run was trained on.
    """
    folder = os.path.normpath(path)
    if os.path.basename(folder) in ("", ".", ".."):
        folder = os.path.abspath(folder)
    target = Path(f"{folder}{suffix}") if out is None else out
    real = os.path.realpath(target)
    if os.path.realpath(path) in (real, os.path.dirname(real)):
        raise ExportError(f"cannot export to {target}, which is in the run folder; choose another")
    sources = (run.settings.data, run.settings.test)
    if real in [os.path.realpath(one) for one in sources if isinstance(one, str)]:
        raise ExportError(f"cannot export to {target}, the data of the run; choose another file")
    return target


@contextlib.contextmanager
def whole(target: Path, is_folder: bool = False) -> Iterator[Path]:
    """Yield an empty file or folder, renamed when the block ends and deleted if it fails.

    Raises RunError if it cannot be written, or if the target is a folder that is not empty.
    """
    try:
        if is_folder:
            with FolderWriter(target, "") as writer:
                yield writer.folder
                writer.publish()
        else:
            with open_whole(target) as file:
                yield Path(file.name)
    except OSError as error:
        raise RunError(f"cannot write {target}: {error.strerror or error}") from error
