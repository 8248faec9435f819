"""Downloads, verified by checksum and written completely or not at all."""

import contextlib
import logging
import os
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from hardmax.errors import ArgumentError, DataError, DownloadError
from hardmax.plotting.drawers import redraws

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = [
    "DATA_HUB",
    "DATA_URL",
    "download",
    "download_all",
    "download_extract",
    "fetch",
]

#: The base URL of the book's small data sets.
DATA_URL = "http://d2l-data.s3-accelerate.amazonaws.com/"

#: The book's registry of data sets: name -> (URL, SHA-1). Readers can add to it.
DATA_HUB: dict[str, tuple[str, str]] = {}


def fetch(urls: Sequence[str], folder: Path, name: str, known_hash: str | None) -> Path:
    """Return ``folder/name``, downloaded from the first of ``urls`` that works.

    ``known_hash`` is ``sha256:...``, ``sha1:...`` or None if unknown. An existing file with the
    right checksum is not downloaded again. Raises DownloadError if no URL serves the file with
    that checksum.
    """
    import requests

    pooch = _pooch()

    if (folder / name).is_dir():
        raise DownloadError(f"cannot write {folder / name}: it is a folder")
    failures = []
    for url in urls:
        with _progress(name) as progress, _quiet(pooch.get_logger()):
            downloader = pooch.HTTPDownloader(progressbar=progress, timeout=30)
            try:
                return Path(pooch.retrieve(url, known_hash, name, folder, downloader=downloader))
            except requests.exceptions.RequestException as error:
                failures.append(f"{_host(url)}: {_reason(error)}")
            except ValueError as error:
                mismatch = "hash of downloaded file" in str(error)
                reason = "the checksum does not match" if mismatch else str(error)
                failures.append(f"{_host(url)}: {reason}")
            except PermissionError as error:
                raise DownloadError(f"cannot write {folder / name}: Permission denied") from error
            except OSError as error:
                # Errors without errno are not about files but, for example, certificates.
                if error.errno is not None:
                    raise DownloadError(
                        f"cannot write {folder / name}: {error.strerror}"
                    ) from error
                failures.append(f"{_host(url)}: {error}")
    raise DownloadError(
        f"could not download {name} ({'; '.join(failures)}); "
        f"check the network, or put the file into {folder} yourself"
    )


def _host(url: str) -> str:
    """Return the host of a URL, or the whole string if it is not a URL."""
    try:
        return urlsplit(url).netloc or url
    except ValueError:
        return url


def _reason(error: Exception) -> str:
    """Return a short reason why a request failed."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    return type(error).__name__


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Silence a logger below errors."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Bar:
    """Adapter that lets pooch drive a rich progress bar."""

    total = 0

    def __init__(self, bars: "Progress", name: str):
        self.bars = bars
        self.name = name
        self.task: TaskID | None = None

    def update(self, size: int) -> None:
        if self.task is None:
            self.bars.start()
            self.task = self.bars.add_task(self.name, total=None)
        self.bars.update(self.task, total=self.total or None, advance=size)

    def reset(self) -> None:
        if self.task is not None:  # an empty file never starts one
            self.bars.reset(self.task)

    def close(self) -> None:
        if self.task is not None:
            self.bars.stop()


@contextlib.contextmanager
def _progress(name: str) -> Iterator[_Bar | Literal[False]]:
    """Yield a progress bar if stderr is a terminal, else False."""
    if not redraws(sys.stderr):
        yield False
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    bar = _Bar(Progress(*columns, console=Console(stderr=True)), name)
    try:
        yield bar
    finally:
        bar.close()


def download(
    url: str, folder: str = "../data", sha1_hash: str | None = None, *, cache_dir: str | None = None
) -> str:
    """Download a URL, or the DATA_HUB entry of that name, into a folder and return the path.

    ``cache_dir`` is the older edition's name for ``folder``. Raises ArgumentError if ``url`` is
    neither, DownloadError if the file cannot be downloaded.
    """
    if url in DATA_HUB:
        url, sha1_hash = DATA_HUB[url]
    try:
        name = urlsplit(url).path.rsplit("/", 1)[-1]
    except ValueError:
        name = ""
    if "://" not in url or name in ("", ".", ".."):
        known = ", ".join(DATA_HUB) or "empty"
        raise ArgumentError(f"cannot download {url!r}: use a URL, or a name in DATA_HUB ({known})")
    known_hash = f"sha1:{sha1_hash}" if sha1_hash else None
    return str(fetch([url], Path(cache_dir or folder), name, known_hash))


def download_extract(name: str, folder: str | None = None) -> str:
    """Download a zip or tar archive, extract it next to itself and return the extracted folder.

    The folder's name is ``folder``, or that of the archive without its extension. Raises DataError
    if the file is not a valid archive or would write outside its folder.
    """
    archive = Path(download(name))
    try:
        _extract(archive)
    except tarfile.ReadError as error:
        raise DataError(f"cannot extract {archive}: not a complete zip or tar archive") from error
    except Exception as error:  # zipfile passes on whatever its decompressors raise
        raise DataError(f"cannot extract {archive}: {error}") from error
    return str(archive.parent / (folder or archive.stem.removesuffix(".tar")))


def _extract(archive: Path) -> None:
    """Extract an archive next to itself. Raises an error if it would write elsewhere."""
    base = archive.parent
    if not zipfile.is_zipfile(archive):
        with tarfile.open(archive) as opened:
            opened.extractall(base, filter="data")
        return
    with zipfile.ZipFile(archive) as opened:
        for member in opened.namelist():
            if not (base / member).resolve().is_relative_to(base.resolve()):
                raise ValueError(f"{member!r} would be outside {base}")
        opened.extractall(base)


def download_all() -> None:
    """Download every entry of DATA_HUB."""
    for name in DATA_HUB:
        download(name)


def user_cache() -> Path:
    """Return the per-user cache folder."""
    return Path(os.environ.get("HARDMAX_CACHE") or _pooch().os_cache("hardmax"))


def _pooch() -> Any:
    """Return pooch, imported without a warning about progress bars that are not used."""
    with warnings.catch_warnings():
        # tqdm's, in a notebook without ipywidgets.
        warnings.filterwarnings("ignore", message="IProgress not found")
        import pooch
    return pooch
