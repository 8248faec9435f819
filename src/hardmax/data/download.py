"""Fetching files: checked by their checksum, and written whole or not at all."""

import contextlib
import logging
import os
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hardmax.errors import ArgumentError, DataError, DownloadError

__all__ = [
    "DATA_HUB",
    "DATA_URL",
    "download",
    "download_all",
    "download_extract",
    "fetch",
]

#: Where the book keeps its small data sets.
DATA_URL = "http://d2l-data.s3-accelerate.amazonaws.com/"

#: The book's register of data sets: name -> (address, SHA-1). Readers add their own.
DATA_HUB: dict[str, tuple[str, str]] = {}


def fetch(urls: Sequence[str], folder: Path, name: str, known_hash: str | None) -> Path:
    """Return ``folder/name``, fetched from the first of ``urls`` that has it.

    ``known_hash`` is ``sha256:...`` or ``sha1:...``, or None where nothing is known. A file
    already there with the right checksum is taken as it is. Raises DownloadError where no
    address serves the file or what came does not match.
    """
    import pooch
    import requests

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
                wrong = "hash of downloaded file" in str(error)
                reason = "the checksum does not match" if wrong else str(error)
                failures.append(f"{_host(url)}: {reason}")
            except PermissionError as error:
                raise DownloadError(f"cannot write {folder / name}: Permission denied") from error
            except OSError as error:
                # Without a number it is no trouble with files but, say, with certificates.
                if error.errno is not None:
                    raise DownloadError(
                        f"cannot write {folder / name}: {error.strerror}"
                    ) from error
                failures.append(f"{_host(url)}: {error}")
    raise DownloadError(
        f"could not download {name} ({'; '.join(failures)}); "
        f"check the network, or put the file into {folder} by hand"
    )


def _host(url: str) -> str:
    """Return the host of an address, or all of what is none."""
    try:
        return urlsplit(url).netloc or url
    except ValueError:
        return url


def _reason(error: Exception) -> str:
    """Say in a few words why a request failed."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"answered {response.status_code}"
    return type(error).__name__


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep a logger from reporting what is no trouble."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Bar:
    """The progress bar that pooch drives, drawn by rich."""

    total = 0

    def __init__(self, bars: Any, name: str):
        self.bars = bars
        self.name = name
        self.task: Any = None

    def update(self, size: int) -> None:
        if self.task is None:
            self.bars.start()
            self.task = self.bars.add_task(self.name, total=None)
        self.bars.update(self.task, total=self.total or None, advance=size)

    def reset(self) -> None:
        if self.task is not None:  # there is none yet where the file was empty
            self.bars.reset(self.task)

    def close(self) -> None:
        if self.task is not None:
            self.bars.stop()


@contextlib.contextmanager
def _progress(name: str) -> Iterator[Any]:
    """Give a progress bar on stderr where that is a terminal, else False."""
    if not sys.stderr.isatty():
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
    """Fetch ``url``, or the entry of DATA_HUB of that name, into a folder; return the path.

    ``cache_dir`` is the older edition's name for ``folder``. Raises ArgumentError for a name
    that is neither, DownloadError where the file cannot be had.
    """
    if url in DATA_HUB:
        url, sha1_hash = DATA_HUB[url]
    try:
        name = urlsplit(url).path.rsplit("/", 1)[-1]
    except ValueError:
        name = ""
    if "://" not in url or name in ("", ".", ".."):
        known = ", ".join(DATA_HUB) or "none so far"
        raise ArgumentError(
            f"cannot download {url!r}: give an address, or a name in DATA_HUB ({known})"
        )
    known_hash = f"sha1:{sha1_hash}" if sha1_hash else None
    return str(fetch([url], Path(cache_dir or folder), name, known_hash))


def download_extract(name: str, folder: str | None = None) -> str:
    """Fetch a zip or tar archive and unpack it beside itself; return the unpacked folder.

    The folder is called ``folder``, or like the archive without its ending. Raises DataError
    where the file is no such archive or would write outside of its folder.
    """
    archive = Path(download(name))
    try:
        _unpack(archive)
    except tarfile.ReadError as error:
        raise DataError(f"cannot unpack {archive}: it is no whole zip or tar archive") from error
    except Exception as error:  # zipfile lets through whatever its decompressors raise
        raise DataError(f"cannot unpack {archive}: {error}") from error
    return str(archive.parent / (folder or archive.stem.removesuffix(".tar")))


def _unpack(archive: Path) -> None:
    """Unpack a zip or tar archive beside itself, unless it would write elsewhere."""
    base = archive.parent
    if not zipfile.is_zipfile(archive):
        with tarfile.open(archive) as opened:
            opened.extractall(base, filter="data")
        return
    with zipfile.ZipFile(archive) as opened:
        for member in opened.namelist():
            if not (base / member).resolve().is_relative_to(base.resolve()):
                raise ValueError(f"{member!r} would be outside of {base}")
        opened.extractall(base)


def download_all() -> None:
    """Fetch every entry of DATA_HUB."""
    for name in DATA_HUB:
        download(name)


def user_cache() -> Path:
    """Return the folder for downloads of the person who runs this."""
    import pooch

    return Path(os.environ.get("HARDMAX_CACHE") or pooch.os_cache("hardmax"))
