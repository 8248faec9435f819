"""Downloads are complete and have the right checksum, or leave nothing."""

import contextlib
import hashlib
import logging
import os
import pty
import re
import signal
import subprocess
import sys
import threading

import pooch
import pytest

from hardmax.data.download import fetch, user_cache
from hardmax.errors import DownloadError

BODY = bytes(range(256)) * 40
SHA1 = hashlib.sha1(BODY).hexdigest()
SHA256 = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "new" / "folder"


def entries(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("known", [None, SHA256, f"sha1:{SHA1.upper()}"])
def test_a_file_is_downloaded_into_a_new_folder(known, server, folder):
    server.files["a"] = BODY
    assert fetch([server.url + "a"], folder, "b", known) == folder / "b"
    assert (folder / "b").read_bytes() == BODY
    assert entries(folder) == ["b"]


def test_an_existing_file_is_not_downloaded_again(dead, folder):
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(BODY)
    assert fetch([dead + "a"], folder, "a", SHA256) == folder / "a"
    assert fetch([dead + "a"], folder, "a", None) == folder / "a"


def test_a_file_with_another_checksum_is_downloaded_again(server, folder):
    server.files["a"] = BODY
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(BODY[:-1])
    assert fetch([server.url + "a"], folder, "a", SHA256).read_bytes() == BODY


@pytest.mark.parametrize("bad", ["missing", "cut", "other"])
def test_the_next_url_is_tried_if_one_fails(bad, server, folder):
    server.files.update({"good/a": BODY, "cut/a": BODY, "other/a": BODY[::-1]})
    server.truncated.add("cut/a")
    urls = [f"{server.url}{place}/a" for place in (bad, "good", "never-requested")]
    assert fetch(urls, folder, "a", SHA256).read_bytes() == BODY
    assert server.requests == [f"/{bad}/a", "/good/a"]
    assert entries(folder) == ["a"]


def test_a_failed_download_names_the_reason_for_each_url(server, dead, folder, refused):
    server.files.update({"cut/a": BODY, "other/a": BODY[::-1]})
    server.truncated.add("cut/a")
    urls = [dead + "a", *(f"{server.url}{place}/a" for place in ("gone", "cut", "other"))]
    causes = [dead[7:-1], f"{server.host}: HTTP status 404", "the checksum does not match"]
    with refused(DownloadError, "download a ", folder, *causes):
        fetch(urls, folder, "a", SHA256)
    assert entries(folder) == []


@pytest.mark.parametrize("known", [SHA256, None])
@pytest.mark.parametrize("size", [2, 3000, 10_000_000])
def test_a_truncated_response_leaves_nothing(size, known, server, folder, refused):
    server.files["a"] = bytes(size)
    server.truncated.add("a")
    with refused(DownloadError, "download a ", server.host, folder):
        fetch([server.url + "a"], folder, "a", known)
    assert entries(folder) == []


def test_a_refused_connection_leaves_nothing(dead, folder, refused):
    with refused(DownloadError, "download a ", dead[7:-1], folder):
        fetch([dead + "a"], folder, "a", None)
    assert entries(folder) == []


BAD_URLS = [
    "example.org/data/",
    "/mnt/data/",
    "sftp://example.org/",
    "http://a..b/",
    "http://[/",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_an_invalid_url_is_named(url, folder, refused):
    with pytest.raises(DownloadError) as caught:
        fetch([url + "a"], folder, "a", SHA256)
    assert url.split("://")[-1].strip("/") in str(caught.value)
    assert "checksum" not in str(caught.value)


@pytest.mark.parametrize("url", BAD_URLS)
def test_the_next_url_is_tried_if_one_is_invalid(url, server, folder):
    server.files["a"] = BODY
    assert fetch([url + "a", server.url + "a"], folder, "a", SHA256).read_bytes() == BODY


def test_a_target_below_a_file_cannot_be_written(server, tmp_path, refused):
    server.files["a"] = BODY
    (tmp_path / "file").write_text("here")
    with refused(DownloadError, "cannot write", tmp_path / "file" / "a", "Not a directory"):
        fetch([server.url + "a"], tmp_path / "file", "a", SHA256)
    assert (tmp_path / "file").read_text() == "here"


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_folder_without_permission_cannot_be_written(below, server, unwritable, refused):
    server.files["a"] = BODY
    with refused(DownloadError, "cannot write", unwritable / below / "a", "Permission denied"):
        fetch([server.url + "a"], unwritable / below, "a", SHA256)


@pytest.mark.parametrize("known", [SHA256, None])
def test_a_folder_in_place_of_the_file_is_rejected(known, server, folder, refused):
    server.files["a"] = BODY
    (folder / "a").mkdir(parents=True)
    with refused(DownloadError, folder / "a"):
        fetch([server.url + "a"], folder, "a", known)
    assert entries(folder / "a") == []


def test_missing_certificates_are_not_reported_as_a_write_error(
    folder, monkeypatch, tmp_path, refused
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with refused(DownloadError, "127.0.0.1", "none.pem"):
        fetch(["https://127.0.0.1:1/a"], folder, "a", None)


def run_fetch(url, folder, **options):
    code = (
        "import sys; from pathlib import Path; from hardmax.data.download import fetch; "
        "fetch([sys.argv[1]], Path(sys.argv[2]), 'a', None)"
    )
    return subprocess.Popen([sys.executable, "-c", code, url, str(folder)], **options)


def test_a_download_prints_nothing_without_a_terminal(server, folder):
    server.files["a"] = BODY
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with run_fetch(server.url + "a", folder, **pipes) as process:
        assert process.communicate(timeout=60) == (b"", None)
    assert entries(folder) == ["a"]


def test_a_download_restores_poochs_logger(server, folder, monkeypatch):
    server.files["a"] = BODY
    monkeypatch.setattr(pooch.get_logger(), "level", logging.CRITICAL)
    fetch([server.url + "a"], folder, "a", None)
    assert pooch.get_logger().level == logging.CRITICAL


@pytest.mark.parametrize("exists", [False, True])
def test_a_terminal_shows_the_progress_of_downloads_only(exists, server, folder):
    server.files["a"] = BODY
    if exists:
        folder.mkdir(parents=True)
        (folder / "a").write_bytes(BODY)
    reader, writer = pty.openpty()
    with run_fetch(server.url + "a", folder, stderr=writer) as process:
        assert process.wait(60) == 0
    os.close(writer)
    shown = b""
    with contextlib.suppress(OSError):  # how the other end of a terminal ends on Linux
        while more := os.read(reader, 65536):
            shown += more
    os.close(reader)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert ("10.2/10.2 kB" in shown) != exists
    assert bool(shown.strip()) != exists


def test_an_empty_file_is_downloaded_on_a_terminal(server, folder):
    server.files["a"] = b""
    reader, writer = pty.openpty()
    with run_fetch(server.url + "a", folder, stderr=writer) as process:
        assert process.wait(60) == 0
    os.close(writer)
    os.close(reader)
    assert (folder / "a").read_bytes() == b""


@pytest.mark.parametrize("killer", [signal.SIGINT, signal.SIGKILL])
def test_a_process_that_is_stopped_leaves_no_truncated_file_of_that_name(killer, server, folder):
    server.files["a"] = bytes(2_000_000)
    server.truncated.add("a")
    server.hold = threading.Event()
    with run_fetch(server.url + "a", folder, stderr=subprocess.DEVNULL) as process:
        try:
            while not any(path.stat().st_size for path in folder.glob("*")):
                assert process.poll() is None
        finally:
            process.send_signal(killer)
            process.wait(60)
            server.hold.set()
    assert "a" not in entries(folder)
    assert killer == signal.SIGKILL or entries(folder) == []


def test_the_cache_folder_is_set_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path))
    assert user_cache() == tmp_path
    monkeypatch.delenv("HARDMAX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert user_cache().name == "hardmax"
    assert tmp_path in user_cache().parents


def test_a_notebook_without_widgets_is_not_warned_of_progress_bars(tmp_path):
    (tmp_path / "tqdm").mkdir()
    (tmp_path / "tqdm" / "__init__.py").touch()
    # What tqdm does there, as pooch imports it.
    text = "IProgress not found. Please update jupyter and ipywidgets."
    source = f"import warnings; warnings.warn({text!r}); tqdm = None"
    (tmp_path / "tqdm" / "auto.py").write_text(source)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        "from hardmax.data.download import user_cache; user_cache(); "
        "print(sys.modules['tqdm.auto'].__file__)"
    )
    env = {name: value for name, value in os.environ.items() if name != "HARDMAX_CACHE"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == (str(tmp_path / "tqdm" / "auto.py"), "")
